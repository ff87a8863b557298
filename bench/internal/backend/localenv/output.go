package localenv

import (
	"bytes"
	"sync"
)

const (
	outputKept = 4 << 10
	// longestLine is where a line without an end is passed on in parts.
	longestLine = 64 << 10
)

// Output collects what the processes of one environment write.
type Output struct {
	// Log receives each line; nil for nobody.
	Log func(line string)

	mu   sync.Mutex
	tail []byte
}

// String returns the end of what was written, at most 4 KB.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.tail)
}

func (o *Output) keep(b []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tail = append(o.tail, b[max(0, len(b)-outputKept):]...)
	if extra := len(o.tail) - outputKept; extra > 0 {
		o.tail = append(o.tail[:0], o.tail[extra:]...)
	}
}

// Stream is what one writer writes, cut into lines.
type Stream struct {
	o    *Output
	line []byte
}

// Stream returns a writer of its own lines.
func (o *Output) Stream() *Stream { return &Stream{o: o} }

// Write never fails.
func (s *Stream) Write(b []byte) (int, error) {
	s.o.keep(b)
	if s.o.Log == nil {
		return len(b), nil
	}
	s.line = append(s.line, b...)
	for {
		line, rest, ok := bytes.Cut(s.line, []byte("\n"))
		if !ok {
			break
		}
		s.o.Log(string(bytes.TrimSuffix(line, []byte("\r"))))
		s.line = rest
	}
	if len(s.line) >= longestLine {
		s.Flush()
	}
	return len(b), nil
}

// Flush passes on a last line that has no end.
func (s *Stream) Flush() {
	if len(s.line) > 0 && s.o.Log != nil {
		s.o.Log(string(s.line))
	}
	s.line = nil
}
