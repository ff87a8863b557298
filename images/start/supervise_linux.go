package main

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// supervisor is start in an environment with extensions: it stays, as the
// parent of them and of the runtime. Thus the runtime has no child that it did
// not start, and whoever ends has somebody who learns of it.
type supervisor struct {
	control
	p program

	// mu is held while a program is started, so that its end finds its number,
	// and while a line is written.
	mu sync.Mutex
	// pids are those of the runtime, which is number 0, and of the extensions;
	// 0 for one that does not run.
	pids []int
	// started has a token after the runtime's start.
	started chan struct{}
}

// supervise starts the extensions and does what the emulator says until that
// hangs up.
func (c control) supervise(p program) {
	s := &supervisor{control: c, p: p, pids: make([]int, len(p.extensions)+1), started: make(chan struct{}, 1)}
	env := extensionEnv(p.env)
	failed := make([]error, len(s.pids))
	clock := now()
	for i, name := range p.extensions {
		path := extensionsDir + "/" + name
		s.pids[i+1], failed[i+1] = start(path, "/", []string{path}, env)
	}
	s.send("exec " + strconv.FormatInt(clock, 10) + " " + strings.Join(p.extensions, "/") + "\n")
	for i, err := range failed {
		if err != nil {
			s.send("failed " + strconv.Itoa(i) + " fork/exec " + extensionsDir + "/" + p.extensions[i-1] + ": " + err.Error() + "\n")
		}
	}
	go s.reap()
	for {
		word, ok := s.word()
		switch {
		case !ok:
			s.signal(syscall.SIGKILL, len(s.pids))
			return
		case word == "run":
			s.run()
		case word == "term":
			s.signal(syscall.SIGTERM, 1)
		case word == "kill":
			s.signal(syscall.SIGKILL, 1)
		}
	}
}

// start starts a program in a process group of its own, as Lambda does.
func start(path, dir string, argv, env []string) (int, error) {
	return syscall.ForkExec(path, argv, &syscall.ProcAttr{
		Dir: dir, Env: env, Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setpgid: true},
	})
}

// run starts the runtime.
func (s *supervisor) run() {
	s.mu.Lock()
	defer s.mu.Unlock()
	path, what, err := s.p.enter()
	if err == nil {
		s.pids[0], err = start(path, "", s.p.argv, s.p.env)
	}
	if err != nil {
		s.fail(what, err)
		return
	}
	s.send("running\n")
	select {
	case s.started <- struct{}{}:
	default:
	}
}

// reap reports the end of every program that s started. Others are orphans that
// became start's children because it is process 1.
func (s *supervisor) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch err {
		case nil:
			s.ended(pid, status)
		case syscall.ECHILD:
			<-s.started
		}
	}
}

// ended reports the end of a program.
func (s *supervisor) ended(pid int, status syscall.WaitStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, p := range s.pids {
		if p != pid {
			continue
		}
		s.pids[i] = 0
		how := " exit " + strconv.Itoa(status.ExitStatus())
		if status.Signaled() {
			how = " signal " + strconv.Itoa(int(status.Signal()))
		}
		s.send("ended " + strconv.Itoa(i) + how + "\n")
	}
}

// signal signals the first n programs: one of them is the runtime.
func (s *supervisor) signal(signal syscall.Signal, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, pid := range s.pids[:n] {
		if pid != 0 {
			_ = syscall.Kill(pid, signal)
		}
	}
}

// again executes start anew in the sandbox that it has built: a fresh process
// has none of its threads, of which only this one gave up its privileges. It
// returns only if that failed.
func (c control) again(p program) {
	argv := append([]string{"start", "in:" + strconv.Itoa(c.fd), p.dir}, p.argv...)
	fds := []int{c.fd}
	if c.kept >= 0 {
		argv[1] += ":" + strconv.Itoa(c.kept)
		fds = append(fds, c.kept)
	}
	for _, fd := range fds {
		_, _, _ = syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_SETFD, 0)
	}
	c.fail("executing start again", syscall.Exec("/proc/self/exe", argv, p.env))
}

// withheld are the variables that Lambda gives to the runtime only, beside
// those that begin with an underscore: the runtime's own and the excluded ones
// of rapidcore/env/constants.go in AWS's emulator.
var withheld = [...]string{
	"AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
	"AWS_XRAY_CONTEXT_MISSING", "AWS_XRAY_DAEMON_ADDRESS", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT",
}

// extensionEnv returns what an extension sees of the function's environment.
func extensionEnv(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(kv string) bool {
		key, _, _ := strings.Cut(kv, "=")
		return strings.HasPrefix(key, "_") || slices.Contains(withheld[:], key)
	})
}
