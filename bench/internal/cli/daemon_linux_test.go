package cli_test

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const sound = "services: {sound: {build: .}}\n"

// Without a Docker engine, or without the permission to use it, --engine docker
// is an error that says what to do, and auto takes the sandbox.
func TestNoDaemon(t *testing.T) {
	t.Parallel()
	requireEngine(t, "sandbox")
	w := newWorld(t, sound)
	w.environ = []string{"DOCKER_HOST=unix:///nonexistent"}
	w.bench("local", "--engine", "docker", "--runs", "1").expect(t, 1, "bench: no Docker engine answers at unix:///nonexistent", "bench: hint: start Docker, set DOCKER_HOST, or use --engine sandbox")
	if len(w.runFiles()) > 0 {
		t.Error("a run file was written")
	}
	w.bench("local", "--runs", "1", "--pause", "0s").expect(t, 0, "bench: warning: DOCKER_HOST is set, but: no Docker engine answers", "bench: engine: sandbox")
	w.environ = []string{"DOCKER_HOST=nonsense"}
	w.bench("local", "--engine", "docker", "--runs", "1").expect(t, 1, "bench: hint: set DOCKER_HOST")
}

func TestPermissionDenied(t *testing.T) {
	t.Parallel()
	t.Run("socket", func(t *testing.T) {
		w := newWorld(t, sound)
		path := filepath.Join(w.dir, "docker.sock")
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		w.environ = []string{"DOCKER_HOST=unix://" + path}
		if os.Getuid() == 0 { // whom no mode keeps out
			if err := os.Chmod(filepath.Dir(w.dir), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(w.dir, 0o777); err != nil {
				t.Fatal(err)
			}
			w.as = func(c *exec.Cmd) {
				c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			}
		}
		w.bench("local", "--engine", "docker", "--runs", "1").expect(t, 1, "permission denied", "bench: hint: add this user to the group docker")
		if len(w.runFiles()) > 0 {
			t.Error("a run file was written")
		}
	})
	t.Run("answer", func(t *testing.T) {
		w := newWorld(t, sound)
		path := filepath.Join(w.dir, "docker.sock")
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			http.Error(rw, `{"message":"not allowed"}`, http.StatusForbidden)
		})}
		go server.Serve(l)
		defer server.Close()
		w.environ = []string{"DOCKER_HOST=unix://" + path}
		w.bench("local", "--engine", "docker", "--runs", "1").expect(t, 1, "connecting to the engine at unix://", "bench: hint: ")
	})
}

// An engine that goes away in mid-run ends it: the samples are kept, the reason
// and the way on are said, and the next run removes what the dead one left.
func TestDaemonDies(t *testing.T) {
	t.Parallel()
	requireEngine(t, "docker")
	w := newWorld(t, sound)
	path := filepath.Join(w.dir, "proxy.sock")
	cut := proxy(t, path)
	w.environ = []string{"DOCKER_HOST=unix://" + path}
	go func() {
		for range 3000 {
			if runs := w.runFiles(); len(runs) > 0 && strings.Count(runs[0], `"type":"sample"`) >= 8 {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		cut()
	}()
	cmd := w.command("local", "--engine", "docker", "--runs", "200", "--warm-runs", "1", "--pause", "0s")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	e := ended{code: cmd.ProcessState.ExitCode(), stderr: stderr.String()}
	e.expect(t, 1, "bench: hint: ", "--resume")
	if runs := w.runFiles(); len(runs) != 1 || strings.Count(runs[0], `"type":"sample"`) < 8 || !strings.Contains(runs[0], `"type":"end"`) {
		t.Errorf("run files: %q", runs)
	}
	w.environ = nil
	w.bench("local", "--engine", "docker", "--runs", "1").expect(t, 0)
	if left := w.left(cmd.Process.Pid); len(left) > 0 {
		t.Errorf("the next run has left %q of the dead one", left)
	}
}

// proxy serves the engine's socket at another path until it is cut.
func proxy(t *testing.T, path string) (cut func()) {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var open []net.Conn
	dead := false
	keep := func(c net.Conn) {
		mu.Lock()
		defer mu.Unlock()
		if open = append(open, c); dead {
			c.Close()
		}
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("unix", dockerSocket)
			if err != nil {
				c.Close()
				return
			}
			keep(c)
			keep(to)
			one := func(dst, src net.Conn) {
				_, _ = io.Copy(dst, src)
				_ = dst.(*net.UnixConn).CloseWrite()
			}
			go one(to, c)
			go one(c, to)
		}
	}()
	cut = func() {
		l.Close()
		mu.Lock()
		defer mu.Unlock()
		dead = true
		for _, c := range open {
			c.Close()
		}
	}
	t.Cleanup(cut)
	return cut
}
