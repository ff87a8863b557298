package sandbox

import (
	"bytes"
	"sync"
)

const (
	// outputKept is how much of the end of a function's output is kept.
	outputKept = 4 << 10
	// longestLine is where a line without an end is passed on in parts.
	longestLine = 64 << 10
)

// output collects what the processes of one environment write.
type output struct {
	mu   sync.Mutex
	tail []byte
	log  func(line string)
}

// newOutput keeps the end of what is written and passes its lines to log, if
// that is not nil.
func newOutput(log func(string)) *output { return &output{log: log} }

// String returns the end of what was written, at most 4 KB.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.tail)
}

// keep adds b to the tail.
func (o *output) keep(b []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(b) >= outputKept {
		o.tail = append(o.tail[:0], b[len(b)-outputKept:]...)
		return
	}
	if drop := len(o.tail) + len(b) - outputKept; drop > 0 {
		o.tail = o.tail[:copy(o.tail, o.tail[drop:])]
	}
	o.tail = append(o.tail, b...)
}

// stream is what one process writes, cut into lines.
type stream struct {
	o    *output
	line []byte
}

// Write never fails.
func (s *stream) Write(b []byte) (int, error) {
	s.o.keep(b)
	if s.o.log == nil {
		return len(b), nil
	}
	s.line = append(s.line, b...)
	for {
		i := bytes.IndexByte(s.line, '\n')
		if i < 0 {
			break
		}
		s.o.log(string(bytes.TrimSuffix(s.line[:i], []byte("\r"))))
		s.line = s.line[i+1:]
	}
	if len(s.line) >= longestLine {
		s.flush()
	}
	return len(b), nil
}

// flush passes on a last line that has no end.
func (s *stream) flush() {
	if len(s.line) > 0 && s.o.log != nil {
		s.o.log(string(s.line))
	}
	s.line = nil
}
