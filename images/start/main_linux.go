// Command start is the first program in a new execution environment. It does
// what can only be done from inside, says that it is ready, waits for the word,
// and becomes the image's own entrypoint.
//
//	start tcp:127.0.0.1:PORT ARGV...   in a container, which is already limited
//	start fd:N                         in a sandbox, which it builds first
//
// Over the control connection go lines of text:
//
//	start    -> emulator  ready
//	emulator -> start     go
//	start    -> emulator  exec CLOCK EXTENSIONS
//
// CLOCK is CLOCK_MONOTONIC in nanoseconds, read before anything of the image
// runs; EXTENSIONS are the names of the programs of /opt/extensions that were
// started, with commas between, and may be empty. Then start executes ARGV, and
// the connection, which is close-on-exec, ends. If that fails, the line
//
//	start    -> emulator  error ERRNO TEXT
//
// follows and start exits with 126. The same line before ready means that the
// environment could not be made. In a sandbox the emulator first sends what to
// build (see sandbox.go), and lines "note TEXT" may come before ready.
//
// It is opinionated about its own weight, because starting it is part of every
// cold start's provisioning: system calls only, no fmt, no net, no os.
package main

import (
	"runtime"
	"syscall"
)

// exitUsage and exitNotExecuted are the exit codes of a start that was called
// wrongly or could not execute the entrypoint (as shells: 126).
const (
	exitUsage       = 125
	exitNotExecuted = 126
)

func main() {
	// Credentials, capabilities and the parent-death signal belong to threads.
	// All of them are changed on this one, and it is this one that executes.
	runtime.LockOSThread()
	args := arguments()
	if len(args) < 2 {
		die("start: usage: start tcp:ADDRESS:PORT ARGV... | start fd:N")
	}
	c, failure := dial(args[1])
	if failure != "" {
		die("start: " + failure)
	}
	closeOnExec()

	var p program
	if c.inherited {
		var ok bool
		if p, ok = c.build(); !ok {
			syscall.Exit(exitNotExecuted)
		}
	} else {
		if len(args) < 3 {
			die("start: nothing to execute")
		}
		p = program{argv: args[2:], env: syscall.Environ()}
	}
	if !c.ready() || !c.await("go\n") {
		// The emulator is gone: nobody waits for this environment.
		syscall.Exit(exitNotExecuted)
	}
	c.run(p)
	syscall.Exit(exitNotExecuted)
}

// program is what becomes of this process.
type program struct {
	argv, env []string
	// dir is the folder to start in; empty leaves it as it is.
	dir string
}

// run starts the extensions and executes p. It returns only if that failed,
// and then the emulator was told.
func (c control) run(p program) {
	clock := now()
	names, failure, errno := startExtensions(p.env)
	if failure != "" {
		c.fail(failure, errno)
		return
	}
	if p.dir != "" {
		if err := syscall.Chdir(p.dir); err != nil {
			c.fail("entering the working directory "+p.dir, err)
			return
		}
	}
	if !c.send("exec " + decimal(clock) + " " + names + "\n") {
		return
	}
	path, err := lookPath(p.argv[0], p.env)
	if err == nil {
		// Exec also gives back the limit of open files that the Go runtime
		// raised for itself.
		err = syscall.Exec(path, p.argv, p.env)
	}
	c.fail("executing "+p.argv[0], err)
}

// die says why start can't even begin, on stderr, and exits.
func die(text string) {
	_, _ = syscall.Write(2, []byte(text+"\n"))
	syscall.Exit(exitUsage)
}
