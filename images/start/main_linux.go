// Command start is the first program in a new execution environment. It does
// what can only be done from inside, says that it is ready, waits for the word,
// and becomes the image's own entrypoint.
//
//	start unix:@NAME ARGV...           in a container, which is already limited
//	start fd:N                         in a sandbox, which it builds first
//	start in:N[:KEPT] DIR ARGV...      in the built sandbox, if that has extensions
//
// Before ARGV, -NAME takes a variable out of the environment, such as HOME, which
// container engines add; -- ends these words.
//
// Over the control connection go lines of text:
//
//	start    -> emulator  ready
//	emulator -> start     go
//	start    -> emulator  exec CLOCK
//
// In a container "ready" comes with the reading end of a pipe, which stdout and
// stderr have become.
//
// CLOCK is CLOCK_MONOTONIC in nanoseconds, read before anything of the image
// runs. Then start executes ARGV, and the connection, which is close-on-exec,
// ends. If that fails, the line
//
//	start    -> emulator  error ERRNO TEXT
//
// follows and start exits with 126. The same line before ready means that the
// environment could not be made. In a sandbox the emulator first sends what to
// build (see sandbox.go), and lines "note TEXT" may come before ready.
//
// If there are files in /opt/extensions, start executes each of them instead
// and stays, as their parent, until the emulator hangs up. It sleeps, and takes
// 2 MB of the environment's memory, which no Max Memory Used shows:
//
//	start    -> emulator  exec CLOCK NAME/NAME    they were started; CLOCK is before the first
//	start    -> emulator  failed N TEXT           but for the N-th, counted from 1
//	emulator -> start     run                     all have registered: start ARGV
//	start    -> emulator  running                 or "error ERRNO TEXT"
//	emulator -> start     term                    send SIGTERM to the runtime
//	emulator -> start     kill                    send SIGKILL to the runtime
//	start    -> emulator  ended N exit STATUS     the N-th extension, or the runtime (0), has ended
//	start    -> emulator  ended N signal NUMBER
//
// Starting it is part of every cold start's provisioning. So it is small: no fmt,
// no net, no reflect.
package main

import (
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
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
	if len(os.Args) < 2 {
		die("start: usage: start unix:@NAME ARGV... | start fd:N")
	}
	c, failure := dial(os.Args[1])
	if failure != "" {
		die("start: " + failure)
	}
	closeOnExec()

	p := c.program(os.Args[2:])
	p.extensions = extensions()
	if len(p.extensions) > 0 && c.inherited && !c.inside {
		c.again(p)
		syscall.Exit(exitNotExecuted)
	}
	if !c.ready() {
		syscall.Exit(exitNotExecuted)
	}
	if word, _ := c.word(); word != "go" {
		// The emulator is gone: nobody waits for this environment.
		syscall.Exit(exitNotExecuted)
	}
	if len(p.extensions) > 0 {
		c.supervise(p)
	} else {
		c.execute(p)
	}
	syscall.Exit(exitNotExecuted)
}

// program is the runtime, and what runs beside it.
type program struct {
	argv, env []string
	// dir is the folder to start in; empty leaves it as it is.
	dir string
	// extensions are the names of the files of /opt/extensions, sorted.
	extensions []string
}

// program returns what is to be executed. In a sandbox it builds that first.
func (c *control) program(rest []string) program {
	if c.inherited && !c.inside {
		p, ok := c.build()
		if !ok {
			syscall.Exit(exitNotExecuted)
		}
		return p
	}
	p := program{env: syscall.Environ()}
	switch {
	case !c.inside:
		p.env, rest = withoutNamed(p.env, rest)
	case len(rest) > 0:
		p.dir, rest = rest[0], rest[1:]
	}
	if len(rest) == 0 {
		die("start: nothing to execute")
	}
	p.argv = rest
	return p
}

// execute executes p in place of this process. It returns only if that failed,
// and then the emulator was told.
func (c control) execute(p program) {
	clock := now()
	if !c.send("exec " + strconv.FormatInt(clock, 10) + "\n") {
		return
	}
	path, what, err := p.enter()
	if err == nil {
		// Exec also gives back the limit of open files that the Go runtime
		// raised for itself.
		err = syscall.Exec(path, p.argv, p.env)
	}
	c.fail(what, err)
}

// enter enters the working directory and finds the program, or says what did
// not work.
func (p program) enter() (path, what string, err error) {
	if p.dir != "" {
		if err := syscall.Chdir(p.dir); err != nil {
			return "", "entering the working directory " + p.dir, err
		}
	}
	path, err = lookPath(p.argv[0], p.env)
	return path, "executing " + p.argv[0], err
}

// die says why start can't even begin, on stderr, and exits.
func die(text string) {
	_, _ = syscall.Write(2, []byte(text+"\n"))
	syscall.Exit(exitUsage)
}

// withoutNamed takes the variables that the leading words of args name out of env,
// and returns the words that follow.
func withoutNamed(env, args []string) (left, rest []string) {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		name := args[0][1:]
		args = args[1:]
		if name == "-" {
			break
		}
		env = slices.DeleteFunc(env, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
	}
	return env, args
}
