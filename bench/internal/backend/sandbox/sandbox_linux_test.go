package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/runtimeapi"
)

// seen is what the probe answers.
type seen struct {
	UID, GID                           int
	Groups                             []int
	PID                                int
	Status                             map[string]string
	Hostname, Dir, Error               string
	Args, Env, FDs, Mounts, Dev, Procs []string
	Files                              [2]uint64
	Devices                            [2]uint64 // of / and /bootstrap
	Writable, Denied, Readable         []string
	Tmp                                uint64
	Session                            int
}

// TestInside looks at a sandbox from inside.
func TestInside(t *testing.T) {
	e := engine(t)
	img := unpack(t, "probe")
	img.WorkingDir = "/var/task"
	img.Environment = []string{"FROM_IMAGE=a b", "AWS_LAMBDA_RUNTIME_API=nowhere:1"}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "the machine's")
	m := started(t, e, img, 256, coldstart.Options{LimitCPU: true, Environment: map[string]string{"ADDED": "c=d"}})
	var s seen
	answer(t, invoke(t, m, `{}`), &s)

	if s.UID != 993 || s.GID != 990 || len(s.Groups) != 0 && !e.user {
		t.Errorf("user %d, group %d, groups %v", s.UID, s.GID, s.Groups)
	}
	if s.PID != 1 || s.Session != 1 || !slices.Equal(s.Procs, []string{"1"}) {
		t.Errorf("process %d, session %d, processes %v", s.PID, s.Session, s.Procs)
	}
	const none = "0000000000000000"
	for _, key := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
		if s.Status[key] != none {
			t.Errorf("%s is %s", key, s.Status[key])
		}
	}
	if s.Status["NoNewPrivs"] != "1" || s.Status["Umask"] != "0022" || s.Status["TracerPid"] != "0" {
		t.Errorf("status %v", s.Status)
	}
	if s.Hostname != "sandbox" || s.Dir != "/var/task" || s.Error != "" {
		t.Errorf("host %q, folder %q, error %q", s.Hostname, s.Dir, s.Error)
	}
	if want := []string{"/bootstrap", "handler"}; !slices.Equal(s.Args, want) {
		t.Errorf("arguments %q, want %q", s.Args, want)
	}
	if s.Files != [2]uint64{1024, 1024} {
		t.Errorf("limit of open files %v", s.Files)
	}
	if s.Tmp != 512<<20 {
		t.Errorf("/tmp has %d bytes", s.Tmp)
	}
	for _, want := range []string{"FROM_IMAGE=a b", "ADDED=c=d", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256", "_HANDLER=handler"} {
		if !slices.Contains(s.Env, want) {
			t.Errorf("no %q in the environment %q", want, s.Env)
		}
	}
	for _, kv := range s.Env {
		if strings.Contains(kv, "the machine's") || strings.Contains(kv, "nowhere") || strings.HasPrefix(kv, "GOMAXPROCS") {
			t.Errorf("%q in the environment", kv)
		}
	}
	if want := []string{"fd", "full", "null", "random", "stderr", "stdin", "stdout", "urandom", "zero"}; !slices.Equal(s.Dev, want) {
		t.Errorf("/dev holds %q", s.Dev)
	}
	if want := []string{"/tmp/file", "/dev/null", "/proc/self/comm"}; !slices.Equal(s.Writable, want) {
		// As the user of the machine that /dev belongs to, also nothing more.
		t.Errorf("can write %q, not %q", s.Writable, s.Denied)
	}
	if want := []string{"/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}; !slices.Equal(s.Readable, want) {
		t.Errorf("can read %q, want %q", s.Readable, want)
	}
	for _, fd := range s.FDs {
		n, to, _ := strings.Cut(fd, " ")
		switch {
		case n == "0" && to == "/dev/null", n == "1" && strings.HasPrefix(to, "pipe:"), n == "2" && strings.HasPrefix(to, "pipe:"):
		case n > "2" && (strings.HasPrefix(to, "anon_inode:") || strings.HasPrefix(to, "socket:") || strings.HasPrefix(to, "/proc/")):
		case n > "2" && strings.HasPrefix(to, "/sys/fs/cgroup/cpu"): // Go's own, for GOMAXPROCS
		default:
			t.Errorf("descriptor %s", fd)
		}
	}
	for i, line := range s.Mounts {
		f := strings.Fields(line)
		if i == 0 && (f[4] != "/" || !strings.HasPrefix(f[5], "ro,nosuid,nodev")) {
			t.Errorf("the root is mounted %s", line)
		}
		if strings.Contains(line, "shared:") || strings.Contains(line, "master:") {
			t.Errorf("a mount is not private: %s", line)
		}
	}
	if n := len(s.Mounts); n < 7 || n > 25 {
		t.Errorf("%d mounts: %q", n, s.Mounts)
	}
}

// TestFreshEnvironments: nothing of one environment is seen in the next, and a
// child dies with its environment, even one that holds the output open.
func TestFreshEnvironments(t *testing.T) {
	e := engine(t)
	before := look(t)
	img := unpack(t, "probe")
	mark := fmt.Sprintf("coldbench-test-%d-%d", os.Getpid(), time.Now().UnixNano())
	for _, name := range []string{"first", "second"} {
		t.Run(name, func(t *testing.T) {
			m := started(t, e, img, 256, coldstart.Options{LimitCPU: true, Timeout: 5 * time.Second})
			if inv := invoke(t, m, `{"do":"child","text":"`+mark+`"}`); inv.Status != "success" {
				t.Fatalf("%+v", inv)
			}
			var s seen
			answer(t, invoke(t, m, `{}`), &s)
			if len(s.Procs) != 2 {
				t.Errorf("processes %v, want two", s.Procs)
			}
			if n := len(marked(t, mark)); n != 1 {
				t.Errorf("%d children run, want one", n)
			}
			if err := m.Close(); err != nil {
				t.Error(err)
			}
			if pids := marked(t, mark); len(pids) != 0 {
				t.Errorf("children %v have outlived their environment", pids)
			}
		})
	}
	before.unchanged(t)
}

// marked lists the processes of this machine with a word in their environment.
func marked(t testing.TB, mark string) []string {
	t.Helper()
	all, _ := filepath.Glob("/proc/[0-9]*")
	var found []string
	for _, dir := range all {
		// A sandbox's environment can be read by root and by its own user.
		env, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err == nil && strings.Contains(string(env), mark) {
			found = append(found, filepath.Base(dir))
		}
	}
	return found
}

// TestInvalidEntrypoint: what can't be executed is told apart from what ends.
func TestInvalidEntrypoint(t *testing.T) {
	e := engine(t)
	before := look(t)
	for _, c := range []struct {
		name    string
		spoil   func(img *coldstart.Image)
		message string
	}{
		{"missing", func(img *coldstart.Image) { img.Entrypoint = []string{"/no/such"} }, "executing /no/such: no such file or directory"},
		{"missing in PATH", func(img *coldstart.Image) { img.Entrypoint = []string{"no-such"} }, "executing no-such: no such file or directory"},
		{"not executable", func(img *coldstart.Image) { _ = os.Chmod(filepath.Join(img.Root, "bootstrap"), 0o644) }, "executing /bootstrap: permission denied"},
		{"another architecture", func(img *coldstart.Image) {
			path := filepath.Join(img.Root, "bootstrap")
			b, _ := os.ReadFile(path)
			b[18] ^= 0x3f // e_machine
			_ = os.WriteFile(path, b, 0o755)
		}, "executing /bootstrap: exec format error"},
		{"missing working directory", func(img *coldstart.Image) { img.WorkingDir = "/no/such" }, "entering the working directory /no/such: no such file or directory"},
		{"folder", func(img *coldstart.Image) { img.Entrypoint = []string{"/var"} }, "executing /var: permission denied"},
		{"link out of the image", func(img *coldstart.Image) {
			_ = os.Symlink("/../../../../../../../../bin/sh", filepath.Join(img.Root, "sh"))
			img.Entrypoint = []string{"/sh"}
		}, "executing /sh: no such file or directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			img := unpack(t, "function")
			c.spoil(&img)
			m := testMachine(t, e, img, 256, coldstart.Options{})
			ctx := context.Background()
			if err := m.Provision(ctx); err != nil {
				t.Fatal(err)
			}
			in, err := m.Init(ctx)
			if err != nil || in.Done || in.ErrorType != "Runtime.InvalidEntrypoint" {
				t.Errorf("init %+v, %v", in, err)
			}
			inv := invoke(t, m, `{}`)
			if inv.ErrorType != "Runtime.InvalidEntrypoint" || !strings.Contains(string(inv.Response), c.message) {
				t.Errorf("%+v %s", inv, inv.Response)
			}
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	before.unchanged(t)
}

// TestOpenRefuses: what can be known before anything is started.
func TestOpenRefuses(t *testing.T) {
	e := engine(t)
	before := look(t)
	good := coldstart.Image{Arch: runtime.GOARCH, Root: "/x", Entrypoint: []string{"/bootstrap"}}
	for _, c := range []struct {
		name  string
		img   func(coldstart.Image) coldstart.Image
		o     coldstart.Options
		want  string
		hint  bool
		skip  bool
		about error
	}{
		{name: "architecture", img: func(i coldstart.Image) coldstart.Image { i.Arch = "mips"; return i }, want: "the image is for mips, and this machine is " + runtime.GOARCH, hint: true},
		{name: "not unpacked", img: func(i coldstart.Image) coldstart.Image { i.Root = ""; return i }, want: "not unpacked"},
		{name: "no entrypoint", img: func(i coldstart.Image) coldstart.Image { i.Entrypoint = nil; return i }, want: "neither ENTRYPOINT nor CMD", about: runtimeapi.ErrInvalidEntrypoint},
		{name: "short period", o: coldstart.Options{LimitCPU: true, CPUPeriod: 5 * time.Millisecond}, want: "a quota of 361µs", hint: true, skip: e.groups.cpu.dir == ""},
		{name: "too long a period", o: coldstart.Options{LimitCPU: true, CPUPeriod: 2 * time.Second}, want: "want 1ms to 1s", hint: true, skip: e.groups.cpu.dir == ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.skip {
				t.Skip("the CPU can't be limited here")
			}
			img := good
			if c.img != nil {
				img = c.img(good)
			}
			target, err := e.Open(context.Background(), coldstart.Config{Variant: "v", MemoryMB: 128, Arch: runtime.GOARCH}, img, c.o)
			if err == nil {
				_ = target.Close()
				t.Fatal("was opened")
			}
			if !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "opening v/128MB/") {
				t.Errorf("%v, want %q", err, c.want)
			}
			if (advice.HintOf(err) != "") != c.hint {
				t.Errorf("hint %q", advice.HintOf(err))
			}
			if c.about != nil && !errors.Is(err, c.about) {
				t.Errorf("%v is not %v", err, c.about)
			}
		})
	}
	before.unchanged(t)
}

// TestBrokenRoot: an image folder without what a sandbox needs is an error that
// names it, not a wrong sandbox.
func TestBrokenRoot(t *testing.T) {
	e := engine(t)
	before := look(t)
	for name, want := range map[string]string{"tmp": "mounting /tmp", "dev": "mounting /dev", "proc": "/proc: no such file",
		"sys": "mounting /sys", "etc/hosts": "mounting /etc/hosts"} {
		t.Run(name, func(t *testing.T) {
			img := unpack(t, "function")
			if err := os.Remove(filepath.Join(img.Root, name)); err != nil {
				t.Fatal(err)
			}
			m := testMachine(t, e, img, 256, coldstart.Options{})
			err := m.Provision(context.Background())
			if err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, syscall.ENOENT) {
				t.Errorf("without /%s: %v, want %q", name, err, want)
			}
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	if got, w := e.Facts().StorageDriver, strings.Join(e.Warnings(), "\n"); got != "" || strings.Contains(w, "bind-mounted") {
		t.Errorf("storage driver %q, warnings %q, of roots over which nothing starts", got, w)
	}
	before.unchanged(t)
}

// TestLinksInTheImage: a link of the image is followed within the image.
func TestLinksInTheImage(t *testing.T) {
	e := engine(t)
	img := unpack(t, "probe")
	if err := os.Remove(filepath.Join(img.Root, "tmp")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(img.Root, "var/tmp"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/var/tmp", filepath.Join(img.Root, "tmp")); err != nil {
		t.Fatal(err)
	}
	var s seen
	answer(t, invoke(t, started(t, e, img, 256, coldstart.Options{}), `{}`), &s)
	if s.Tmp != 512<<20 || !slices.Contains(s.Writable, "/tmp/file") {
		t.Errorf("/tmp has %d bytes, can write %q", s.Tmp, s.Writable)
	}
	if entries, err := os.ReadDir(filepath.Join(img.Root, "var/tmp")); err != nil || len(entries) != 0 {
		t.Errorf("the image holds %v, %v", entries, err)
	}
}

// TestResolver: the machine's resolv.conf is put over the image's own, and only
// over a file.
func TestResolver(t *testing.T) {
	machine, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		t.Skip("this machine has no /etc/resolv.conf: ", err)
	}
	e := engine(t)
	for _, c := range []struct {
		name   string
		make   func(path string) error
		mounts bool
	}{
		{"file", func(path string) error { return os.WriteFile(path, nil, 0o644) }, true},
		{"link", func(path string) error { return os.Symlink("/nowhere", path) }, false},
		{"none", func(string) error { return nil }, false},
	} {
		img := unpack(t, "probe")
		if err := c.make(filepath.Join(img.Root, "etc/resolv.conf")); err != nil {
			t.Fatal(err)
		}
		m := started(t, e, img, 256, coldstart.Options{})
		var s seen
		answer(t, invoke(t, m, `{}`), &s)
		has := slices.ContainsFunc(s.Mounts, func(line string) bool { return strings.Contains(line, " /etc/resolv.conf ro") })
		if has != c.mounts || slices.Contains(s.Writable, "/etc/resolv.conf") {
			t.Errorf("%s: mounted %v, want %v; can write %q", c.name, has, c.mounts, s.Writable)
		}
		_ = m.Close()
	}
	if again, err := os.ReadFile("/etc/resolv.conf"); err != nil || string(again) != string(machine) {
		t.Error("the machine's /etc/resolv.conf is another")
	}
}
