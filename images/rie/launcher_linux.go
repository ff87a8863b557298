package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"coldbench/bench/runtimeapi"
)

// launcher starts the function's processes as children of this one.
type launcher struct {
	command, environ []string
	folder           string // of the extensions
	out              *output
	reaper           *reaper
}

func newLauncher(s settings, environ []string, out *output) (runtimeapi.Launcher, error) {
	return &launcher{command: s.command, environ: environ, folder: s.extensions, out: out, reaper: newReaper()}, nil
}

// Launch makes the pipe that the process will write to.
func (l *launcher) Launch(context.Context, runtimeapi.Phase) (runtimeapi.Process, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	p := &process{launcher: l, done: make(chan struct{}), write: w, oomKills: oomKills()}
	p.reader = l.out.read(r)
	return p, nil
}

// process is a runtime process and its extensions.
type process struct {
	*launcher
	reader   *runtimeapi.OutputPipe
	write    *os.File
	oomKills int64
	kill     sync.Once

	// ended has room for the end of each extension.
	ended   chan runtimeapi.ExtensionEnd
	running sync.WaitGroup // the extensions

	mu sync.Mutex
	// runtime is 0 before its start.
	runtime    int
	extensions []int

	done chan struct{}
	exit runtimeapi.Exit
}

var _ runtimeapi.Supervisor = (*process)(nil)

// Exec starts the runtime or, if there are any, the extensions. The clock is read just
// before the fork, whose time is part of init.
func (p *process) Exec(context.Context) (runtimeapi.Started, error) {
	names := files(p.folder)
	if len(names) == 0 {
		return p.startRuntime()
	}
	env := runtimeapi.ExtensionEnviron(p.environ)
	p.ended = make(chan runtimeapi.ExtensionEnd, len(names))
	started := runtimeapi.Started{ClockNs: runtimeapi.Clock(), Extensions: names}
	for _, name := range names {
		p.startExtension(name, env)
	}
	return started, nil
}

func (p *process) startExtension(name string, env []string) {
	file := filepath.Join(p.folder, name)
	p.running.Add(1)
	pid, err := p.start(file, []string{file}, env, func(s syscall.WaitStatus) {
		p.ended <- runtimeapi.ExtensionEnd{Name: name, Exit: p.exitOf(s)}
		p.running.Done()
	})
	if err != nil {
		p.ended <- runtimeapi.ExtensionEnd{Name: name, LaunchError: fmt.Sprintf("fork/exec %s: %v", file, err)}
		p.running.Done()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.extensions = append(p.extensions, pid)
}

// Run starts the runtime beside its extensions.
func (p *process) Run(context.Context) error {
	_, err := p.startRuntime()
	return err
}

func (p *process) startRuntime() (runtimeapi.Started, error) {
	path, err := p.lookPath(p.command[0])
	s := runtimeapi.Started{ClockNs: runtimeapi.Clock()}
	if err == nil {
		p.mu.Lock()
		p.runtime, err = p.start(path, p.command, p.environ, func(s syscall.WaitStatus) {
			p.exit = p.exitOf(s)
			close(p.done)
		})
		p.mu.Unlock()
	}
	if err != nil {
		return s, fmt.Errorf("%w: fork/exec %s: %w", runtimeapi.ErrInvalidEntrypoint, p.command[0], err)
	}
	return s, nil
}

// start starts a program that writes to the process's pipe.
func (p *process) start(path string, argv, env []string, ended func(syscall.WaitStatus)) (int, error) {
	null := p.null()
	defer syscall.Close(int(null))
	output := p.write.Fd() // which makes it block, as the function's own would
	return p.reaper.start(path, argv, &syscall.ProcAttr{
		Env: env, Files: []uintptr{null, output, output}, Sys: &syscall.SysProcAttr{Setpgid: true},
	}, ended)
}

// null returns /dev/null for a function's stdin, or else an empty pipe.
func (p *process) null() uintptr {
	if fd, err := syscall.Open("/dev/null", syscall.O_RDONLY|syscall.O_CLOEXEC, 0); err == nil {
		return uintptr(fd)
	}
	var fds [2]int
	_ = unix.Pipe2(fds[:], unix.O_CLOEXEC)
	_ = syscall.Close(fds[1])
	return uintptr(fds[0])
}

func (p *process) exitOf(s syscall.WaitStatus) runtimeapi.Exit {
	if !s.Signaled() {
		return runtimeapi.Exit{Code: s.ExitStatus()}
	}
	return runtimeapi.Exit{
		Signal:      int(s.Signal()),
		OutOfMemory: s.Signal() == syscall.SIGKILL && p.oomKills >= 0 && oomKills() > p.oomKills,
	}
}

// lookPath finds a program in the PATH that it will have, as container engines do.
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
			if i, err := os.Stat(file); err == nil && i.Mode().IsRegular() && i.Mode()&0o111 != 0 {
				return file, nil
			}
		}
	}
	return "", syscall.ENOENT
}

// files lists a folder's entries but for folders: what Lambda takes for extensions,
// whether they can be executed or not.
func files(dir string) []string {
	entries, _ := os.ReadDir(dir) // sorted; a folder that is not there has none
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

func (p *process) Done() <-chan struct{}                 { return p.done }
func (p *process) Exit() runtimeapi.Exit                 { return p.exit }
func (p *process) Ended() <-chan runtimeapi.ExtensionEnd { return p.ended }
func (p *process) Terminate()                            { p.signal(syscall.SIGTERM) }
func (p *process) KillRuntime()                          { p.signal(syscall.SIGKILL) }

func (p *process) signal(signal syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.done: // the number may be another's by now
	default:
		if p.runtime != 0 {
			_ = syscall.Kill(p.runtime, signal)
		}
	}
}

// Kill kills every child of this process, which has no others.
func (p *process) Kill() {
	p.kill.Do(func() {
		_ = p.write.Close()
		p.reaper.killAll()
		p.out.stop(p.reader)
		p.mu.Lock()
		if p.runtime == 0 { // nobody else closes it
			close(p.done)
		}
		p.mu.Unlock()
		if p.ended != nil {
			go func() { // not waited for: a process can be unkillable
				p.running.Wait()
				close(p.ended)
			}()
		}
	})
}

// MaxMemory returns the sum of the resident high-water marks of the runtime, its extensions
// and their descendants that live.
func (p *process) MaxMemory() (int64, bool) {
	p.mu.Lock()
	pids := slices.Clone(p.extensions)
	if p.runtime != 0 {
		pids = append(pids, p.runtime)
	}
	p.mu.Unlock()
	return runtimeapi.HighWater(runtimeapi.Descendants(pids...))
}

// oomKills reads how often the kernel killed a process at this container's memory limit;
// -1 if unknown.
func oomKills() int64 {
	c := openCounter("/sys/fs/cgroup", memoryCounters)
	if c == nil {
		return -1
	}
	defer c.file.Close()
	n, _ := c.read()
	return n
}
