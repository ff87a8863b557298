package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"coldbench/bench/runtimeapi"
)

// launcher starts the function's processes as children of this one.
type launcher struct {
	command, environ []string
	extensions       string
	out              *output
	stderr           io.Writer
	reaper           *reaper
}

func newLauncher(s settings, environ []string, out *output, stderr io.Writer) (runtimeapi.Launcher, error) {
	return &launcher{command: s.command, environ: environ, extensions: s.extensions, out: out, stderr: stderr, reaper: newReaper()}, nil
}

// Launch makes the pipe that the process will write to: there is nothing else
// to make ready.
func (l *launcher) Launch(context.Context, runtimeapi.Phase) (runtimeapi.Process, error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	// The reading end waits in the poller, the writing end is the function's
	// and blocks, as its own would.
	if err := unix.SetNonblock(fds[0], true); err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	p := &process{launcher: l, done: make(chan struct{}), write: fds[1], oomKills: oomKills()}
	p.reader = newReader(l.out, os.NewFile(uintptr(fds[0]), "output"))
	return p, nil
}

// process is a runtime process and its extensions.
type process struct {
	*launcher
	reader   *reader
	write    int
	oomKills int64
	kill     sync.Once

	mu   sync.Mutex
	pids []int // the runtime's first, then those of extensions

	done chan struct{}
	exit runtimeapi.Exit
}

// Exec starts the extensions, then the runtime. The reading of the clock lies
// just before the fork, whose time is thus part of init.
func (p *process) Exec(context.Context) (runtimeapi.Started, error) {
	defer func() { _ = syscall.Close(p.write); p.write = -1 }()
	attr := &syscall.ProcAttr{Env: p.environ, Files: []uintptr{p.null(), uintptr(p.write), uintptr(p.write)}, Sys: &syscall.SysProcAttr{Setpgid: true}}
	defer syscall.Close(int(attr.Files[0]))
	path, err := p.lookPath(p.command[0])
	if err != nil {
		return runtimeapi.Started{}, fmt.Errorf("%w: fork/exec %s: %w", runtimeapi.ErrInvalidEntrypoint, p.command[0], err)
	}
	s := runtimeapi.Started{ClockNs: runtimeapi.Clock()}
	var pids []int
	for _, name := range executables(p.extensions) {
		file := filepath.Join(p.extensions, name)
		pid, err := p.reaper.start(file, []string{file}, attr, nil)
		if err != nil {
			fmt.Fprintf(p.stderr, "rie: starting the extension %s: %v\n", name, err)
			continue
		}
		pids = append(pids, pid)
		s.Extensions = append(s.Extensions, name)
	}
	pid, err := p.reaper.start(path, p.command, attr, p.ended)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.pids = pids
		return s, fmt.Errorf("%w: fork/exec %s: %w", runtimeapi.ErrInvalidEntrypoint, p.command[0], err)
	}
	p.pids = append([]int{pid}, pids...)
	return s, nil
}

// null returns a descriptor of /dev/null for a function's stdin; where there is
// none, an empty pipe does.
func (p *process) null() uintptr {
	if fd, err := syscall.Open("/dev/null", syscall.O_RDONLY|syscall.O_CLOEXEC, 0); err == nil {
		return uintptr(fd)
	}
	var fds [2]int
	_ = unix.Pipe2(fds[:], unix.O_CLOEXEC)
	_ = syscall.Close(fds[1])
	return uintptr(fds[0])
}

// ended notes how the runtime ended.
func (p *process) ended(s syscall.WaitStatus) {
	if s.Signaled() {
		p.exit.Signal = int(s.Signal())
		p.exit.OutOfMemory = s.Signal() == syscall.SIGKILL && p.oomKills >= 0 && oomKills() > p.oomKills
	} else {
		p.exit.Code = s.ExitStatus()
	}
	close(p.done)
}

// lookPath finds a program the way a container engine does: in the PATH of the
// environment it will have.
func (p *process) lookPath(name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, kv := range p.environ {
		list, ok := strings.CutPrefix(kv, "PATH=")
		if !ok {
			continue
		}
		for _, dir := range filepath.SplitList(list) {
			file := filepath.Join(dir, name)
			if executable(file) {
				return file, nil
			}
		}
	}
	return "", syscall.ENOENT
}

// executables lists the executable files of a folder by name.
func executables(dir string) []string {
	entries, _ := os.ReadDir(dir) // sorted; a folder that is not there has none
	var names []string
	for _, e := range entries {
		if executable(filepath.Join(dir, e.Name())) {
			names = append(names, e.Name())
		}
	}
	return names
}

// executable says whether file is one that may be executed.
func executable(file string) bool {
	i, err := os.Stat(file)
	return err == nil && i.Mode().IsRegular() && i.Mode()&0o111 != 0
}

// Done is closed when the runtime has ended.
func (p *process) Done() <-chan struct{} { return p.done }

// Exit says how it ended.
func (p *process) Exit() runtimeapi.Exit { return p.exit }

// Terminate asks the runtime to end.
func (p *process) Terminate() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.done: // the number may be another's by now
	default:
		if len(p.pids) > 0 {
			_ = syscall.Kill(p.pids[0], syscall.SIGTERM)
		}
	}
}

// Kill kills every child of this process, which has no others.
func (p *process) Kill() {
	p.kill.Do(func() {
		if p.write >= 0 {
			_ = syscall.Close(p.write)
			p.write = -1
		}
		p.reaper.killAll()
		p.reader.close()
	})
}

// MaxMemory returns the sum of the high-water marks of the resident sets of the
// runtime, its extensions and their descendants that are alive.
func (p *process) MaxMemory() (int64, bool) {
	p.mu.Lock()
	queue := append([]int(nil), p.pids...)
	p.mu.Unlock()
	var sum int64
	known := false
	for len(queue) > 0 {
		pid := queue[0]
		queue = queue[1:]
		if n, ok := highWater(pid); ok {
			sum += n
			known = true
		}
		c, _ := childrenOf(strconv.Itoa(pid))
		queue = append(queue, c...)
	}
	return sum, known
}

// highWater reads VmHWM of a process, in bytes.
func highWater(pid int) (int64, bool) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, false
	}
	_, rest, ok := strings.Cut(string(b), "\nVmHWM:")
	if !ok {
		return 0, false
	}
	f := strings.Fields(rest)
	if len(f) == 0 {
		return 0, false
	}
	n, err := strconv.ParseInt(f[0], 10, 64)
	return n << 10, err == nil
}

// oomKills reads how often the kernel has killed a process of this container
// at its memory limit; -1 where it does not tell.
func oomKills() int64 {
	for _, file := range []string{"/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"} {
		b, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); len(f) == 2 && f[0] == "oom_kill" {
				if n, err := strconv.ParseInt(f[1], 10, 64); err == nil {
					return n
				}
			}
		}
	}
	return -1
}
