package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
)

// helperVariable names what the test binary is to do instead of testing.
const helperVariable = "COLDBENCH_SANDBOX_HELPER"

// helpers are what the test binary does when a test starts it.
var helpers = map[string]func() int{
	"no-namespaces": helpNoNamespaces,
	"die":           helpDie,
	"masked-proc":   helpMaskedProc,
}

// TestAsOrdinaryUser runs this package's tests as nobody, with everything they
// need in a folder that nobody can read.
func TestAsOrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("this is an ordinary user already")
	}
	if testing.Short() {
		t.Skip("not in short mode")
	}
	const nobody = 65534
	dir := t.TempDir()
	openUp(t, dir)
	copyFile(t, "/proc/self/exe", filepath.Join(dir, "sandbox.test"))
	for name := range programs {
		copyFile(t, bin(t, name), filepath.Join(dir, name))
	}
	tmp := filepath.Join(dir, "tmp")
	if err := os.Mkdir(tmp, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(tmp, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(dir, "sandbox.test"), "-test.v", "-test.count=1",
		"-test.run=^(TestContract|TestInside|TestFreshEnvironments|TestMemoryOfChildren|TestAbandoned|TestEngineLeavesNothing|TestKilled|TestCheck|TestRootIsAnOverlay)$")
	cmd.Dir = dir
	cmd.Env = []string{binDir + "=" + dir, "TMPDIR=" + tmp, "PATH=/nowhere", "HOME=/nonexistent", "BENCH_REQUIRE=" + os.Getenv("BENCH_REQUIRE")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, test := range []string{"TestContract", "TestInside", "TestFreshEnvironments", "TestAbandoned", "TestKilled", "TestRootIsAnOverlay"} {
		if !bytes.Contains(out, []byte("--- PASS: "+test+" (")) {
			if bytes.Contains(out, []byte("no user namespaces")) {
				t.Skip("no user namespaces for ordinary users")
			}
			t.Errorf("%s did not pass:\n%s", test, out)
		}
	}
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestAsUserInANamespace: the way of an ordinary user, also where root runs the
// tests.
func TestAsUserInANamespace(t *testing.T) {
	e := engine(t)
	e.user = true
	m := started(t, e, unpack(t, "probe"), 256, coldstart.Options{})
	var s seen
	answer(t, invoke(t, m, `{}`), &s)
	if s.UID != 993 || s.GID != 990 || s.Status["CapBnd"] != "0000000000000000" || s.Status["NoNewPrivs"] != "1" || s.PID != 1 {
		t.Errorf("%+v", s)
	}
}

// TestNoNamespaces: in a user namespace that may have no further ones New says
// so, and what to do.
func TestNoNamespaces(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{helperVariable + "=no-namespaces", "COLDBENCH_START=" + bin(t, "start"), "TMPDIR=" + t.TempDir()}
	// An inner namespace, whose own limit the helper sets to 0: the machine's
	// is left alone.
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Getegid(), Size: 1}},
		AmbientCaps: []uintptr{unix.CAP_SYS_RESOURCE},
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		if denied(err) {
			t.Skip("no user namespaces at all: ", err)
		}
		t.Fatalf("%v\n%s", err, out)
	}
	want := "this machine can't make sandboxes: making namespaces: fork/exec START: no space left on device\nhint: sudo sysctl user.max_user_namespaces=10000, run as root, or use --engine docker\nwarning\n"
	got := string(out)
	if i := strings.Index(got, "fork/exec "); i >= 0 {
		rest := got[i+len("fork/exec "):]
		got = got[:i] + "fork/exec START" + rest[strings.Index(rest, ":"):]
	}
	if got != want {
		t.Errorf("said %q, want %q", got, want)
	}
}

func helpNoNamespaces() int {
	if err := write("/proc/sys/user/max_user_namespaces", "0"); err != nil {
		fmt.Println(err)
		return 1
	}
	start, err := os.ReadFile(os.Getenv("COLDBENCH_START"))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	e, err := newEngine(context.Background(), Options{}, start)
	if err == nil {
		fmt.Println("made an engine", e.user)
		return 1
	}
	if !errors.Is(err, ErrUnsupported) {
		fmt.Println("not ErrUnsupported")
	}
	fmt.Println(err)
	fmt.Println("hint:", advice.HintOf(err))
	for _, f := range checkWith(context.Background(), start) {
		if f.Severity == advice.Problem && f.Hint != "" {
			fmt.Println("warning")
		}
	}
	return 0
}

// TestMaskedProc: where parts of /proc are hidden, as in a container, the
// kernel refuses another one to a user namespace. The machine's is used then,
// and the run says so.
func TestMaskedProc(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("hiding parts of /proc needs root")
	}
	img := unpack(t, "probe")
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{helperVariable + "=masked-proc", "COLDBENCH_START=" + bin(t, "start"), "COLDBENCH_ROOT=" + img.Root, "TMPDIR=" + t.TempDir()}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if want := "note: /proc shows the machine's processes, because a new one was refused: operation not permitted\nsuccess\n"; string(out) != want {
		t.Errorf("said %q, want %q", out, want)
	}
}

func helpMaskedProc() int {
	start, err := os.ReadFile(os.Getenv("COLDBENCH_START"))
	for _, mount := range []func() error{
		func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") },
		func() error { return unix.Mount("tmpfs", "/proc/sys", "tmpfs", unix.MS_RDONLY, "") },
	} {
		err = errors.Join(err, mount())
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	ctx := context.Background()
	e, err := makeEngineAs(ctx, Options{}, start, []bool{true})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer func() { _ = e.Close() }()
	for _, n := range e.notes {
		fmt.Println("note:", n)
	}
	target, err := e.Open(ctx, coldstart.Config{Variant: "v", MemoryMB: 256, Arch: arch}, coldstart.Image{
		Arch: arch, Root: os.Getenv("COLDBENCH_ROOT"), Entrypoint: []string{"/bootstrap"},
	}, coldstart.Options{Payload: []byte(`{}`), Timeout: 10 * time.Second})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer func() { _ = target.Close() }()
	env, _, err := target.Start(ctx)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("success")
	_ = env.Close()
	return 0
}

// TestKilled kills a bench at any moment: its sandboxes end with it, and what
// is left of it is found and removed by the next.
func TestKilled(t *testing.T) {
	e := engine(t) // keeps the parent folders, and is alive: its groups stay
	m := started(t, e, unpack(t, "function"), 256, coldstart.Options{LimitCPU: true})
	img := unpack(t, "probe")
	before := look(t)
	left := 0
	for i := range 12 {
		mark := fmt.Sprintf("coldbench-killed-%d-%d-%d", os.Getpid(), time.Now().UnixNano(), i)
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = []string{helperVariable + "=die", "COLDBENCH_START=" + bin(t, "start"), "COLDBENCH_ROOT=" + img.Root,
			"COLDBENCH_MARK=" + mark, "TMPDIR=" + os.TempDir(), "COLDBENCH_STATE=" + t.TempDir()}
		r, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Read(make([]byte, 1)); err != nil { // it has an engine
			t.Fatal(err)
		}
		time.Sleep(time.Duration(i) * 3 * time.Millisecond)
		pid := cmd.Process.Pid
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		for end := time.Now().Add(10 * time.Second); len(marked(t, mark)) > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("processes %v have outlived bench", marked(t, mark))
			}
		}
		var lines []string
		start, err := os.ReadFile(bin(t, "start"))
		if err != nil {
			t.Fatal(err)
		}
		next, err := newEngine(context.Background(), Options{Log: func(line string) { lines = append(lines, line) }}, start)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines {
			if strings.Contains(line, fmt.Sprintf("coldbench-%d-", pid)) {
				left++
			}
		}
		if err := next.Close(); err != nil {
			t.Error(err)
		}
		for _, dir := range leftovers() {
			if strings.Contains(dir, fmt.Sprintf("coldbench-%d-", pid)) {
				t.Errorf("%s is still there", dir)
			}
		}
	}
	before.unchanged(t)
	if left == 0 && e.groups.cpu.dir != "" {
		t.Error("no kill has left anything behind: the test shows nothing")
	}
	// The living one was left alone.
	if inv := invoke(t, m, `{}`); inv.Status != "success" {
		t.Errorf("%+v", inv)
	}
	for _, n := range m.group.nodes() {
		if _, err := os.Stat(n.dir); err != nil {
			t.Error(err)
		}
	}
}

// helpDie starts environments until it is killed.
func helpDie() int {
	start, err := os.ReadFile(os.Getenv("COLDBENCH_START"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	e, err := newEngine(context.Background(), Options{StateDir: os.Getenv("COLDBENCH_STATE")}, start)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	target, err := e.Open(context.Background(), coldstart.Config{Variant: "v", MemoryMB: 256, Arch: arch}, coldstart.Image{
		Arch: arch, Root: os.Getenv("COLDBENCH_ROOT"), Entrypoint: []string{"/bootstrap"},
	}, coldstart.Options{
		LimitCPU: true, Payload: []byte(`{"do":"child"}`), Timeout: 10 * time.Second,
		Environment: map[string]string{"PROBE_MARK": os.Getenv("COLDBENCH_MARK")},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Print("x")
	for {
		env, _, err := target.Start(context.Background())
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		_ = env.Close()
	}
}
