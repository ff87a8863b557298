package image

import (
	"bufio"
	"io"
)

// sideChunk is how much a side takes at a time, in bytes.
const sideChunk = 256 << 10

// side reads what is written to it in a goroutine of its own, so that the writer
// waits only if it is more than a chunk ahead.
type side struct {
	*io.PipeWriter
	done chan struct{}
}

// newSide runs work on a copy of what is written. The end of the content is
// io.EOF, also if the writer gave up. Work may return early.
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
