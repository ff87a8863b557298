package main

import (
	"io"
	"sync"
)

// logTail is how much of the log an answer carries, as on Lambda.
const logTail = 4096

// output puts what the function writes and the platform's lines into one
// stream, and keeps the end of an invocation's share of it.
type output struct {
	mu   sync.Mutex
	w    io.Writer
	tail []byte
	// drain reads what a process has written so far; nil while there is none.
	// It is called with mu held and hands what it reads to take.
	drain func()
}

func newOutput(w io.Writer) *output { return &output{w: w} }

// take writes bytes on; mu is held. What cannot be written is lost: the stream
// is the container's, and a function must not fail because nobody reads it.
func (o *output) take(p []byte) {
	_, _ = o.w.Write(p)
	o.tail = append(o.tail, p...)
	if extra := len(o.tail) - logTail; extra > 0 {
		o.tail = append(o.tail[:0], o.tail[extra:]...)
	}
}

// platform writes lines of the platform.
func (o *output) platform(lines string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.take([]byte(lines))
}

// pump writes on what the function has written so far.
func (o *output) pump() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.drain != nil {
		o.drain()
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
