// Package internal_test guards the plan of the house: which package imports
// which, and where each library lives.
package internal_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "coldbench/"

// every stands for all packages of ours.
const every = "*"

// arrows lists for each package of ours which others of ours it may import. A
// package that is not in the list is an error: it has to be put in its place
// first. Imports point down only; runner and analysis never meet, and render
// never sees a sample.
var arrows = map[string][]string{
	"bench": {"bench/internal/cli"},

	"bench/internal/cli":   {every},
	"bench/lambdalog":      {},
	"bench/runtimeapi":     {"bench/lambdalog"},
	"bench/internal/price": {},

	"bench/internal/advice":    {},
	"bench/internal/coldstart": {},
	"bench/internal/emulator":  {},
	"bench/internal/payload":   {},
	"bench/internal/stats":     {},
	"bench/internal/plan":      {"bench/internal/coldstart", "bench/internal/stats", "bench/internal/price"},
	"bench/internal/runner":    {"bench/internal/coldstart", "bench/internal/plan", "bench/internal/stats"},
	"bench/internal/runfile":   {"bench/internal/advice", "bench/internal/coldstart", "bench/internal/plan"},
	"bench/internal/variant":   {"bench/internal/advice", "bench/internal/coldstart", "bench/internal/emulator"},
	"bench/internal/image":     {"bench/internal/advice", "bench/internal/atomicfile", "bench/internal/coldstart", "bench/internal/emulator"},
	"bench/internal/analysis":  {"bench/internal/coldstart", "bench/internal/runfile", "bench/internal/stats", "bench/internal/price", "bench/internal/plan"},
	"bench/internal/render":    {"bench/internal/analysis"},
	"bench/internal/results":   {"bench/internal/advice", "bench/internal/coldstart", "bench/internal/runfile", "bench/internal/analysis", "bench/internal/plan", "bench/internal/render", "bench/internal/atomicfile"},

	"bench/internal/progress": {"bench/internal/coldstart", "bench/internal/image", "bench/internal/plan", "bench/internal/runner"},

	"bench/internal/atomicfile": {},
	"bench/internal/host":       {},
	"bench/internal/interrupt":  {},

	"bench/internal/backend/localenv":             {"bench/internal/advice", "bench/internal/coldstart", "bench/lambdalog", "bench/runtimeapi"},
	"bench/internal/backend/docker":               local,
	"bench/internal/backend/sandbox":              append([]string{"bench/internal/atomicfile"}, local...),
	"bench/internal/backend/awslambda":            {"bench/internal/advice", "bench/internal/atomicfile", "bench/internal/coldstart", "bench/lambdalog"},
	"bench/internal/backend/fake":                 {"bench/internal/backend/localenv", "bench/internal/coldstart", "bench/lambdalog", "bench/runtimeapi"},
	"bench/internal/backend/backendtest":          {"bench/internal/coldstart", "bench/lambdalog"},
	"bench/internal/backend/backendtest/function": {"function/started"},
	"bench/internal/backend/backendtest/overlay2": {"bench/internal/backend/backendtest"},
	"bench/internal/committed":                    {"bench/internal/backend/backendtest"},
	// sandbox's machines are described and answered in the words of runtimeapi.
	"bench/internal/awssim":            {"bench/lambdalog", "bench/runtimeapi", "bench/internal/backend/sandbox", "bench/internal/coldstart"},
	"bench/internal/rehearsal":         {"bench/internal/awssim", "bench/internal/backend/sandbox", "bench/internal/coldstart", "bench/internal/image"},
	"bench/internal/awssim/awssimtest": {"bench/internal/awssim", "bench/internal/backend/sandbox", "bench/internal/coldstart", "bench/lambdalog", "bench/runtimeapi"},

	"function":         {"function/started"},
	"function/started": {},
	"images/rie":       {"bench/runtimeapi", "bench/lambdalog"},
	"images/start":     {},
}

// local engines.
var local = []string{
	"bench/internal/advice", "bench/internal/backend/localenv", "bench/internal/coldstart", "bench/lambdalog", "bench/runtimeapi",
	"bench/internal/atomicfile", "bench/internal/payload",
}

// libraries lists who may import what is not ours. What is in no line may be
// imported by nobody.
var libraries = []struct {
	prefix string
	by     []string
}{
	{"github.com/compose-spec/compose-go/", []string{"bench/internal/variant"}},
	{"github.com/sirupsen/logrus", []string{"bench/internal/variant"}}, // compose-go's own log, to silence it
	{"go.yaml.in/yaml/", []string{"bench/internal/variant"}},
	{"github.com/google/go-containerregistry/", []string{"bench/internal/image"}},
	{"github.com/klauspost/compress/", []string{"bench/internal/image"}},
	{"github.com/moby/buildkit/", []string{"bench/internal/image"}},
	{"github.com/moby/patternmatcher", []string{"bench/internal/image"}},
	{"github.com/tonistiigi/dchapes-mode", []string{"bench/internal/image"}}, // BuildKit's reader of --chmod
	{"github.com/rogpeppe/go-internal/lockedfile", []string{"bench/internal/image"}},
	{"github.com/moby/moby/", []string{"bench/internal/backend/docker"}},
	{"github.com/containerd/errdefs", []string{"bench/internal/backend/docker"}},
	{"github.com/docker/go-connections/nat", []string{"bench/internal/image"}}, // EXPOSE
	{"github.com/docker/", []string{"bench/internal/backend/docker"}},
	{"github.com/opencontainers/image-spec/", []string{"bench/internal/backend/docker"}},
	{"github.com/containerd/cgroups/", []string{"bench/internal/backend/sandbox"}},
	{"github.com/aws/aws-sdk-go-v2/", []string{"bench/internal/backend/awslambda"}},
	{"github.com/aws/smithy-go", []string{"bench/internal/backend/awslambda"}},
	{"github.com/aws/aws-lambda-go/", []string{"function", "bench/internal/backend/backendtest/function"}},
	{"github.com/olekukonko/tablewriter", []string{"bench/internal/render"}},
	{"golang.org/x/perf/", []string{"bench/internal/stats"}},
	{"github.com/segmentio/encoding/json", []string{"bench/internal/runfile"}},
	{"github.com/spf13/", []string{"bench/internal/cli"}},
	{"github.com/vbauerster/mpb/", []string{"bench/internal/progress"}},
	{"golang.org/x/term", []string{"bench/internal/cli"}},
	{"golang.org/x/sys/", []string{
		"bench/runtimeapi", "bench/internal/runfile", "bench/internal/image", "bench/internal/cli", "bench/internal/backend/sandbox",
		"bench/internal/backend/docker", "images/rie",
	}},
}

// vague are names that say nothing of what a package is for.
var vague = []string{"util", "utils", "common", "types", "models", "helpers", "manager", "misc", "base", "shared", "lib"}

// pkg is what the go command says of a package.
type pkg struct {
	ImportPath, Name, Doc string
	Imports, Deps         []string
	Standard              bool
}

// watch reads every source file, so that the go command does not take the
// result of an earlier test for this one's when only another package changed.
func watch(t *testing.T) {
	t.Helper()
	n := 0
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 2 {
			return fs.SkipDir
		}
		if d.Type().IsRegular() && filepath.Ext(path) == ".go" {
			n++
			_, err = os.ReadFile(path)
		}
		return err
	})
	if err != nil || n == 0 {
		t.Fatalf("reading sources: %d files, %v", n, err)
	}
}

// list asks the go command for packages as built for an operating system.
func list(t *testing.T, goos string, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Name,Doc,Imports,Deps,Standard"}, args...)...)
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOFLAGS=", "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
	if len(pkgs) == 0 {
		t.Fatal("go list named no package")
	}
	return pkgs
}

// wrong returns what is wrong with a package's imports, name and comment.
func wrong(p pkg) (out []string) {
	complain := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	name := strings.TrimPrefix(p.ImportPath, module)
	allowed, known := arrows[name]
	if !known {
		complain("%s has no place in the list of arrows", name)
	}
	if slices.Contains(vague, p.Name) || slices.Contains(vague, path.Base(name)) {
		complain("%s: the name says nothing", name)
	}
	if p.Doc == "" {
		complain("%s has no package comment", name)
	}
	for _, i := range p.Imports {
		first, _, _ := strings.Cut(i, "/")
		if ours, ok := strings.CutPrefix(i, module); ok {
			if !slices.Contains(allowed, ours) && !slices.Contains(allowed, every) {
				complain("%s must not import %s", name, ours)
			}
		} else if strings.Contains(first, ".") && !mayImport(name, i) {
			complain("%s must not import %s: see the list of libraries", name, i)
		}
	}
	return out
}

func mayImport(name, library string) bool {
	for _, l := range libraries {
		if strings.HasPrefix(library, l.prefix) {
			return slices.Contains(l.by, name)
		}
	}
	return false
}

func TestImportsPointDown(t *testing.T) {
	watch(t)
	for _, goos := range []string{"linux", "darwin", "windows"} {
		for _, p := range list(t, goos, module+"...") {
			if p.Name == "" || len(p.Imports) == 0 && p.Doc == "" {
				continue // a folder with nothing but tests, or nothing for this system
			}
			for _, w := range wrong(p) {
				t.Errorf("on %s: %s", goos, w)
			}
		}
	}
}

// The arrows themselves must not go round.
func TestArrowsHaveNoCircle(t *testing.T) {
	var visit func(name string, above []string)
	visit = func(name string, above []string) {
		if slices.Contains(above, name) {
			t.Fatalf("a circle: %s", strings.Join(append(above, name), " -> "))
		}
		for _, a := range arrows[name] {
			if a != every {
				visit(a, append(slices.Clone(above), name))
			}
		}
	}
	for name := range arrows {
		visit(name, nil)
	}
}

// The walls, whatever way round: what is built of these must not contain that.
func TestWalls(t *testing.T) {
	for name, without := range map[string][]string{
		"bench/internal/runner":  {module + "bench/internal/analysis", module + "bench/internal/runfile", module + "bench/lambdalog"},
		"bench/internal/render":  {module + "bench/internal/runner", module + "bench/internal/backend", "os/exec"},
		"bench/internal/stats":   {module + "bench/internal/coldstart", module + "bench/lambdalog", "os/exec"},
		"images/start":           {"net", "net/http", "fmt", "encoding/json", "reflect", "golang.org/", "github.com/"},
		"images/rie":             {"github.com/", "gopkg.in/", "go.opentelemetry.io/"},
		"function":               {module + "bench", "github.com/spf13", "github.com/moby"},
		"bench/runtimeapi":       {"github.com/", module + "bench/internal"},
		"bench/lambdalog":        {"github.com/", "golang.org/", "net/http", "os/exec"},
		"bench/internal/runfile": {"github.com/spf13", "github.com/aws", "github.com/moby", "net/http", "os/exec"},
	} {
		for _, p := range list(t, "linux", module+name) {
			for _, d := range p.Deps {
				for _, w := range without {
					// The standard library's own copies are vendor/golang.org/….
					if d == w || strings.HasPrefix(d, strings.TrimSuffix(w, "/")+"/") && w != "net" {
						t.Errorf("%s is built with %s", name, d)
					}
				}
			}
		}
	}
}

// The test itself has to notice what it is for.
func TestWrongImportsAreNoticed(t *testing.T) {
	for _, c := range []struct {
		p    pkg
		want string
	}{
		{pkg{ImportPath: "coldbench/bench/internal/runner", Name: "runner", Doc: "x", Imports: []string{"fmt", "coldbench/bench/internal/runfile"}}, "must not import bench/internal/runfile"},
		{pkg{ImportPath: "coldbench/bench/internal/render", Name: "render", Doc: "x", Imports: []string{"coldbench/bench/internal/coldstart"}}, "must not import bench/internal/coldstart"},
		{pkg{ImportPath: "coldbench/bench/internal/runner", Name: "runner", Doc: "x", Imports: []string{"github.com/spf13/cobra"}}, "must not import github.com/spf13/cobra"},
		{pkg{ImportPath: "coldbench/bench/internal/cli", Name: "cli", Doc: "x", Imports: []string{"github.com/moby/moby/client"}}, "must not import github.com/moby"},
		{pkg{ImportPath: "coldbench/bench/internal/cli", Name: "cli", Doc: "x", Imports: []string{"example.com/left-pad"}}, "must not import example.com"},
		{pkg{ImportPath: "coldbench/bench/internal/util", Name: "util", Doc: "x"}, "says nothing"},
		{pkg{ImportPath: "coldbench/bench/internal/new", Name: "new", Doc: "x"}, "no place"},
		{pkg{ImportPath: "coldbench/bench/internal/runner", Name: "runner"}, "no package comment"},
	} {
		if got := strings.Join(wrong(c.p), "\n"); !strings.Contains(got, c.want) {
			t.Errorf("%+v: %q, want %q", c.p, got, c.want)
		}
	}
	if got := wrong(pkg{ImportPath: "coldbench/bench/internal/runner", Name: "runner", Doc: "x", Imports: []string{"fmt", "coldbench/bench/internal/coldstart"}}); got != nil {
		t.Errorf("nothing is wrong, and yet: %q", got)
	}
}
