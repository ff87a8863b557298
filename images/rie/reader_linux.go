package main

import (
	"os"
	"syscall"
)

// reader moves what a process writes into the output: when it comes, and when
// the output asks for all that is there.
type reader struct {
	out  *output
	file *os.File
	fd   int
	over chan struct{}
}

// newReader reads file, which it owns and which must not block.
func newReader(out *output, file *os.File) *reader {
	r := &reader{out: out, file: file, over: make(chan struct{})}
	raw, err := file.SyscallConn()
	if err != nil {
		close(r.over)
		return r
	}
	_ = raw.Control(func(fd uintptr) { r.fd = int(fd) })
	out.mu.Lock()
	out.drain = r.drain
	out.mu.Unlock()
	go func() {
		defer close(r.over)
		_ = raw.Read(func(uintptr) bool {
			out.mu.Lock()
			defer out.mu.Unlock()
			return r.read()
		})
	}()
	return r
}

// read takes what is there and says whether that was the end; the output's
// mutex is held.
func (r *reader) read() bool {
	var buf [16 << 10]byte
	for {
		n, err := syscall.Read(r.fd, buf[:])
		switch {
		case n > 0:
			r.out.take(buf[:n])
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return false
		default:
			return true
		}
	}
}

func (r *reader) drain() { r.read() }

// close takes what is left once every writer is gone, and gives up the file.
func (r *reader) close() {
	r.out.mu.Lock()
	r.read()
	r.out.drain = nil
	r.out.mu.Unlock()
	_ = r.file.Close()
	<-r.over
}
