package image

import (
	"crypto/sha256"
	"encoding/hex"
)

// sideChunk is how much a sideSum takes at a time, in bytes.
const sideChunk = 256 << 10

// sideSum is a SHA-256 that is computed in a goroutine of its own, so that
// whoever writes to it does not wait. It holds copies of a few chunks.
type sideSum struct {
	full, free chan []byte
	sum        chan [sha256.Size]byte
	stopped    bool
}

func newSideSum() *sideSum {
	const chunks = 8
	s := &sideSum{full: make(chan []byte, chunks), free: make(chan []byte, chunks), sum: make(chan [sha256.Size]byte, 1)}
	for range chunks {
		s.free <- nil
	}
	go func() {
		h := sha256.New()
		for chunk := range s.full {
			h.Write(chunk)
			s.free <- chunk[:0]
		}
		s.sum <- [sha256.Size]byte(h.Sum(nil))
	}()
	return s
}

// Write adds to the sum; it never fails.
func (s *sideSum) Write(p []byte) (int, error) {
	s.full <- append(<-s.free, p...)
	return len(p), nil
}

// hex ends the sum and returns it. It is called once.
func (s *sideSum) hex() string {
	s.stop()
	sum := <-s.sum
	return hex.EncodeToString(sum[:])
}

// stop ends the goroutine; a second call does nothing.
func (s *sideSum) stop() {
	if !s.stopped {
		s.stopped = true
		close(s.full)
	}
}
