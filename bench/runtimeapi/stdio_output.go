package runtimeapi

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Output is held back for at most maxHeldTime, so that a reader sees what a slow
// function does, and up to maxHeldOutput bytes.
const (
	maxHeldTime   = 500 * time.Millisecond
	maxHeldOutput = 1 << 20
)

// stdioOutput collects what the function's processes write and sends it to bench. During
// an init or an invocation it is held back: each line would wake three programs.
type stdioOutput struct {
	send func(stdioText)

	mu    sync.Mutex
	held  bool
	text  []byte
	timer *time.Timer         // sends the text; nil for none
	pipes map[int]*OutputPipe // by process
}

// add reads the output of a process from file.
func (o *stdioOutput) add(process int, file *os.File) {
	p := NewOutputPipe(file, &o.mu, o.take)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.pipes == nil {
		o.pipes = map[int]*OutputPipe{}
	}
	o.pipes[process] = p
}

func (o *stdioOutput) take(b []byte) {
	o.text = append(o.text, b...)
	switch {
	case !o.held || len(o.text) > maxHeldOutput:
		o.flush(false)
	case o.timer == nil:
		o.timer = time.AfterFunc(maxHeldTime, func() {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.flush(false)
		})
	}
}

// flush sends what was collected; mu is held.
func (o *stdioOutput) flush(end bool) {
	if o.timer != nil {
		o.timer.Stop()
		o.timer = nil
	}
	if len(o.text) > 0 || end {
		o.send(stdioText{Text: o.text, End: end})
		o.text = o.text[:0]
	}
}

func (o *stdioOutput) hold() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.held = true
}

// release sends all that was written so far, and what follows as it comes.
func (o *stdioOutput) release() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range o.pipes {
		p.Drain()
	}
	o.held = false
	o.flush(false)
}

func (o *stdioOutput) remove(process int) {
	o.mu.Lock()
	p := o.pipes[process]
	delete(o.pipes, process)
	o.mu.Unlock()
	if p == nil {
		return
	}
	p.Close()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flush(true)
}

// fileConn is a Unix connection that keeps the file that comes with what is read.
type fileConn struct {
	*net.UnixConn
	file *os.File // nil for none
}

func (c *fileConn) Read(b []byte) (int, error) {
	control := make([]byte, 64)
	n, controlN, _, _, err := c.ReadMsgUnix(b, control)
	if file := receivedFile(control[:max(controlN, 0)], "output"); file != nil {
		if c.file != nil {
			_ = c.file.Close()
		}
		c.file = file
	}
	if errors.Is(err, io.EOF) || err == nil && n == 0 {
		err = io.EOF
	}
	return max(n, 0), err // n is -1 after an error
}
