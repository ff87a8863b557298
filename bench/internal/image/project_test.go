package image_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
)

// project is a copy, in a git repository of its own, of what this project's
// images are made from.
type project struct {
	t   *testing.T
	dir string
}

func newProject(t *testing.T, dir string) project {
	t.Helper()
	p := project{t, dir}
	for _, pattern := range []string{"Makefile", "go.mod", "go.sum", ".dockerignore", "Dockerfile-*", "function/*.go", "function/started/*"} {
		found, err := filepath.Glob(filepath.Join("..", "..", "..", pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("nothing matches %s: %v", pattern, err)
		}
		for _, from := range found {
			b, err := os.ReadFile(from)
			if err != nil {
				t.Fatal(err)
			}
			to := filepath.Join(dir, filepath.Dir(pattern), filepath.Base(from))
			if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(to, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	p.run("git init -q")
	p.commit("first")
	return p
}

func (p project) commit(message string) {
	p.t.Helper()
	p.run("git add -A && git -c user.name=Test -c user.email=test@example.com commit -q --allow-empty -m " + message)
}

// run runs a line of shell with none of the tester's Go settings.
func (p project) run(line string) {
	p.t.Helper()
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOENV=off", "MAKEFLAGS=", "MFLAGS=", "MAKELEVEL=")
	if b, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("%s: %v\n%s", line, err, b)
	}
}

// build builds Dockerfile-name in a store of its own that holds base.
func (p project) build(name string, base []byte) (coldstart.Image, string) {
	p.t.Helper()
	ctx := context.Background()
	s, err := image.OpenStore(filepath.Join(p.t.TempDir(), "images"))
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := s.Put(ctx, "test/base:1", bytes.NewReader(base)); err != nil {
		p.t.Fatal(err)
	}
	img, err := s.Build(ctx, coldstart.Variant{Name: name, Build: &coldstart.Build{
		Context:    p.dir,
		Dockerfile: filepath.Join(p.dir, "Dockerfile-"+name),
		Args:       map[string]string{"ARCH": runtime.GOARCH, "BASE": "test/base:1"},
	}}, image.Options{Arch: runtime.GOARCH})
	if err != nil {
		p.t.Fatal(err)
	}
	root, err := s.Unpack(ctx, img)
	if err != nil {
		p.t.Fatal(err)
	}
	return img, root
}

// tinyBase returns an image that Dockerfile-al2 can stand on, as docker save
// would write it.
func tinyBase(t *testing.T) (coldstart.Image, []byte) {
	t.Helper()
	ctx, dir := context.Background(), t.TempDir()
	for name, text := range map[string]string{
		"Dockerfile":           "FROM scratch\nCOPY lambda-entrypoint.sh /\nENTRYPOINT [\"/lambda-entrypoint.sh\"]\n",
		"lambda-entrypoint.sh": "#!/bin/sh\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		setModTime(t, filepath.Join(dir, name), filesTime)
	}
	s, err := image.OpenStore(filepath.Join(dir, "images"))
	if err != nil {
		t.Fatal(err)
	}
	img, err := s.Build(ctx, coldstart.Variant{Name: "base", Build: &coldstart.Build{Context: dir, Dockerfile: filepath.Join(dir, "Dockerfile")}}, image.Options{Arch: runtime.GOARCH})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := s.WriteTar(ctx, img.ID, &b); err != nil {
		t.Fatal(err)
	}
	return img, b.Bytes()
}

// The identity of an image changes when its content does, and only then: not
// with the folder, the umask, a commit of something else or Go's settings.
func TestTheProjectsImagesAreTheSameEverywhere(t *testing.T) {
	if testing.Short() {
		t.Skip("slow: make test-all runs it")
	}
	if runtime.GOOS == "windows" {
		t.Skip("needs make and a umask")
	}
	baseImage, base := tinyBase(t)
	here := newProject(t, filepath.Join(t.TempDir(), "here"))
	there := newProject(t, filepath.Join(t.TempDir(), "some", "where", "else"))
	if err := os.WriteFile(filepath.Join(there.dir, "NOTES"), []byte("unrelated\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	there.commit("second")
	binaries := ".build/function/" + runtime.GOARCH + "/bootstrap .build/function/" + runtime.GOARCH + "/bootstrap-debug"
	here.run("umask 022 && make -s " + binaries)
	there.run("umask 077 && make -s " + binaries)

	programs := map[string][]byte{}
	for name, path := range map[string]string{"scratch": "bootstrap", "al2": "var/runtime/bootstrap", "debug": "bootstrap"} {
		a, rootA := here.build(name, base)
		b, _ := there.build(name, base)
		if a.ID != b.ID || !strings.HasPrefix(a.ID, "sha256:") {
			t.Errorf("%s: image %s in one folder, %s in another", name, a.ID, b.ID)
		}
		want := map[string]int{"scratch": 1, "al2": baseImage.Layers + 1, "debug": 1}[name]
		if a.Layers != want {
			t.Errorf("%s: %d layers, want %d: the base's and one of ours", name, a.Layers, want)
		}
		program, err := os.ReadFile(filepath.Join(rootA, path))
		if err != nil {
			t.Fatal(err)
		}
		programs[name] = program
	}
	if !bytes.Equal(programs["scratch"], programs["al2"]) || len(programs["scratch"]) < 1<<20 {
		t.Errorf("scratch and al2 hold different binaries of %d and %d bytes", len(programs["scratch"]), len(programs["al2"]))
	}
	if bytes.Equal(programs["scratch"], programs["debug"]) {
		t.Error("debug holds the plain binary")
	}
}
