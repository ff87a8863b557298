package main

import (
	"io"
	"os"
	"sync"

	"coldbench/bench/runtimeapi"
)

// logTail is how much of the log an answer carries, as on Lambda.
const logTail = 4096

// output joins what the function writes and the platform's lines into one stream, and
// keeps the end of an invocation's share.
type output struct {
	mu   sync.Mutex
	w    io.Writer
	tail []byte
	// function is what the function's process writes to; nil for none.
	function *runtimeapi.OutputPipe
}

func newOutput(w io.Writer) *output { return &output{w: w} }

// take writes bytes on; mu is held. What can't be written is lost: a function must not
// fail because nobody reads its container's stream.
func (o *output) take(p []byte) {
	_, _ = o.w.Write(p)
	o.tail = append(o.tail, p...)
	if extra := len(o.tail) - logTail; extra > 0 {
		o.tail = append(o.tail[:0], o.tail[extra:]...)
	}
}

func (o *output) platform(lines string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.take([]byte(lines))
}

// pump writes on what the function has written so far.
func (o *output) pump() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.function != nil {
		o.function.Drain()
	}
}

// read begins to pass on what a process writes into file.
func (o *output) read(file *os.File) *runtimeapi.OutputPipe {
	p := runtimeapi.NewOutputPipe(file, &o.mu, o.take)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.function = p
	return p
}

// stop passes on the rest once every writer is gone.
func (o *output) stop(p *runtimeapi.OutputPipe) {
	p.Close()
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.function == p {
		o.function = nil
	}
}

// end returns the end of an invocation's share and starts the next.
func (o *output) end() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	t := append([]byte(nil), o.tail...)
	o.tail = o.tail[:0]
	return t
}
