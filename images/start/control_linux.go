package main

import (
	"errors"
	"strconv"
	"strings"
	"syscall"
)

// control is the connection to the emulator.
type control struct {
	fd int
	// inherited is true for the sandbox's forms, inside once that is built.
	inherited, inside bool
	// kept is a descriptor to send along with "ready", or -1.
	kept int
}

// dial opens the connection that where names, or says why it can't.
func dial(where string) (c control, failure string) {
	if rest, ok := strings.CutPrefix(where, "fd:"); ok {
		return inherit(rest, where)
	}
	if rest, ok := strings.CutPrefix(where, "in:"); ok {
		c, failure := inherit(rest, where)
		c.inside = true
		return c, failure
	}
	name, ok := strings.CutPrefix(where, "unix:")
	if !ok || len(name) < 2 {
		return c, "neither unix:NAME nor fd:N: " + where
	}
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return c, "making a socket: " + err.Error()
	}
	for {
		err = syscall.Connect(fd, &syscall.SockaddrUnix{Name: name})
		if err != syscall.EINTR {
			break
		}
	}
	if err != nil && err != syscall.EISCONN {
		return c, "connecting to " + name + ": " + err.Error()
	}
	c = control{fd: fd}
	if c.kept, err = redirect(); err != nil {
		return c, "redirecting the output: " + err.Error()
	}
	return c, ""
}

// redirect makes stdout and stderr a new pipe and returns its other end. What a
// function writes does not pass through the container engine, which would work
// beside it.
func redirect() (int, error) {
	var fds [2]int
	if err := syscall.Pipe2(fds[:], syscall.O_CLOEXEC); err != nil {
		return -1, err
	}
	for fd := 1; fd <= 2; fd++ {
		if err := syscall.Dup3(fds[1], fd, 0); err != nil {
			return -1, err
		}
	}
	return fds[0], syscall.Close(fds[1])
}

// inherit takes over the descriptors that fds names: "N", or "N:KEPT".
func inherit(fds, where string) (control, string) {
	c := control{kept: -1, inherited: true}
	fd, kept, both := strings.Cut(fds, ":")
	var err, keptErr error
	if both {
		c.kept, keptErr = natural(kept)
	}
	if c.fd, err = natural(fd); err != nil || keptErr != nil || c.fd < 3 || c.fd > 1<<20 {
		return c, "no file descriptor: " + where
	}
	return c, ""
}

// send writes s and says whether all of it went out.
func (c control) send(s string) bool {
	for b := []byte(s); len(b) > 0; {
		n, err := syscall.Write(c.fd, b)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return false
		}
		b = b[n:]
	}
	return true
}

// ready says that all is done.
func (c control) ready() bool {
	const word = "ready\n"
	if c.kept < 0 {
		return c.send(word)
	}
	err := syscall.Sendmsg(c.fd, []byte(word), syscall.UnixRights(c.kept), nil, 0)
	_ = syscall.Close(c.kept)
	return err == nil
}

// read reads some bytes; 0 for an end or an error.
func (c control) read(b []byte) int {
	for {
		n, err := syscall.Read(c.fd, b)
		if err != syscall.EINTR {
			return max(n, 0)
		}
	}
}

// word reads a line without its end; false for an end or a line too long.
func (c control) word() (string, bool) {
	var line []byte
	var b [1]byte
	for len(line) < 64 {
		if c.read(b[:]) == 0 {
			return "", false
		}
		if b[0] == '\n' {
			return string(line), true
		}
		line = append(line, b[0])
	}
	return "", false
}

// fail tells the emulator that doing what did not work.
func (c control) fail(what string, err error) {
	errno := syscall.EINVAL
	_ = errors.As(err, &errno)
	// A name with a newline must not look like a second line.
	what = strings.ReplaceAll(strings.ReplaceAll(what, "\n", " "), "\r", " ")
	c.send("error " + strconv.Itoa(int(errno)) + " " + what + ": " + errno.Error() + "\n")
}

// natural reads a number without a sign.
func natural(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err
}
