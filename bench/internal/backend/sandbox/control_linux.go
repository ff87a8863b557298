package sandbox

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"coldbench/bench/runtimeapi"
)

// description is the sandbox that images/start is to build, and what it is to
// execute there.
type description struct {
	root, dir string
	argv, env []string
	// views are the control groups to show.
	views []view
	// keep is true where the descriptor after the control connection is the
	// /tmp of an earlier process.
	keep bool
}

// The descriptors that start gets beside input and output.
const (
	controlFD = 3
	keepFD    = 4
)

// The size of /tmp and the number of open files, as Lambda's.
const (
	tmpBytes  = 512 << 20
	openFiles = 1024
)

// encode writes the description as images/start reads it: fields that end with
// a NUL, and an empty one. A NUL within is an error: no program could be given
// such a word.
func (d description) encode() ([]byte, error) {
	fields := []string{
		"root=" + d.root,
		"uid=" + strconv.Itoa(functionUID), "gid=" + strconv.Itoa(functionGID),
		"tmp=" + strconv.Itoa(tmpBytes), "files=" + strconv.Itoa(openFiles),
		"hostname=sandbox", "dir=" + d.dir,
	}
	if d.keep {
		fields = append(fields, "keep="+strconv.Itoa(keepFD))
	}
	for _, v := range d.views {
		fields = append(fields, "cgroup="+v.name+":"+v.dir)
	}
	for _, e := range d.env {
		fields = append(fields, "env="+e)
	}
	for _, a := range d.argv {
		fields = append(fields, "arg="+a)
	}
	for _, f := range fields {
		if strings.ContainsRune(f, 0) {
			return nil, errors.New("a word with a NUL in the entrypoint, the working directory or the environment")
		}
	}
	return []byte(strings.Join(fields, "\x00") + "\x00\x00"), nil
}

// control is the emulator's end of the connection to images/start.
type control struct {
	conn  *os.File
	raw   syscall.RawConn
	lines *bufio.Reader
	// tmp is the sandbox's /tmp, attached nowhere else, which outlives it; nil
	// where the kernel has no such thing.
	tmp *os.File
	// notes are what start said about the sandbox that is worth a warning.
	notes []string
}

// newControl makes a connection and returns its other end, too, for start.
func newControl() (*control, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		// This end only: reads and writes of it can then be given a deadline.
		if err = unix.SetNonblock(fds[0], true); err != nil {
			_ = unix.Close(fds[0])
			_ = unix.Close(fds[1])
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("making a control connection: %w", err)
	}
	c := &control{conn: os.NewFile(uintptr(fds[0]), "control")}
	if c.raw, err = c.conn.SyscallConn(); err != nil {
		_ = c.conn.Close()
		_ = unix.Close(fds[1])
		return nil, nil, fmt.Errorf("making a control connection: %w", err)
	}
	c.lines = bufio.NewReaderSize(c, 512)
	return c, os.NewFile(uintptr(fds[1]), "control"), nil
}

// Read reads what start says, and takes the descriptor that may come along.
func (c *control) Read(b []byte) (n int, err error) {
	var oobn int
	oob := make([]byte, unix.CmsgSpace(4))
	rerr := c.raw.Read(func(fd uintptr) bool {
		for {
			n, oobn, _, _, err = unix.Recvmsg(int(fd), b, oob, unix.MSG_CMSG_CLOEXEC)
			if !errors.Is(err, unix.EINTR) {
				return !errors.Is(err, unix.EAGAIN)
			}
		}
	})
	if rerr != nil {
		return 0, rerr
	}
	if err != nil {
		return 0, os.NewSyscallError("recvmsg", err)
	}
	if messages, err := unix.ParseSocketControlMessage(oob[:oobn]); err == nil && len(messages) == 1 {
		if fds, err := unix.ParseUnixRights(&messages[0]); err == nil && len(fds) == 1 {
			c.tmp = os.NewFile(uintptr(fds[0]), "tmp")
		}
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// during runs f, whose reading and writing end when ctx does.
func (c *control) during(ctx context.Context, f func() error) error {
	stop := context.AfterFunc(ctx, func() { _ = c.conn.SetDeadline(time.Unix(1, 0)) })
	err := f()
	if !stop() && err != nil {
		return fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return err
}

// setUp sends the description and waits for "ready".
func (c *control) setUp(ctx context.Context, d description) error {
	text, err := d.encode()
	if err != nil {
		return err
	}
	return c.during(ctx, func() error {
		if _, err := c.conn.Write(text); err != nil {
			return fmt.Errorf("describing the sandbox: %w", err)
		}
		for {
			line, err := c.line()
			if err != nil {
				return fmt.Errorf("waiting for the sandbox: %w", err)
			}
			if line == "ready" {
				return nil
			}
			if note, ok := strings.CutPrefix(line, "note "); ok {
				c.notes = append(c.notes, note)
				continue
			}
			return c.said(line)
		}
	})
}

// execute lets start execute the entrypoint, or the extensions. The error wraps
// runtimeapi.ErrInvalidEntrypoint where that could not be done.
func (c *control) execute(ctx context.Context) (started runtimeapi.Started, err error) {
	err = c.during(ctx, func() error {
		if _, err := io.WriteString(c.conn, "go\n"); err != nil {
			return fmt.Errorf("starting the entrypoint: %w", err)
		}
		line, err := c.line()
		if err != nil {
			return fmt.Errorf("waiting for the entrypoint: %w", err)
		}
		if started, err = runtimeapi.ParseStarted(line); err != nil {
			return c.invalid(line, err)
		}
		if len(started.Extensions) > 0 {
			return nil // start stays
		}
		// The connection ends with a successful execve.
		line, err = c.line()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("waiting for the entrypoint: %w", err)
		}
		return c.invalid(line, nil)
	})
	return started, err
}

// line reads a line without its end. An end of the connection before anything
// was read is io.EOF; a connection that start's death has reset is one, too.
func (c *control) line() (string, error) {
	line, err := c.lines.ReadString('\n')
	if errors.Is(err, syscall.ECONNRESET) {
		err = io.EOF
	}
	if err == io.EOF && line != "" {
		err = io.ErrUnexpectedEOF
	}
	return strings.TrimSuffix(line, "\n"), err
}

// said makes an error of an error line.
func (c *control) said(line string) error {
	rest, ok := strings.CutPrefix(line, "error ")
	number, text, ok2 := strings.Cut(rest, " ")
	errno, err := strconv.Atoi(number)
	if !ok || !ok2 || err != nil {
		return fmt.Errorf("start said %q", line)
	}
	return &startError{errno: syscall.Errno(errno), text: text}
}

// invalid makes an error of an error line that came instead of, or after,
// "exec".
func (c *control) invalid(line string, otherwise error) error {
	err := c.said(line)
	var s *startError
	if errors.As(err, &s) {
		return fmt.Errorf("%w: %w", runtimeapi.ErrInvalidEntrypoint, err)
	}
	if otherwise != nil {
		return otherwise
	}
	return err
}

// startError is what images/start said went wrong.
type startError struct {
	errno syscall.Errno
	text  string
}

// Error returns start's words, which end with those for the error number.
func (e *startError) Error() string { return e.text }

// Unwrap returns the error number.
func (e *startError) Unwrap() error { return e.errno }
