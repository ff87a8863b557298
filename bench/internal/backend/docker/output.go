package docker

import (
	"bytes"
	"sync"
)

// outputTail is how much of the end of an output is kept, in bytes.
const outputTail = 4 << 10

// output keeps the end of what was written to it and hands each whole line to
// log. It is safe for use by several writers at once.
type output struct {
	mu   sync.Mutex
	tail []byte
	line []byte
	log  func(string) // nil for none
}

// maxLogLine bounds a line that never ends, in bytes.
const maxLogLine = 256 << 10

// Write never fails.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tail = append(o.tail, p...)
	if extra := len(o.tail) - outputTail; extra > 0 {
		o.tail = append(o.tail[:0], o.tail[extra:]...)
	}
	if o.log == nil {
		return len(p), nil
	}
	for rest := p; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			o.line = append(o.line, rest...)
			if len(o.line) > maxLogLine {
				o.flush()
			}
			break
		}
		o.line = append(o.line, rest[:end]...)
		o.flush()
		rest = rest[end+1:]
	}
	return len(p), nil
}

func (o *output) flush() {
	o.log(string(o.line))
	o.line = o.line[:0]
}

// end hands out a last line that has no newline.
func (o *output) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.log != nil && len(o.line) > 0 {
		o.flush()
	}
}

// String returns the end of what was written, at most 4 KB.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.tail)
}
