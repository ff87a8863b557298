package main

import (
	"maps"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"coldbench/bench/runtimeapi"

	"golang.org/x/sys/unix"
)

// reaper waits for every child of this process: those it started, and as process 1 or
// subreaper those that a function left behind.
type reaper struct {
	mu       sync.Mutex
	children map[int]func(syscall.WaitStatus)
	// reaped is closed and replaced whenever a child was reaped.
	reaped chan struct{}
}

// newReaper starts reaping, for the rest of the program's life.
func newReaper() *reaper {
	r := &reaper{children: map[int]func(syscall.WaitStatus){}, reaped: make(chan struct{})}
	// Process 1 has no need of it, and a kernel without it loses orphans only.
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	go func() {
		for range ended {
			r.reap()
		}
	}()
	return r
}

// reap waits for all that have ended.
func (r *reaper) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		r.mu.Lock()
		ended := r.children[pid]
		delete(r.children, pid)
		close(r.reaped)
		r.reaped = make(chan struct{})
		r.mu.Unlock()
		if ended != nil {
			ended(status)
		}
	}
}

// start starts a child and has ended called with its status when it is over.
func (r *reaper) start(path string, argv []string, attr *syscall.ProcAttr, ended func(syscall.WaitStatus)) (int, error) {
	// Held until the child is known: it may be over at once.
	r.mu.Lock()
	defer r.mu.Unlock()
	pid, err := syscall.ForkExec(path, argv, attr)
	if err != nil {
		return 0, err
	}
	r.children[pid] = ended
	return pid, nil
}

// killAll kills every child, and what becomes one meanwhile, and waits for their end.
func (r *reaper) killAll() {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		r.mu.Lock()
		reaped := r.reaped
		pids := slices.Collect(maps.Keys(r.children))
		r.mu.Unlock()
		left := false
		for _, pid := range append(pids, runtimeapi.Descendants(os.Getpid())[1:]...) {
			// One that has ended is still there until it is reaped.
			left = syscall.Kill(pid, syscall.SIGKILL) == nil || left
		}
		if !left {
			return
		}
		select {
		case <-reaped:
		case <-time.After(5 * time.Millisecond):
		}
	}
}
