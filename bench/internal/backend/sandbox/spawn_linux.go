package sandbox

import (
	"errors"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Who a function is on Lambda: sbx_user1051 and its group.
const (
	functionUID = 993
	functionGID = 990
)

// spawner starts processes that end with this one.
//
// The kernel sends the signal that a process asked for at its parent's death
// when the parent's *thread* ends. So one thread, kept for nothing else, starts
// them all.
type spawner struct {
	requests chan spawn
	quit     chan struct{}
	stopped  chan struct{}
}

// errClosed is the error of a start on an engine that was closed.
var errClosed = errors.New("the engine is closed")

type spawn struct {
	argv  []string
	path  string
	attr  *os.ProcAttr
	reply chan<- spawned
}

type spawned struct {
	process *os.Process
	err     error
}

func newSpawner() *spawner {
	s := &spawner{requests: make(chan spawn), quit: make(chan struct{}), stopped: make(chan struct{})}
	go s.serve()
	return s
}

func (s *spawner) serve() {
	// Never unlocked: the thread ends with the goroutine, and with it what may
	// still be running.
	runtime.LockOSThread()
	defer close(s.stopped)
	for {
		select {
		case <-s.quit:
			return
		case r := <-s.requests:
			p, err := os.StartProcess(r.path, r.argv, r.attr)
			// A child of another thread, cloned while start was being written
			// and not yet executing, still has it open for writing.
			for try := 0; errors.Is(err, unix.ETXTBSY) && try < 50; try++ {
				time.Sleep(2 * time.Millisecond)
				p, err = os.StartProcess(r.path, r.argv, r.attr)
			}
			r.reply <- spawned{p, err}
		}
	}
}

// start starts a process in namespaces of its own.
func (s *spawner) start(path string, argv []string, files []*os.File, user bool) (*os.Process, error) {
	reply := make(chan spawned, 1)
	request := spawn{path: path, argv: argv, reply: reply, attr: &os.ProcAttr{
		// The environment is start's own; the function's is in its description.
		// With one processor the Go runtime is ready a little sooner.
		Dir: "/", Env: []string{"GOMAXPROCS=1"}, Files: files, Sys: namespaces(user),
	}}
	select {
	case s.requests <- request:
		got := <-reply
		return got.process, got.err
	case <-s.stopped:
		return nil, errClosed
	}
}

// stop ends the thread, and with it what it has started.
func (s *spawner) stop() {
	close(s.quit)
	<-s.stopped
}

// namespaces says what a new process has of its own. With user, there is a user
// namespace, in which this user is the function's, the only one that a process
// without privileges may map.
func namespaces(user bool) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		// A process group of its own: Ctrl-C on the terminal is for bench, which
		// then ends the environment in order. A session would do as well, but
		// brings a scheduling group, which makes the start slower by a tenth of
		// a millisecond, and by one on a busy machine.
		Setpgid:   true,
		Pdeathsig: syscall.SIGKILL,
	}
	if user {
		a.Cloneflags |= unix.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: functionUID, HostID: os.Geteuid(), Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: functionGID, HostID: os.Getegid(), Size: 1}}
		// Executing a program as a user other than 0 loses all capabilities but
		// the ambient ones: these are what start needs to mount, and to give
		// them up.
		a.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SETPCAP}
	}
	return a
}

// denied is true for the errors of a system that does not let this process make
// namespaces.
func denied(err error) bool {
	return errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOSPC) ||
		errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EUSERS)
}
