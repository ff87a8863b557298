package variant

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
)

// folder makes a folder with files, name to text.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func load(t *testing.T, o Options) []coldstart.Variant {
	t.Helper()
	v, err := Load(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func names(variants []coldstart.Variant) []string {
	var n []string
	for _, v := range variants {
		n = append(n, v.Name)
	}
	return n
}

// TestSourceDateEpoch: it comes from the environment, unless the file sets it.
func TestSourceDateEpoch(t *testing.T) {
	dir := folder(t, map[string]string{"docker-compose.yml": `
services:
  a:
    build: .
  b:
    build: {context: ., args: {SOURCE_DATE_EPOCH: "2", A: "1"}}
`})
	for _, test := range []struct {
		env  []string
		want []map[string]string
	}{
		{nil, []map[string]string{nil, {"SOURCE_DATE_EPOCH": "2", "A": "1"}}},
		{[]string{"SOURCE_DATE_EPOCH=7"}, []map[string]string{{"SOURCE_DATE_EPOCH": "7"}, {"SOURCE_DATE_EPOCH": "2", "A": "1"}}},
	} {
		for i, v := range load(t, Options{Dir: dir, Env: test.env}) {
			if !reflect.DeepEqual(v.Build.Args, test.want[i]) {
				t.Errorf("with %q: %s has the arguments %v, want %v", test.env, v.Name, v.Build.Args, test.want[i])
			}
		}
	}
}

func TestEveryHonouredKey(t *testing.T) {
	dir := folder(t, map[string]string{
		"docker-compose.yml": `
name: named
services:
  zebra:
    image: registry.example/zebra:1
    platform: linux/arm64
    build:
      context: ./src
      dockerfile: Dockerfile-zebra
      target: final
      args:
        GIVEN: ${GIVEN}
        FROM_ENV:
        UNSET:
    env_file: [first.env, second.env]
    environment:
      OVER: environment
      BARE:
      UNSET:
    entrypoint: [/usr/local/bin/aws-lambda-rie, --log-level, debug, /app/run, --fast]
    command: [handler]
    working_dir: /app
    ports: ["9000:8080"]
    volumes: ["./nowhere:/data"]
    networks: [elsewhere]
    depends_on: [other]
    x-bench: {memory: 1024, doc: A zebra.}
`,
		"first.env":  "ONE=1\nTWO=first\nOVER=file\n",
		"second.env": "TWO=second\n",
	})
	got := load(t, Options{Dir: dir, Env: []string{"GIVEN=g", "FROM_ENV=e", "BARE=b"}})
	want := []coldstart.Variant{{
		Name:     "zebra",
		Image:    "registry.example/zebra:1",
		Platform: "linux/arm64",
		Build: &coldstart.Build{
			Context:     filepath.Join(dir, "src"),
			Dockerfile:  filepath.Join(dir, "src", "Dockerfile-zebra"),
			Target:      "final",
			Args:        map[string]string{"GIVEN": "g", "FROM_ENV": "e"},
			ComposeFile: filepath.Join(dir, "docker-compose.yml"),
			Service:     "zebra",
			Project:     "named",
		},
		Entrypoint:  []string{"/app/run", "--fast"},
		Command:     []string{"handler"},
		WorkingDir:  "/app",
		Environment: map[string]string{"ONE": "1", "TWO": "second", "OVER": "environment", "BARE": "b"},
		MemoryMB:    1024,
		Doc:         "A zebra.",
		Warnings:    []string{"service zebra: not honoured: volumes (/data)"},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\n%+v\nwant\n%+v\n%+v", got[0], got[0].Build, want[0], want[0].Build)
	}
}

func TestServicesKeepTheOrderOfTheFile(t *testing.T) {
	dir := folder(t, map[string]string{"compose.yaml": `
services:
  m: {image: x}
  z: {image: x}
  skipped: {x-bench: {ignore: true}, env_file: missing.env}
  a: {image: x, profiles: [slow]}
  b: {image: x}
`})
	got := strings.Join(names(load(t, Options{Dir: dir})), " ")
	if want := "m z a b"; got != want {
		t.Errorf("order %q, want %q", got, want)
	}
}

// A file shaped like the best-known example of its kind: an old version key,
// one tag for all, one Dockerfile each, and an emulator started by the script
// in the images.
func TestServicesThatShareOneTag(t *testing.T) {
	dir := folder(t, map[string]string{"docker-compose.yml": `
version: '2.4'
services:
  one:
    image: shared
    build: {context: ., dockerfile: Dockerfile-one}
    ports: ["127.0.0.1:9000:8080"]
  two:
    image: shared
    build: {context: ., dockerfile: Dockerfile-two}
    volumes: [./target:/tmp/target]
    ports: ["127.0.0.1:9000:8080"]
  three:
    image: shared
    build: {context: ., dockerfile: Dockerfile-three}
    entrypoint: /usr/local/bin/aws-lambda-rie /three
    ports: ["127.0.0.1:9000:8080"]
`})
	var said []string
	got := load(t, Options{Dir: dir, Log: func(s string) { said = append(said, s) }})
	if len(got) != 3 || len(said) != 0 {
		t.Fatalf("%q and %q, want three variants and nothing said", names(got), said)
	}
	for i, name := range []string{"one", "two", "three"} {
		v := got[i]
		if v.Name != name || v.Image != "shared" || v.Build == nil || v.Build.Service != name ||
			v.Build.Dockerfile != filepath.Join(dir, "Dockerfile-"+name) {
			t.Errorf("variant %d is %+v with build %+v", i, v, v.Build)
		}
	}
	if got[0].Entrypoint != nil || !reflect.DeepEqual(got[2].Entrypoint, []string{"/three"}) {
		t.Errorf("entrypoints %q and %q, want none and /three", got[0].Entrypoint, got[2].Entrypoint)
	}
}

func TestAnEntrypointOfTheEmulatorAloneIsEmptyNotAbsent(t *testing.T) {
	dir := folder(t, map[string]string{"compose.yml": `services: {a: {image: x, entrypoint: [/rie, --log-level=debug], command: [/run]}}`})
	v := load(t, Options{Dir: dir})[0]
	if v.Entrypoint == nil || len(v.Entrypoint) != 0 || !reflect.DeepEqual(v.Command, []string{"/run"}) {
		t.Errorf("entrypoint %#v, command %q, want an empty one and /run", v.Entrypoint, v.Command)
	}
}

func TestVariablesOfTheShellWinOverTheFile(t *testing.T) {
	dir := folder(t, map[string]string{
		"docker-compose.yml": `services: {a: {image: "${BASE:-default}-${SHELL_ONLY:-none}-${FILE_ONLY}", platform: "linux/${ARCH:-amd64}"}}`,
		".env":               "BASE=file\nFILE_ONLY=file\n",
	})
	for _, c := range []struct {
		name            string
		o               Options
		image, platform string
	}{
		{"file", Options{}, "file-none-file", "linux/amd64"},
		{"shell", Options{Env: []string{"BASE=shell", "SHELL_ONLY=yes"}}, "shell-yes-file", "linux/amd64"},
		{"empty in the shell", Options{Env: []string{"BASE="}}, "default-none-file", "linux/amd64"},
		{"last pair wins", Options{Env: []string{"BASE=1", "BASE=2"}}, "2-none-file", "linux/amd64"},
		{"arch", Options{Env: []string{"ARCH=shell"}, Arch: "arm64"}, "file-none-file", "linux/arm64"},
	} {
		c.o.Dir = dir
		v := load(t, c.o)[0]
		if v.Image != c.image || v.Platform != c.platform {
			t.Errorf("%s: image %q for %q, want %q for %q", c.name, v.Image, v.Platform, c.image, c.platform)
		}
	}
}

func TestAVariableThatIsNotSetIsSaid(t *testing.T) {
	dir := folder(t, map[string]string{"compose.yml": `services: {a: {image: "x${NOT_SET}"}}`})
	var said []string
	v := load(t, Options{Dir: dir, Log: func(s string) { said = append(said, s) }})
	if v[0].Image != "x" || len(said) != 1 || !strings.Contains(said[0], `"NOT_SET"`) {
		t.Errorf("image %q, said %q: want x and one line that names the variable", v[0].Image, said)
	}
}

func TestBadFiles(t *testing.T) {
	for _, c := range []struct{ name, text, err, hint string }{
		{"neither image nor build", `services: {web: {ports: ["1:1"]}}`, `compose.yml: service "web": it has neither image nor build`, "x-bench: {ignore: true}"},
		{"no service", `services: {}`, "no service to measure", ""},
		{"all ignored", `services: {a: {x-bench: {ignore: true}}}`, "no service to measure", ""},
		{"empty", ``, "empty compose file", ""},
		{"no YAML", `services: [`, "compose.yml: ", ""},
		{"no mapping", `- a`, "compose.yml: ", ""},
		{"unknown key", `services: {a: {image: x, imagine: y}}`, "services.a.imagine: unknown key", ""},
		{"required variable", `services: {a: {image: "${X:?set X first}"}}`, "set X first", ""},
		{"missing env_file", `services: {a: {image: x, env_file: gone.env}}`, `service "a": reading its environment: `, ""},
		{"x-bench no mapping", `services: {a: {image: x, x-bench: yes please}}`, `service "a": x-bench is yes please`, ""},
		{"x-bench misspelt", `services: {a: {image: x, x-bench: {memmory: 512}}}`, `unknown key "memmory"`, ""},
		{"memory too small", `services: {a: {image: x, x-bench: {memory: 64}}}`, "memory is 64, want whole MB from 128 to 10240", ""},
		{"memory a fraction", `services: {a: {image: x, x-bench: {memory: 512.5}}}`, "memory is 512.5", ""},
		{"memory a word", `services: {a: {image: x, x-bench: {memory: lots}}}`, "memory is lots", ""},
		{"ignore a word", `services: {a: {image: x, x-bench: {ignore: maybe}}}`, "ignore is maybe", ""},
		{"doc a list", `services: {a: {image: x, x-bench: {doc: [1]}}}`, "doc is [1]", ""},
		{"context elsewhere", `services: {a: {build: "https://example.com/a.git"}}`, "not a folder of this machine", "name the result with image"},
	} {
		dir := folder(t, map[string]string{"compose.yml": c.text})
		v, err := Load(context.Background(), Options{Dir: dir})
		if err == nil || v != nil {
			t.Errorf("%s: %v and no error", c.name, names(v))
			continue
		}
		if !strings.Contains(err.Error(), c.err) || !strings.Contains(err.Error(), filepath.Join(dir, "compose.yml")) {
			t.Errorf("%s: error %q, want one with the file and %q", c.name, err, c.err)
		}
		if hint := advice.HintOf(err); !strings.Contains(hint, c.hint) || c.hint == "" && hint != "" {
			t.Errorf("%s: hint %q, want %q", c.name, hint, c.hint)
		}
	}
}

func TestNoFile(t *testing.T) {
	dir := t.TempDir()
	for _, o := range []Options{{Dir: dir}, {Dir: dir, File: "other.yml"}, {File: filepath.Join(dir, "abs.yml")}} {
		_, err := Load(context.Background(), o)
		if !errors.Is(err, ErrNoFile) || !strings.Contains(advice.HintOf(err), "NAME=IMAGE") {
			t.Errorf("%+v: %v with hint %q, want ErrNoFile and what else to name", o, err, advice.HintOf(err))
		}
		if o.File != "" && err != nil && !strings.Contains(err.Error(), o.File) {
			t.Errorf("%+v: %v does not name the file", o, err)
		}
	}
	_, err := Load(context.Background(), Options{File: dir})
	if err == nil || errors.Is(err, ErrNoFile) || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("a folder for a file: %v", err)
	}
}

// What compose itself would refuse must not be in the project's own file.
func TestComposeAcceptsTheProjectsOwnFile(t *testing.T) {
	text, err := os.ReadFile("../../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	p, err := loader.LoadWithContext(context.Background(), types.ConfigDetails{
		WorkingDir:  dir,
		ConfigFiles: []types.ConfigFile{{Filename: "docker-compose.yml", Content: text}},
		Environment: types.Mapping{},
	}, func(o *loader.Options) { o.SetProjectName("coldbench", true) })
	if err != nil {
		t.Fatal(err)
	}
	ports := map[string]string{}
	for name, s := range p.Services {
		if len(s.Ports) != 1 || s.Ports[0].HostIP != "127.0.0.1" || s.Ports[0].Target != 8080 {
			t.Errorf("%s: ports %+v, want one of 127.0.0.1 for 8080", name, s.Ports)
			continue
		}
		if other, taken := ports[s.Ports[0].Published]; taken {
			t.Errorf("%s and %s share port %s", name, other, s.Ports[0].Published)
		}
		ports[s.Ports[0].Published] = name
		emulator := s.Volumes[0]
		if emulator.Type != "bind" || emulator.Target != "/usr/local/bin/aws-lambda-rie" || !emulator.ReadOnly ||
			emulator.Source != filepath.Join(dir, "bench/internal/payload/bin/rie-linux-amd64") {
			t.Errorf("%s: the emulator comes from %+v", name, emulator)
		}
	}
	env, err := os.ReadFile("../../../.env")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "\nname:") || !strings.Contains(string(env), "\nCOMPOSE_PROJECT_NAME=coldbench\n") {
		t.Error("the project's name belongs into .env: docker-compose 1.29 refuses one in the file")
	}
}

// The project's own file is what everything else is measured with.
func TestTheProjectsOwnFile(t *testing.T) {
	got := load(t, Options{Dir: "../../..", Arch: "arm64", Env: []string{"AL2_BASE=one", "AL2023_BASE=two"}})
	if n := strings.Join(names(got), " "); n != "scratch al2 al2023 debug" {
		t.Fatalf("variants %s", n)
	}
	for i, want := range []struct{ base, entrypoint string }{{"", "/bootstrap"}, {"one", ""}, {"two", ""}, {"", "/bootstrap"}} {
		v := got[i]
		if v.MemoryMB != 512 || v.Doc == "" || v.Platform != "linux/arm64" || v.Build.Args["ARCH"] != "arm64" {
			t.Errorf("%s: %+v, %+v", v.Name, v, v.Build)
		}
		if v.Build.Args["BASE"] != want.base || strings.Join(v.Entrypoint, " ") != want.entrypoint {
			t.Errorf("%s: base %q, entrypoint %q, want %q and %q", v.Name, v.Build.Args["BASE"], v.Entrypoint, want.base, want.entrypoint)
		}
		if _, err := os.Stat(v.Build.Dockerfile); err != nil {
			t.Errorf("%s: %v", v.Name, err)
		}
	}
}
