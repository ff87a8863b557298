package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"coldbench/bench/runtimeapi"
)

// supervised is a start with extensions, and the emulator's end of it.
type supervised struct {
	t     *testing.T
	cmd   *exec.Cmd
	conn  net.Conn
	lines *bufio.Reader
	out   bytes.Buffer // what the engine got
	text  written
	began int64
}

// superviseIn runs the container's form of start in a mount namespace of its own,
// whose /opt/extensions is dir.
func superviseIn(t *testing.T, dir string, env []string, argv ...string) *supervised {
	t.Helper()
	program := buildStart(t, runtime.GOARCH)
	l := listen(t)
	defer l.Close()
	const script = `mount -t tmpfs none /opt && mkdir /opt/extensions && mount --bind "$1" /opt/extensions && shift && exec "$@"`
	s := &supervised{t: t}
	s.cmd = exec.Command("/bin/sh", append([]string{"-c", script, "sh", dir, program, "unix:" + l.Addr().String()}, argv...)...)
	s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = env, &s.out, &s.out
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		s.cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		s.cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
	}
	s.cmd.WaitDelay = 10 * time.Second
	if err := s.cmd.Start(); err != nil {
		t.Skip("no mount namespaces here: ", err)
	}
	_ = l.SetDeadline(time.Now().Add(20 * time.Second))
	conn, err := l.AcceptUnix()
	if err != nil {
		_ = s.cmd.Wait()
		t.Skip("nothing can be mounted here: ", s.out.String())
	}
	s.conn = conn
	t.Cleanup(func() { _ = s.conn.Close(); _ = s.cmd.Wait() })
	_ = s.conn.SetDeadline(time.Now().Add(20 * time.Second))
	ready, pipe := readReady(t, conn)
	if ready != "ready\n" {
		t.Fatalf("start said %q", ready)
	}
	go func() { _, _ = io.Copy(&s.text, pipe) }()
	s.lines = bufio.NewReader(s.conn)
	s.began = now()
	s.say("go")
	return s
}

// written is a buffer that is read while it is written.
type written struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

func (s *supervised) say(word string) { _, _ = s.conn.Write([]byte(word + "\n")) }

func (s *supervised) line() string {
	s.t.Helper()
	line, err := s.lines.ReadString('\n')
	if err != nil {
		s.t.Fatalf("%v after %q; output %s", err, line, s.text.String())
	}
	return strings.TrimSuffix(line, "\n")
}

func (s *supervised) hear(want string) {
	s.t.Helper()
	if line := s.line(); line != want {
		s.t.Fatalf("start said %q, want %q", line, want)
	}
}

// writeFiles makes a folder of these files.
func writeFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		mode := os.FileMode(0o755)
		if strings.HasPrefix(name, "plain") {
			mode = 0o644
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const shell = "#!/bin/sh\n"

func TestSupervision(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "mark")
	dir := writeFiles(t, map[string]string{
		"b a":   shell + "echo \"env $LAMBDA_TASK_ROOT $_X $GIVEN in $(pwd)\"; kill -9 $$",
		"a":     shell + "exit 7",
		"c":     shell + "exec sleep 1000",
		"plain": shell + "exit 0",
		"bad":   "\x7fELF but not really",
	})
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	// The runtime says what children it has, and waits for SIGTERM.
	program := writeFiles(t, map[string]string{"program": shell +
		"trap 'echo terminated; exit 3' TERM\ncat /proc/$$/task/$$/children\necho \"run $LAMBDA_TASK_ROOT $_X $GIVEN $1\"\n: > " + mark + "\nwhile :; do sleep 0.01; done\n"})
	env := []string{"PATH=/bin:/usr/bin:" + program, "LAMBDA_TASK_ROOT=/var/task", "_X=x", "GIVEN=y"}
	s := superviseIn(t, dir, env, "program", "arg")

	words := strings.SplitN(s.line(), " ", 3)
	clock, err := strconv.ParseInt(words[1], 10, 64)
	if words[0] != "exec" || err != nil || clock < s.began || clock > now() || words[2] != "a/b a/bad/c/plain" {
		t.Fatalf("%q", words)
	}
	s.hear("failed 3 fork/exec /opt/extensions/bad: exec format error")
	s.hear("failed 5 fork/exec /opt/extensions/plain: permission denied")
	ends := []string{s.line(), s.line()}
	if slices.Sort(ends); ends[0] != "ended 1 exit 7" || ends[1] != "ended 2 signal 9" {
		t.Errorf("%q", ends)
	}
	if strings.Contains(s.text.String(), "run ") {
		t.Error("the runtime was started before its word")
	}
	s.say("run")
	s.hear("running")
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if _, err := os.Stat(mark); err == nil {
			break
		}
	}
	s.say("term")
	s.hear("ended 0 exit 3")
	_ = s.conn.Close() // c, which still runs, ends with the emulator
	_ = s.cmd.Wait()
	out := s.text.String()
	// The child is cat.
	for _, want := range []string{"env   y in /\n", "run /var/task x y arg\n", "terminated\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("output %q, want %q in it", out, want)
		}
	}
	for _, l := range strings.Split(out, "\n") {
		if pids := strings.Fields(l); len(pids) > 1 && strings.Trim(l, "0123456789 ") == "" {
			t.Errorf("the runtime has children %s that it did not start", l)
		}
	}
}

// TestSupervisionWithoutRuntime: every extension has ended, and the runtime can
// still be started, and killed.
func TestSupervisionWithoutRuntime(t *testing.T) {
	s := superviseIn(t, writeFiles(t, map[string]string{"a": shell}), nil, "/bin/sleep", "1000")
	s.line()
	s.hear("ended 1 exit 0")
	s.say("term") // nobody
	s.say("run")
	s.hear("running")
	s.say("kill")
	s.hear("ended 0 signal 9")

	s = superviseIn(t, writeFiles(t, map[string]string{"a": shell + "exec sleep 1000"}), nil, "/no/such/program")
	s.line()
	s.say("run")
	s.hear("error 2 executing /no/such/program: no such file or directory")
}

// Extensions see the same variables in every environment: start, which imports
// nothing, withholds those that runtimeapi withholds.
func TestExtensionEnvironment(t *testing.T) {
	f := runtimeapi.Function{Name: "f", MemoryMB: 512, Handler: "app.handler"}
	env := f.Environ([]string{"_X=1", "A=2", "AWS_XRAY_CONTEXT_MISSING=3", "AWS_XRAY_DAEMON_ADDRESS=4", "AWS_LAMBDA_LOG_GROUP=5"}, "127.0.0.1:9001")
	env = append(env, "AWS_EXECUTION_ENV=6")
	got, want := extensionEnv(env), runtimeapi.ExtensionEnviron(env)
	if !slices.Equal(got, want) || len(want) > len(env)-8 {
		t.Errorf("%q\nwant %q\nof %q", got, want, env)
	}
}
