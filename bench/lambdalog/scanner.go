package lambdalog

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// Limits in bytes and lines. An event of CloudWatch Logs has at most 1 MiB.
const (
	maxLine     = 1 << 20
	maxJSON     = 64 << 10
	maxJSONLine = 512
	maxWrap     = 8
	maxSpare    = 1 << 20
)

// Scanner reads the events in a log, whatever else is in it.
//
//	s := lambdalog.NewScanner(r)
//	for s.Scan() {
//		e := s.Event()
//	}
//	err := s.Err()
//
// The log may come from CloudWatch Logs, Logs Insights, the AWS and SAM command
// lines, docker compose or Docker's json-file driver, as text, JSON, CSV or JSON
// lines. Lines longer than 1 MiB are passed over.
type Scanner struct {
	r      *bufio.Reader
	ahead  []string // Lines that were read too early.
	line   int      // The number of the last line that was taken.
	queue  []Event
	event  Event
	readOf error
	spare  int // How many more bytes may be looked ahead in vain.
}

// NewScanner returns a Scanner of r.
func NewScanner(r io.Reader) *Scanner {
	size := 64 << 10
	if short, ok := r.(interface{ Len() int }); ok {
		size = min(size, short.Len()) // a text in memory, the log of one invocation say
	}
	return &Scanner{r: bufio.NewReaderSize(r, size), spare: maxSpare}
}

// Scan advances to the next event; false at the end and after an error.
func (s *Scanner) Scan() bool {
	s.event = Event{}
	for len(s.queue) == 0 {
		line, ok := s.take()
		if !ok {
			return false
		}
		s.chunk(line)
	}
	s.event, s.queue = s.queue[0], s.queue[1:]
	return true
}

// Event returns the event that Scan advanced to; see Event.Err.
func (s *Scanner) Event() Event { return s.event }

// Err returns the error of the reader, or nil at the end of the log.
func (s *Scanner) Err() error {
	if errors.Is(s.readOf, io.EOF) {
		return nil
	}
	return s.readOf
}

// take returns the next line with its newline, if it has one.
func (s *Scanner) take() (string, bool) {
	line, ok := s.peek(0)
	if ok {
		s.ahead = s.ahead[1:]
		s.line++
	}
	return line, ok
}

// peek returns the line behind the n next ones.
func (s *Scanner) peek(n int) (string, bool) {
	for len(s.ahead) <= n {
		if s.readOf != nil {
			return "", false
		}
		line := s.read()
		if line == "" {
			return "", false
		}
		s.ahead = append(s.ahead, line)
	}
	return s.ahead[n], true
}

// read reads a line: an empty one if it is too long, none if an error may have cut it.
func (s *Scanner) read() string {
	part, err := s.r.ReadSlice('\n')
	line, long := string(part), false
	for errors.Is(err, bufio.ErrBufferFull) {
		part, err = s.r.ReadSlice('\n')
		if line += string(part); len(line) > maxLine {
			line, long = "", true
		}
	}
	switch s.readOf = err; {
	case s.Err() != nil:
		return ""
	case long:
		return "\n"
	}
	return line
}

// chunk queues the events of a line and of those that belong to it.
func (s *Scanner) chunk(line string) {
	at := s.line
	if s.spare = min(s.spare+4*len(line), maxSpare); s.spare > 0 && spread(line) {
		line = s.json(line)
	}
	var open bool
	var start, counted int
	walk(line, func(e Event, from, end int) bool {
		at += strings.Count(line[counted:from], "\n")
		counted = from
		e.Line = at
		s.queue = append(s.queue, e)
		open, start = wraps(e) && skip(line, end).end == len(line), from
		return true
	})
	if !open {
		return
	}
	// The last line of the text may go on in the next one.
	last := &s.queue[len(s.queue)-1]
	text := line[start:]
	for n := 0; n < maxWrap; n++ {
		next, ok := s.peek(0)
		if !ok {
			return
		}
		if next = continued(next, last.Stream); next == "" {
			return
		}
		if !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		e, end, ok := readLine(text+next, 0)
		if !ok || end <= len(text) || e.Err != nil && !errors.Is(e.Err, ErrTruncated) {
			return
		}
		e.Time, e.Stream, e.Line, e.Raw = last.Time, last.Stream, last.Line, raw(text+next, 0, end)
		*last = e
		text += next
		s.take()
	}
}

// wraps says whether an event may go on in the next line.
func wraps(e Event) bool {
	switch e.Kind {
	case KindReport, KindInitReport, KindRestoreReport, KindStart, KindEnd:
		traced := e.Report != nil && e.Report.XRay != nil
		return !traced && !strings.HasPrefix(e.Raw, "{") && (e.Err == nil || errors.Is(e.Err, ErrTruncated))
	}
	return false
}

// continued returns what of a line can continue the one before: it without its
// service, or its XRAY line; nothing if it begins an event of its own.
func continued(line, stream string) string {
	if name, rest, ok := service(line); ok && stream != "" {
		if name != stream {
			return ""
		}
		line = rest
	}
	if n := strings.Index(line, names[keyTraceID]); n >= 0 {
		return line[n:]
	}
	line = line[skip(line, 0).end:]
	own := false
	walk(line, func(Event, int, int) bool {
		own = true
		return false
	})
	if own {
		return ""
	}
	return line
}

// spread says whether JSON may begin with the line and not end in it.
func spread(line string) bool {
	text := strings.TrimSpace(line)
	if text == "" || text[0] != '{' && text[0] != '[' {
		return false
	}
	next := strings.TrimSpace(text[1:])
	return next == "" || (next[0] == '"' || next[0] == '{') && !strings.ContainsAny(next[len(next)-1:], "]}")
}

// json adds the lines up to the end of the JSON, or none if it does not end soon.
func (s *Scanner) json(line string) string {
	r := &lookahead{s: s, lines: []string{line}, rest: line, size: len(line)}
	var whole json.RawMessage
	if err := json.NewDecoder(r).Decode(&whole); err != nil {
		s.spare -= r.size
		return line
	}
	for range r.lines[1:] {
		s.take()
	}
	return strings.Join(r.lines, "")
}

// lookahead gives a reader of JSON one line after another, and not too many.
type lookahead struct {
	s     *Scanner
	lines []string
	rest  string
	size  int
}

func (l *lookahead) Read(p []byte) (int, error) {
	if l.rest == "" {
		next, ok := l.s.peek(len(l.lines) - 1)
		if !ok || len(l.lines) == maxJSONLine || l.size+len(next) > maxJSON {
			return 0, io.EOF
		}
		l.lines, l.rest, l.size = append(l.lines, next), next, l.size+len(next)
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}
