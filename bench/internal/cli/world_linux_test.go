package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/backend/backendtest"
	"coldbench/bench/internal/backend/docker"
	"coldbench/bench/internal/backend/sandbox"
	"coldbench/bench/internal/payload"
)

// world is a project folder with a function that misbehaves on request, and
// what tells whether a bench that ran in it has left anything behind.
type world struct {
	t    *testing.T
	dir  string
	mark string
	// environ is added to the environment of bench.
	environ []string
	// as runs bench as another user, where it is not nil.
	as func(*exec.Cmd)
}

// newWorld lays a project out: its compose file is the text, in which every
// service may be built from Dockerfile.
func newWorld(t *testing.T, compose string) *world {
	t.Helper()
	if _, err := payload.Start("amd64"); err != nil {
		backendtest.Require(t, "sandbox", fmt.Errorf("%w (make build)", err))
	}
	w := &world{t: t, dir: t.TempDir(), mark: fmt.Sprintf("coldbench-mark-%d-%d", os.Getpid(), time.Now().UnixNano())}
	t.Cleanup(w.removeImages)
	binary, err := os.ReadFile(backendtest.Build(t))
	if err != nil {
		t.Fatal(err)
	}
	w.write("bootstrap", string(binary))
	w.write("Dockerfile", "FROM scratch\nCOPY --chmod=755 bootstrap /bootstrap\nENTRYPOINT [\"/bootstrap\"]\n")
	w.write("docker-compose.yml", compose)
	return w
}

// write writes a file of the project. The images of its Dockerfiles are labelled
// with the mark: no other test has the same ones, and they can be removed.
func (w *world) write(name, text string) {
	w.t.Helper()
	if strings.HasPrefix(name, "Dockerfile") {
		text += "LABEL coldbench.test=" + w.mark + "\n"
	}
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o755); err != nil {
		w.t.Fatal(err)
	}
}

// removeImages takes the project's images out of the engine, where one answers.
func (w *world) removeImages() {
	ids, _ := exec.Command("docker", "images", "--all", "--quiet", "--filter", "label=coldbench.test="+w.mark).Output()
	for _, id := range strings.Fields(string(ids)) {
		_ = exec.Command("docker", "rmi", "--force", id).Run()
	}
}

// command prepares bench, as it is shipped, in the project.
func (w *world) command(args ...string) *exec.Cmd {
	if args[0] == "local" {
		args = append(args, "--env", "COLDBENCH_MARK="+w.mark)
	}
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Args[0] = "real-bench"
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), w.environ...)
	if w.as != nil {
		w.as(cmd)
	}
	return cmd
}

// ended is how a bench ended.
type ended struct {
	code           int
	stdout, stderr string
}

// bench runs bench to its end, and fails the test where it leaves anything
// behind.
func (w *world) bench(args ...string) ended {
	w.t.Helper()
	cmd := w.command(args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	pid := cmd.Process.Pid
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(3 * time.Minute):
		_ = cmd.Process.Kill()
		<-done
		w.t.Fatalf("bench %q hung\n%s", args, stderr.String())
	}
	if left := w.left(pid); len(left) > 0 {
		w.t.Errorf("bench %q left behind: %q", args, left)
	}
	return ended{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// left lists what a bench that has ended left behind: processes of the
// function, control groups, mounts and containers.
func (w *world) left(pid int) []string {
	return append(w.leftHere(pid), leftContainers(pid)...)
}

func (w *world) leftHere(pid int) []string {
	var left []string
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range files {
		if strings.Contains(readAll(f), "COLDBENCH_MARK="+w.mark) {
			left = append(left, "process "+filepath.Base(filepath.Dir(f)))
		}
	}
	for line := range strings.Lines(readAll("/proc/self/mounts")) {
		if strings.Contains(line, w.dir) {
			left = append(left, "mount "+line)
		}
	}
	return append(left, groupsOf(pid)...)
}

// groupsOf lists the control groups of a bench.
func groupsOf(pid int) []string {
	var found []string
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), fmt.Sprintf("coldbench-%d-", pid)) {
			found = append(found, "group "+path)
		}
		return nil
	})
	return found
}

// leftContainers lists the containers of a bench, where an engine answers.
func leftContainers(pid int) []string {
	if _, err := net.Dial("unix", dockerSocket); err != nil {
		return nil
	}
	cmd := exec.Command("docker", "ps", "--all", "--no-trunc", "--format", `{{.ID}} {{.Label "coldbench.role"}} {{.Label "coldbench.owner"}}`, "--filter", "label=coldbench.run")
	cmd.Env = append(os.Environ(), "DOCKER_HOST=unix://"+dockerSocket)
	out, err := cmd.Output()
	if err != nil {
		return []string{"docker ps: " + err.Error()}
	}
	var found []string
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, ":"+strconv.Itoa(pid)+":") {
			found = append(found, "container "+strings.TrimSpace(line))
		}
	}
	return found
}

const dockerSocket = "/var/run/docker.sock"

// slow leaves a test to make test-all.
func slow(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("slow: make test-all runs it")
	}
}

// requireEngine ends a test where this machine lacks an engine.
func requireEngine(t *testing.T, name string) {
	t.Helper()
	if name == "docker" {
		e, err := docker.Connect(context.Background(), docker.Options{})
		backendtest.Require(t, "docker", err)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		return
	}
	e, err := sandbox.New(context.Background(), sandbox.Options{StateDir: t.TempDir()})
	backendtest.Require(t, "sandbox", err)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

// expect checks how a bench ended.
func (e ended) expect(t *testing.T, code int, stderr ...string) {
	t.Helper()
	if e.code != code {
		t.Errorf("exit code %d, want %d", e.code, code)
	}
	for _, want := range stderr {
		if !strings.Contains(e.stderr, want) {
			t.Errorf("stderr lacks %q", want)
		}
	}
	if strings.Contains(e.stderr, "goroutine ") || strings.Contains(e.stderr, "panic: runtime") {
		t.Error("bench panicked")
	}
	if t.Failed() {
		t.Logf("stdout:\n%s\nstderr:\n%s", e.stdout, e.stderr)
	}
}

// runFiles returns the texts of the run files of the project, oldest first.
func (w *world) runFiles() []string {
	paths, _ := filepath.Glob(filepath.Join(w.dir, "results", "runs", "*.jsonl"))
	var texts []string
	for _, p := range paths {
		texts = append(texts, readAll(p))
	}
	return texts
}
