package image

import (
	"bufio"
	"io"
)

// sideChunk is how much a side takes at a time, in bytes.
const sideChunk = 256 << 10

// side reads in a goroutine of its own what is written to it, a chunk behind at most.
type side struct {
	*io.PipeWriter
	done chan struct{}
}

// newSide runs work, which may return early, on what is written, io.EOF at the end.
func newSide(work func(io.Reader)) side {
	r, w := io.Pipe()
	s := side{w, make(chan struct{})}
	go func() {
		defer close(s.done)
		work(bufio.NewReaderSize(r, sideChunk))
		_ = drain(r) // or the writer would wait for ever
	}()
	return s
}

// stop ends the content and waits for work to return; a second call does nothing.
func (s side) stop() {
	s.Close()
	<-s.done
}
