package image

import "io"

// sideChunk is how much a side takes at a time, in bytes.
const sideChunk = 256 << 10

// side reads what is written to it in a goroutine of its own, so that the writer
// does not wait. It holds copies of up to 8 MB.
type side struct {
	full, free  chan []byte
	chunk, rest []byte // the chunk being read and what is left of it
	done        chan struct{}
	stopped     bool
}

// newSide runs work on a copy of what is written. The end of the content is
// io.EOF, also if the writer gave up. Work may return early.
func newSide(work func(io.Reader)) *side {
	const chunks = 32
	s := &side{full: make(chan []byte, chunks), free: make(chan []byte, chunks), done: make(chan struct{})}
	for range chunks {
		s.free <- nil
	}
	go func() {
		defer close(s.done)
		work(s)
		for chunk := range s.full { // or the writer would wait for ever
			s.free <- chunk
		}
	}()
	return s
}

// Write hands on a copy; it never fails.
func (s *side) Write(p []byte) (int, error) {
	s.full <- append((<-s.free)[:0], p...)
	return len(p), nil
}

// Read is for work.
func (s *side) Read(p []byte) (int, error) {
	for len(s.rest) == 0 {
		if s.chunk != nil {
			s.free <- s.chunk
		}
		s.chunk = <-s.full
		if s.rest = s.chunk; s.chunk == nil {
			return 0, io.EOF
		}
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// stop ends the content and waits for work to return; a second call does nothing.
func (s *side) stop() {
	if !s.stopped {
		s.stopped = true
		close(s.full)
	}
	<-s.done
}
