package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"coldbench/bench/internal/runfile"
)

// TestAgainstRetagged measures an image of a Docker engine whose tag has moved on:
// it is found by its ID, by the engine itself and by the sandbox.
func TestAgainstRetagged(t *testing.T) {
	slow(t)
	t.Parallel()
	requireEngine(t, "docker")
	requireEngine(t, "sandbox")
	w := newWorld(t, "")
	tag := "coldbench.test/" + w.mark + ":now"
	w.write("docker-compose.yml", "services:\n  tagged: {image: \""+tag+"\"}\n")
	build := func(lines string) (id string) {
		w.write("Dockerfile", "FROM scratch\nCOPY bootstrap /bootstrap\n"+lines+"ENTRYPOINT [\"/bootstrap\"]\n")
		cmd := exec.Command("docker", "build", "--quiet", "--tag", tag, ".")
		cmd.Dir = w.dir
		cmd.Env = append(os.Environ(), "DOCKER_BUILDKIT=0")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("docker build: %v", err)
		}
		return strings.TrimSpace(string(out))
	}
	old := build("")
	w.bench("local", "--engine", "docker", "--runs", "1", "--cold", "--quiet").expect(t, 0)
	base := newestRun(t, w)
	now := build("ENV ANOTHER=yes\n")
	if old == now {
		t.Fatal("the image did not change")
	}
	for _, engine := range []string{"docker", "sandbox"} {
		w.bench("local", "--engine", engine, "--runs", "1", "--cold", "--against", base).expect(t, 0, "measured with its image of run")
		run, err := runfile.Open(newestRun(t, w))
		if err != nil {
			t.Fatal(err)
		}
		ids := map[string]string{}
		for _, c := range run.Header.Configs {
			ids[c.Variant] = c.Image.ImageID
		}
		if ids["tagged@before"] != old || ids["tagged"] != now {
			t.Errorf("%s: measured %v, want %s and %s", engine, ids, old, now)
		}
	}
	// Gone from the engine; the store has the copy that the sandbox took.
	if out, err := exec.Command("docker", "rmi", "--force", old).CombinedOutput(); err != nil {
		t.Fatalf("docker rmi: %v\n%s", err, out)
	}
	w.bench("local", "--engine", "docker", "--runs", "1", "--cold", "--against", base).expect(t, 0, "measured with its image of run")
	if out, err := exec.Command("docker", "rmi", "--force", old).CombinedOutput(); err != nil {
		t.Fatalf("docker rmi: %v\n%s", err, out)
	}
	if err := os.RemoveAll(filepath.Join(w.dir, ".build", "images")); err != nil {
		t.Fatal(err)
	}
	w.bench("local", "--engine", "docker", "--runs", "1", "--cold", "--against", base).expect(t, 0, "is not on this machine", "hint: ")
}

// newestRun is the run file of a project that was written last.
func newestRun(t *testing.T, w *world) string {
	t.Helper()
	entries, _, err := runfile.Folder(filepath.Join(w.dir, "results", "runs"))
	if err != nil || len(entries) == 0 {
		t.Fatalf("no run files: %v", err)
	}
	return entries[len(entries)-1].Path
}
