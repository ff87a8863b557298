package runtimeapi

import (
	"os"
	"sync"
	"syscall"
)

// OutputPipe passes on what is written into a pipe, as it comes and in Drain.
type OutputPipe struct {
	mu   sync.Locker
	take func([]byte)
	file *os.File
	raw  syscall.RawConn // nil if the file can't be read
	over chan struct{}
}

// NewOutputPipe reads the pipe until Close and calls take with mu held; the bytes are
// valid during the call.
func NewOutputPipe(file *os.File, mu sync.Locker, take func([]byte)) *OutputPipe {
	p := &OutputPipe{mu: mu, take: take, file: file, over: make(chan struct{})}
	raw, err := file.SyscallConn()
	if err != nil {
		close(p.over)
		return p
	}
	p.raw = raw
	go func() {
		defer close(p.over)
		_ = raw.Read(func(fd uintptr) bool {
			mu.Lock()
			defer mu.Unlock()
			return p.read(int(fd))
		})
	}()
	return p
}

// Drain passes on all that was written so far. The caller holds mu.
func (p *OutputPipe) Drain() {
	if p.raw != nil {
		_ = p.raw.Control(func(fd uintptr) { p.read(int(fd)) })
	}
}

// read takes what is there and reports whether that was the end.
func (p *OutputPipe) read(fd int) bool {
	var buf [16 << 10]byte
	for {
		n, err := syscall.Read(fd, buf[:])
		switch {
		case n > 0:
			p.take(buf[:n])
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return false
		default:
			return true
		}
	}
}

// Close drains and closes the pipe, without mu held; take is not called afterwards.
func (p *OutputPipe) Close() {
	p.mu.Lock()
	p.Drain()
	p.mu.Unlock()
	_ = p.file.Close()
	<-p.over
}

// receivedFile returns the file that came with control data, nil for none.
func receivedFile(control []byte, name string) *os.File {
	messages, err := syscall.ParseSocketControlMessage(control)
	if err != nil {
		return nil
	}
	for _, m := range messages {
		if fds, err := syscall.ParseUnixRights(&m); err == nil && len(fds) == 1 {
			syscall.CloseOnExec(fds[0])
			_ = syscall.SetNonblock(fds[0], true)
			return os.NewFile(uintptr(fds[0]), name)
		}
	}
	return nil
}
