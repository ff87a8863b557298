package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// description is the sandbox that images/start is to build, and what it is to
// execute there.
type description struct {
	root, dir string
	// empty is an empty folder, with which the root is mounted as an overlay; without
	// one it is bind-mounted.
	empty     string
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
	if d.empty != "" {
		fields = append(fields, "empty="+d.empty)
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
	*os.File
	raw syscall.RawConn
	// tmp is the sandbox's /tmp, attached nowhere else, which outlives it; nil
	// where the kernel has no such thing.
	tmp *os.File
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
	c := &control{File: os.NewFile(uintptr(fds[0]), "control")}
	if c.raw, err = c.SyscallConn(); err != nil {
		_ = c.Close()
		_ = unix.Close(fds[1])
		return nil, nil, fmt.Errorf("making a control connection: %w", err)
	}
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
