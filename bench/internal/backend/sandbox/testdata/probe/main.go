// Command probe is a function that looks at where it runs and misbehaves on
// request.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"sort"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

type event struct {
	// Do is what to do; empty to report only.
	Do   string
	Text string
	N    int
}

type report struct {
	UID, GID int
	Groups   []int
	PID      int
	Status   map[string]string
	Hostname string
	Dir      string
	Args     []string
	Env      []string
	FDs      []string
	Files    [2]uint64
	Devices  [2]uint64
	Mounts   []string
	Dev      []string
	Procs    []string
	Writable []string
	Denied   []string
	Readable []string
	Tmp      uint64
	Session  int
	Error    string
}

func main() {
	if d := os.Getenv("PROBE_INIT_SLEEP_MS"); d != "" {
		ms, _ := time.ParseDuration(d + "ms")
		time.Sleep(ms)
	}
	if os.Getenv("PROBE_INIT_EXIT") != "" {
		fmt.Println("ending in init")
		os.Exit(3)
	}
	if text := os.Getenv("PROBE_INIT_PRINT"); text != "" {
		fmt.Println(text)
	}
	lambda.Start(handle)
}

var kept [][]byte

func handle(_ context.Context, e event) (any, error) {
	switch e.Do {
	case "exit":
		fmt.Print(e.Text)
		os.Exit(e.N)
	case "allocate":
		debug.SetGCPercent(-1)
		for i := 0; i < e.N; i++ {
			b := make([]byte, 1<<20)
			for j := range b {
				b[j] = 1
			}
			kept = append(kept, b)
		}
	case "print":
		for i := 0; i < e.N; i++ {
			fmt.Println(e.Text)
		}
	case "spin":
		for end := time.Now().Add(time.Duration(e.N) * time.Millisecond); time.Now().Before(end); {
		}
	case "sleep":
		time.Sleep(time.Duration(e.N) * time.Millisecond)
	case "child":
		// One that outlives its parent's interest in it, in a session of its
		// own, keeping the output open.
		c := exec.Command("/proc/self/exe")
		c.Env = []string{"PROBE_INIT_SLEEP_MS=600000", "PROBE_MARK=" + e.Text}
		c.Stdout, c.Stderr = os.Stdout, os.Stderr
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		return nil, c.Start()
	}
	return look(), nil
}

func look() report {
	r := report{UID: os.Getuid(), GID: os.Getgid(), PID: os.Getpid(), Args: os.Args, Env: os.Environ(), Status: map[string]string{}}
	r.Groups, _ = os.Getgroups()
	r.Hostname, _ = os.Hostname()
	r.Dir, _ = os.Getwd()
	r.Session, _ = syscall.Getpgid(0)
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		r.Error = err.Error()
	}
	for _, line := range strings.Split(string(text), "\n") {
		key, value, _ := strings.Cut(line, ":")
		r.Status[key] = strings.TrimSpace(value)
	}
	text, _ = os.ReadFile("/proc/self/mountinfo")
	r.Mounts = strings.Split(strings.TrimSpace(string(text)), "\n")
	r.FDs = links("/proc/self/fd")
	r.Dev = names("/dev")
	for _, name := range names("/proc") {
		if name[0] >= '0' && name[0] <= '9' {
			r.Procs = append(r.Procs, name)
		}
	}
	var lim syscall.Rlimit
	syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim)
	r.Files = [2]uint64{lim.Cur, lim.Max}
	for i, path := range []string{"/", "/bootstrap"} {
		var st syscall.Stat_t
		_ = syscall.Stat(path, &st)
		r.Devices[i] = st.Dev
	}
	var st syscall.Statfs_t
	if syscall.Statfs("/tmp", &st) == nil {
		r.Tmp = st.Blocks * uint64(st.Bsize)
	}
	for _, path := range []string{"/file", "/bin/file", "/tmp/file", "/dev/file", "/dev/null", "/dev/shm/file", "/proc/sys/kernel/hostname",
		"/proc/sysrq-trigger", "/proc/self/comm", "/etc/resolv.conf", "/etc/hosts", "/sys/file", "/sys/fs/cgroup/file"} {
		flags := os.O_WRONLY
		if strings.HasSuffix(path, "/file") {
			flags |= os.O_CREATE
		}
		if f, err := os.OpenFile(path, flags, 0o600); err != nil {
			r.Denied = append(r.Denied, path)
		} else {
			r.Writable = append(r.Writable, path)
			f.Close()
		}
	}
	for _, path := range []string{"/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"} {
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		if n, err := f.Read(make([]byte, 8)); n == 8 && err == nil {
			r.Readable = append(r.Readable, path)
		}
		f.Close()
	}
	return r
}

func names(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	sort.Strings(all)
	return all
}

// links lists where the open descriptors lead to.
func links(dir string) []string {
	var all []string
	for _, name := range names(dir) {
		to, err := os.Readlink(dir + "/" + name)
		if err == nil {
			all = append(all, name+" "+to)
		}
	}
	return all
}
