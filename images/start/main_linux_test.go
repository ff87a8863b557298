package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// buildStart builds the program as the Makefile does.
func buildStart(t *testing.T, arch string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "start")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

func TestSize(t *testing.T) {
	const most = 1_800_000
	for _, arch := range []string{"amd64", "arm64"} {
		st, err := os.Stat(buildStart(t, arch))
		if err != nil {
			t.Fatal(err)
		}
		if st.Size() > most {
			t.Errorf("start for %s has %d bytes, more than %d", arch, st.Size(), most)
		}
	}
}

func TestDependencies(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if len(deps) < 10 {
		t.Fatalf("only %d dependencies listed", len(deps))
	}
	for _, d := range deps {
		switch {
		case d == "net", strings.HasPrefix(d, "net/"), d == "fmt", d == "os/exec", d == "reflect",
			strings.HasPrefix(d, "coldbench/") && d != "coldbench/images/start":
			t.Errorf("start depends on %s", d)
		}
	}
}

// conversation is what an emulator sees of one start.
type conversation struct {
	ready, exec, rest string
	output            string
	code              int
}

// talk runs the container's form of start against a listener. With go empty it
// hangs up after "ready".
func talk(t *testing.T, start string, env []string, word string, argv ...string) conversation {
	t.Helper()
	l := listen(t)
	defer l.Close()
	cmd := exec.Command(start, append([]string{"unix:" + l.Addr().String()}, argv...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Env = &out, &out, env
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c, err := l.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	var v conversation
	var pipe *os.File
	v.ready, pipe = readReady(t, c)
	r := bufio.NewReader(c)
	if word != "" {
		_, _ = c.Write([]byte(word))
		v.exec, _ = r.ReadString('\n')
		var rest bytes.Buffer
		_, _ = rest.ReadFrom(r)
		v.rest = rest.String()
	}
	_ = c.Close()
	_ = cmd.Wait()
	if out.Len() > 0 {
		t.Errorf("the engine's pipe got %q", out.String())
	}
	written, _ := io.ReadAll(pipe)
	v.output, v.code = string(written), cmd.ProcessState.ExitCode()
	return v
}

// listen makes an emulator's socket.
func listen(t *testing.T) *net.UnixListener {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: fmt.Sprintf("@start-test-%d-%d", os.Getpid(), time.Now().UnixNano()), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// readReady reads the first line and the pipe that comes with it.
func readReady(t *testing.T, c *net.UnixConn) (string, *os.File) {
	t.Helper()
	line, control := make([]byte, 64), make([]byte, 64)
	n, controlN, _, _, err := c.ReadMsgUnix(line, control)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := syscall.ParseSocketControlMessage(control[:controlN])
	if err != nil || len(messages) != 1 {
		t.Fatalf("%q came with %d messages, %v", line[:n], len(messages), err)
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		t.Fatalf("%q came with files %v, %v", line[:n], fds, err)
	}
	pipe := os.NewFile(uintptr(fds[0]), "output")
	t.Cleanup(func() { _ = pipe.Close() })
	return string(line[:n]), pipe
}

func TestContainerForm(t *testing.T) {
	start := buildStart(t, runtime.GOARCH)
	dir := t.TempDir()
	script := filepath.Join(dir, "program")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho \"$0 $1 $X\"; exit 7\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	garbage := filepath.Join(dir, "garbage")
	if err := os.WriteFile(garbage, []byte("\x7fELF but not really"), 0o755); err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	env := []string{"X=y z", "PATH=/nowhere:" + dir}

	t.Run("executes", func(t *testing.T) {
		before := now()
		v := talk(t, start, env, "go\n", script, "a b")
		if v.ready != "ready\n" || v.rest != "" || v.code != 7 {
			t.Fatalf("%+v", v)
		}
		if want := script + " a b y z\n"; v.output != want {
			t.Errorf("output %q, want %q", v.output, want)
		}
		words := strings.Split(strings.TrimSuffix(v.exec, "\n"), " ")
		if len(words) != 2 || words[0] != "exec" {
			t.Fatalf("%q", v.exec)
		}
		clock, err := strconv.ParseInt(words[1], 10, 64)
		if err != nil || clock < before || clock > now() {
			t.Errorf("clock %d (%v) is not between %d and %d", clock, err, before, now())
		}
	})
	t.Run("takes variables out", func(t *testing.T) {
		env := append(slices.Clone(env), "HOME=/", "HOMES=2", "HOSTNAME=h")
		v := talk(t, start, env, "go\n", "-HOME", "-HOSTNAME", "-NONE", "--", "/usr/bin/env")
		if want := "X=y z\nPATH=/nowhere:" + dir + "\nHOMES=2\n"; v.output != want || v.rest != "" {
			t.Errorf("%+v, want the output %q", v, want)
		}
		if v := talk(t, start, env, "go\n", "--", "-x"); !strings.HasPrefix(v.rest, "error 2 executing -x: ") {
			t.Errorf("%+v", v)
		}
	})
	t.Run("searches PATH", func(t *testing.T) {
		if v := talk(t, start, env, "go\n", "program", "p"); v.output != script+" p y z\n" || v.rest != "" {
			t.Errorf("%+v", v)
		}
	})
	for _, c := range []struct{ name, program, want string }{
		{"missing", "/no/such/program", "error 2 executing /no/such/program: no such file or directory\n"},
		{"missing in PATH", "no-such-program", "error 2 executing no-such-program: no such file or directory\n"},
		{"not executable", plain, "error 13 executing " + plain + ": permission denied\n"},
		{"not executable in PATH", "plain", "error 13 executing plain: permission denied\n"},
		{"not a program", garbage, "error 8 executing " + garbage + ": exec format error\n"},
		{"a name of two lines", "/a\nerror 0 b", "error 2 executing /a error 0 b: no such file or directory\n"},
		{"an empty name", "", "error 2 executing : no such file or directory\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := talk(t, start, env, "go\n", c.program)
			if !strings.HasPrefix(v.exec, "exec ") || v.rest != c.want || v.code != exitNotExecuted {
				t.Errorf("%+v, want %q", v, c.want)
			}
		})
	}
	for name, word := range map[string]string{"hung up": "", "another word": "no\n"} {
		t.Run(name, func(t *testing.T) {
			if v := talk(t, start, env, word, script); v.output != "" || v.exec != "" || v.code != exitNotExecuted {
				t.Errorf("%+v", v)
			}
		})
	}
}

func TestCalledWrongly(t *testing.T) {
	start := buildStart(t, runtime.GOARCH)
	for _, args := range [][]string{
		{}, {"unix:@nobody"}, {"unix:@nobody", "x"}, {"unix:", "x"}, {"unix:@", "x"}, {"unix:/x", "x"},
		{"tcp:127.0.0.1:1", "x"}, {"fd:2", "x"}, {"fd:x", "x"},
		{"in:3"}, {"in:2", "/", "x"}, {"in:3:x", "/", "x"}, {"in:3", "/"},
	} {
		out, _ := exec.Command(start, args...).CombinedOutput()
		if !bytes.HasPrefix(out, []byte("start: ")) || bytes.Count(out, []byte("\n")) != 1 {
			t.Errorf("start %q said %q", args, out)
		}
	}
}

// TestOpenFiles: the Go runtime raises its limit of open files for itself; the
// function must get the one that start was given, and no descriptor of start's.
func TestOpenFiles(t *testing.T) {
	start := buildStart(t, runtime.GOARCH)
	wrapper := filepath.Join(t.TempDir(), "wrapper")
	if err := os.WriteFile(wrapper, []byte("#!/bin/sh\nulimit -Sn 321\nexec "+start+" \"$@\" 5</dev/null\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	v := talk(t, wrapper, nil, "go\n", "/bin/sh", "-c", "ulimit -n; ls /proc/self/fd")
	if want := "321\n0\n1\n2\n3\n"; v.output != want { // 3 is ls's own
		t.Errorf("limit and descriptors %q, want %q", v.output, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("root=/r\x00uid=993\x00gid=990\x00tmp=1\x00files=1024\x00hostname=h\x00cgroup=cpu,cpuacct:/c\x00cgroup=:/d\x00dir=/\x00env=A=b\x00arg=x\x00arg=\x00"))
	f.Add([]byte("root=/r\x00uid=993\x00gid=990\x00arg=x"))
	f.Add([]byte("uid=-1\x00"))
	f.Add([]byte("\x00\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, bad := parse(text)
		if bad != "" {
			return
		}
		if s.root == "" || len(s.argv) == 0 || s.uid < 0 || s.gid < 0 || s.files < 0 {
			t.Fatalf("%q was accepted as %+v", text, s)
		}
		for _, g := range s.cgroups {
			if g.dir == "" || g.dir[0] != '/' || strings.Contains(g.name, "/") {
				t.Fatalf("%q was accepted as %+v", text, s)
			}
		}
		// What was accepted is the fields, each once: written again it is as
		// long as it was, but for fields that a later one replaced.
		n := 0
		for _, e := range s.env {
			n += len("env=") + len(e) + 1
		}
		for _, a := range s.argv {
			n += len("arg=") + len(a) + 1
		}
		if n > len(text) || bytes.Count(text, []byte("env=")) < len(s.env) {
			t.Fatalf("%q became more: %+v", text, s)
		}
	})
}
