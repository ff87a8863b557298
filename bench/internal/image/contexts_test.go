package image_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
)

// contextBuild builds a Dockerfile with named contexts, in a store that has the
// image other:1 with the file f.
func contextBuild(t *testing.T, dockerfile string, contexts map[string]coldstart.NamedContext) (*image.Store, coldstart.Image, error) {
	t.Helper()
	s := open(t)
	if _, err := s.Put(t.Context(), "other:1", bytes.NewReader(saved(t, "amd64", layerTar(t, file("f"))))); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files(t, dir, map[string]string{"Dockerfile": dockerfile, "main": "main"})
	v := variant(dir)
	v.Build.Contexts = contexts
	img, err := s.Build(t.Context(), v, image.Options{Arch: "amd64", PullTimeout: -1})
	return s, img, err
}

// contextCase is a Dockerfile with named contexts, and what it comes to.
type contextCase struct {
	name, dockerfile string
	contexts         map[string]coldstart.NamedContext
	base             string
	want             map[string]string // content of files, "" for none
}

// contextCases are the cases of named contexts. The precedence is BuildKit's: see
// dockerfile2llb's convert.go, and "When Dockerfile defines a stage with the same
// name it's overwritten" in Docker's documentation of named contexts.
func contextCases(t *testing.T) []contextCase {
	folder := t.TempDir()
	files(t, folder, map[string]string{"a": "a of the folder", "sub/b": "b", "f": "f of the folder", "hidden": "x", ".dockerignore": "hidden\n", "other.dockerignore": "a\n"})
	service := t.TempDir()
	dockerfile := "FROM scratch AS one\nCOPY s /s\nENV S=1\nFROM one\nCOPY Dockerfile /last\n"
	files(t, service, map[string]string{"s": "s of the service", "Dockerfile": dockerfile})
	dir := coldstart.NamedContext{Dir: folder}
	other := coldstart.NamedContext{Image: "other:1"}
	built := coldstart.NamedContext{Build: &coldstart.Build{Context: service, Dockerfile: filepath.Join(service, "Dockerfile"), Service: "base"}}
	stage := coldstart.NamedContext{Build: &coldstart.Build{Context: service, Dockerfile: filepath.Join(service, "Dockerfile"), Target: "one"}}
	type contexts = map[string]coldstart.NamedContext
	return []contextCase{
		{"COPY from a folder", "FROM scratch\nCOPY --from=src a sub/b /x/\nCOPY main /\n", contexts{"src": dir}, "scratch",
			map[string]string{"x/a": "a of the folder", "x/b": "b", "main": "main"}},
		{"all of a folder but what it ignores", "FROM scratch\nCOPY --from=src . /\n", contexts{"src": dir}, "scratch",
			map[string]string{"a": "a of the folder", "sub/b": "b", "hidden": ""}},
		{"FROM a folder", "FROM src\nCOPY main /m\n", contexts{"src": dir}, "scratch",
			map[string]string{"a": "a of the folder", "m": "main", "hidden": ""}},
		{"a folder in the place of an image", "FROM scratch\nCOPY --from=other:1 f /f\n", contexts{"other:1": dir}, "scratch",
			map[string]string{"f": "f of the folder"}},
		{"latest is no other name", "FROM scratch\nCOPY --from=docker.io/library/src:latest f /f\n", contexts{"src": dir}, "scratch",
			map[string]string{"f": "f of the folder"}},
		{"FROM an image of another name", "FROM base\nCOPY main /m\n", contexts{"base": other}, "other:1",
			map[string]string{"f": "f", "m": "main"}},
		{"COPY from an image of another name", "FROM scratch\nCOPY --from=base f /g\n", contexts{"base": other}, "scratch",
			map[string]string{"g": "f"}},
		{"an image without files", "FROM base\nCOPY main /m\n", contexts{"base": {Image: "scratch"}}, "scratch",
			map[string]string{"m": "main"}},
		{"FROM a service", "FROM base\nCOPY main /m\n", contexts{"base": built}, "scratch",
			map[string]string{"s": "s of the service", "last": dockerfile, "m": "main"}},
		{"COPY from a service's stage", "FROM scratch\nCOPY --from=base / /\n", contexts{"base": stage}, "scratch",
			map[string]string{"s": "s of the service", "last": ""}},
		{"a stage is replaced and not built", "FROM nowhere:1 AS SRC\nCOPY missing /f\nFROM scratch\nCOPY --from=src f /1\nCOPY --from=0 a /2\n", contexts{"src": dir}, "scratch",
			map[string]string{"1": "f of the folder", "2": "a of the folder"}},
		{"a stage that is a base is replaced", "FROM nowhere:1 AS base\nFROM base\nCOPY main /m\n", contexts{"base": other}, "other:1",
			map[string]string{"f": "f", "m": "main"}},
		{"a stage goes before an image of a context", "FROM scratch AS one\nCOPY main /f\nFROM one\n", contexts{"two": dir}, "scratch",
			map[string]string{"f": "main"}},
		{"scratch stays", "FROM scratch\nCOPY main /m\n", contexts{"scratch": dir}, "scratch",
			map[string]string{"m": "main", "a": ""}},
		{"what is not used need not be there", "FROM scratch\nCOPY main /m\n", contexts{"x": {Other: "https://example.com/x.git"}, "y": {Dir: "/nowhere"}}, "scratch",
			map[string]string{"m": "main"}},
	}
}

func TestNamedContexts(t *testing.T) {
	for _, c := range contextCases(t) {
		t.Run(c.name, func(t *testing.T) {
			s, img, err := contextBuild(t, c.dockerfile, c.contexts)
			if err != nil {
				t.Fatal(err)
			}
			if img.Base != c.base {
				t.Errorf("base %q, want %q", img.Base, c.base)
			}
			root, err := s.Unpack(t.Context(), img)
			if err != nil {
				t.Fatal(err)
			}
			var got, want []string
			for _, line := range listed(t, root) {
				got = append(got, strings.Fields(line)[0])
			}
			for name, content := range c.want {
				if content != "" {
					want = append(want, name)
					if is := unpacked(t, s, img, name); is != content {
						t.Errorf("%s holds %q, want %q", name, is, content)
					}
				}
			}
			for name, content := range c.want {
				if content == "" && strings.Contains(strings.Join(got, " ")+" ", name+" ") {
					t.Errorf("%s is there: %q", name, got)
				}
			}
			if len(want) == 0 {
				t.Error("nothing is checked")
			}
		})
	}
}

func TestNamedContextsThatAreNotThere(t *testing.T) {
	service := t.TempDir()
	files(t, service, map[string]string{"Dockerfile": "FROM scratch\nRUN x\n"})
	for _, c := range []struct {
		name, dockerfile string
		context          coldstart.NamedContext
		err              string
		engine           bool
	}{
		{"a repository", "FROM scratch\nCOPY --from=src a /\n", coldstart.NamedContext{Other: "https://example.com/x.git"}, "Dockerfile:2: COPY from the additional context src, https://example.com/x.git, needs a container engine's own builder", true},
		{"a repository as a base", "FROM src\n", coldstart.NamedContext{Other: "git@example.com:x.git"}, "Dockerfile:1: the additional context src, git@example.com:x.git, needs", true},
		{"a repository in a trigger", "FROM scratch AS x\nONBUILD COPY --from=src a /\nFROM x\n", coldstart.NamedContext{Other: "https://example.com/x.git"}, "Dockerfile:3: the base's ONBUILD COPY from the additional context src, https://example.com/x.git, needs", true},
		{"a service with RUN", "FROM src\n", coldstart.NamedContext{Build: &coldstart.Build{Context: service, Dockerfile: filepath.Join(service, "Dockerfile"), Service: "base"}}, "service base: Dockerfile:2: RUN needs", true},
		{"no folder", "FROM scratch\nCOPY --from=src a /\n", coldstart.NamedContext{Dir: "/nowhere/at/all"}, "additional context src: opening build context: open /nowhere/at/all", false},
		{"no image", "FROM src\n", coldstart.NamedContext{Image: "nowhere:1"}, "getting image nowhere:1 for linux/amd64", false},
		{"no file", "FROM scratch\nCOPY --from=src a /\n", coldstart.NamedContext{Image: "other:1"}, "COPY a: no such file or folder", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, img, err := contextBuild(t, c.dockerfile, map[string]coldstart.NamedContext{"src": c.context})
			if err == nil || !strings.Contains(err.Error(), c.err) || errors.Is(err, image.ErrNeedsEngine) != c.engine {
				t.Errorf("got %v, want %q", err, c.err)
			}
			if !reflect.DeepEqual(img, coldstart.Image{}) {
				t.Errorf("an error came with %+v", img)
			}
		})
	}
}

// A Dockerfile in the compose file, labels and platforms are those of the build
// section.
func TestBuildHonoursTheBuildSection(t *testing.T) {
	s, dir := open(t), t.TempDir()
	files(t, dir, map[string]string{"main": "main", "Dockerfile": "FROM nowhere\n"})
	v := variant(dir)
	v.Build.Dockerfile = filepath.Join(dir, "dockerfile_inline")
	v.Build.Inline = "FROM scratch\nLABEL a=file b=file\nCOPY main /m\n"
	v.Build.Labels = map[string]string{"b": "section", "coldbench.stand-in": "1"}
	v.Build.Platforms = []string{"linux/amd64", "linux/arm64/v8"}
	img, err := s.Build(t.Context(), v, image.Options{Arch: "arm64"})
	if err != nil {
		t.Fatal(err)
	}
	if got := unpacked(t, s, img, "m"); got != "main" || img.Arch != "arm64" || !img.StandIn {
		t.Errorf("m holds %q, image %+v", got, img)
	}
	v.Build.Platforms = []string{"linux/amd64"}
	if _, err := s.Build(t.Context(), v, image.Options{Arch: "arm64"}); err == nil || !strings.Contains(err.Error(), "the build of v is for linux/amd64, not linux/arm64") {
		t.Errorf("another platform: %v", err)
	}
	v.Build.Inline = "FROM scratch\nNONSENSE\n"
	if _, err := s.Build(t.Context(), v, image.Options{Arch: "amd64"}); err == nil || !strings.Contains(err.Error(), "dockerfile_inline:2: ") {
		t.Errorf("an error in the text: %v", err)
	}
}
