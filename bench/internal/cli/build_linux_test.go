package cli_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A Dockerfile with RUN is built by the engine, and needs one.
func TestRun(t *testing.T) {
	t.Parallel()
	const compose = "services:\n  built: {build: ., image: %s}\n  scratch: {build: {context: ., dockerfile: Dockerfile-scratch}}\n"
	tag := fmt.Sprintf("coldbench-test-run-%d", os.Getpid())
	dockerfile := "FROM scratch\nCOPY bootstrap tool /\nRUN [\"/tool\"]\nENTRYPOINT [\"/bootstrap\"]\n"
	plain := "FROM scratch\nCOPY bootstrap /\nENTRYPOINT [\"/bootstrap\"]\n"

	t.Run("sandbox without an engine", func(t *testing.T) {
		t.Parallel()
		requireEngine(t, "sandbox")
		w := newWorld(t, fmt.Sprintf(compose, tag))
		w.write("Dockerfile", dockerfile)
		w.write("Dockerfile-scratch", plain)
		w.environ = []string{"DOCKER_HOST=unix://" + w.dir + "/none.sock"}
		w.bench("local", "--engine", "sandbox", "--runs", "1", "built").expect(t, 1, "bench: built: ", "RUN", "hint: start a Docker engine")
		w.bench("local", "--engine", "sandbox", "--runs", "1").expect(t, 0, "warning: built is left out: ", "hint: start a Docker engine")
		w.bench("local", "--engine", "sandbox", "--runs", "1", "--strict").expect(t, 3, "could not be measured")
	})
	for _, engine := range []string{"docker", "sandbox"} {
		t.Run(engine+" with an engine", func(t *testing.T) {
			t.Parallel()
			requireEngine(t, "docker")
			requireEngine(t, engine)
			tag := tag + "-" + engine
			text := fmt.Sprintf(compose, tag)
			if engine == "sandbox" { // the image gets the name of the project
				text = strings.Replace(text, ", image: "+tag, "", 1)
				tag = fmt.Sprintf("mytestproject%d_built", os.Getpid())
				if exec.Command("docker", "compose", "version").Run() == nil {
					tag = strings.Replace(tag, "_", "-", 1)
				}
			}
			w := newWorld(t, text)
			w.write("Dockerfile", dockerfile)
			w.write("Dockerfile-scratch", plain)
			w.write("tool.go", "package main\n\nimport \"os\"\n\nfunc main() { os.WriteFile(\"/made\", []byte(\"by RUN\"), 0o644) }\n")
			build := exec.Command("go", "build", "-o", "tool", "tool.go")
			build.Dir, build.Env = w.dir, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOOS=linux")
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			project := filepath.Join(filepath.Dir(w.dir), fmt.Sprintf("My.Test.Project%d", os.Getpid()))
			if err := os.Rename(w.dir, project); err != nil {
				t.Fatal(err)
			}
			w.dir = project
			e := w.bench("local", "--engine", engine, "--runs", "2", "built")
			e.expect(t, 0)
			runs := w.runFiles()
			if len(runs) != 1 || !strings.Contains(runs[0], `"layers":2`) || strings.Count(runs[0], `"type":"sample"`) != 13 {
				t.Errorf("run files: %q", runs)
			}
			id, err := exec.Command("docker", "image", "inspect", "--format", "{{.Id}}", tag).Output()
			if err != nil || !strings.Contains(runs[0], `"imageId":"`+strings.TrimSpace(string(id))+`"`) {
				t.Errorf("the image %s, %v, is not the one measured", id, err)
			}
		})
	}
}

// A base that can't be pulled leaves its variant out, with the reason.
func TestNoBase(t *testing.T) {
	t.Parallel()
	requireEngine(t, "sandbox")
	w := newWorld(t, "services:\n  based: {build: {context: ., dockerfile: Dockerfile-based}}\n  scratch: {build: .}\n")
	w.write("Dockerfile-based", "FROM 127.0.0.1:1/no/base:latest\nCOPY bootstrap /\n")
	w.environ = []string{"DOCKER_HOST=unix:///nonexistent"}
	w.bench("local", "--engine", "sandbox", "--runs", "1").expect(t, 0, "bench: warning: based is left out: ", "127.0.0.1:1/no/base", "bench: hint: ")
	w.bench("local", "--engine", "sandbox", "--runs", "1", "based").expect(t, 1, "bench: based: ", "127.0.0.1:1/no/base", "bench: hint: ")
}
