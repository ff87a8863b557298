package awssim

import (
	"slices"
	"strings"
	"sync"
	"time"
)

const tailBytes = 4 << 10

// keptBytes is how much of a log group is kept, eventBytes what an event counts beside its text.
const (
	keptBytes  = 64 << 20
	eventBytes = 128
)

type logStore struct {
	ingestion time.Duration

	mu     sync.Mutex
	groups map[string]*logGroup
	seq    int64
}

type logGroup struct {
	streams map[string]bool
	events  []logEvent
	bytes   int
}

type logEvent struct {
	at, shown time.Time
	seq       int64
	stream    string
	message   string
}

// stream makes the log stream of an environment, and its group with the first.
func (l *logStore) stream(format logging, name string) *stream {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.groups[format.LogGroup]
	if g == nil {
		g = &logGroup{streams: map[string]bool{}}
		l.groups[format.LogGroup] = g
	}
	g.streams[name] = true
	return &stream{store: l, group: g, name: name, format: format, open: true}
}

func (l *logStore) put(g *logGroup, stream, message string, at time.Time, late time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	e := logEvent{at: at.Truncate(time.Millisecond), shown: at.Add(l.ingestion + late), seq: l.seq, stream: stream, message: message}
	i := len(g.events)
	for i > 0 && g.events[i-1].at.After(e.at) { // seldom: environments write side by side
		i--
	}
	g.events = slices.Insert(g.events, i, e)
	g.bytes += len(message) + eventBytes
	n := 0
	for g.bytes > keptBytes {
		g.bytes -= len(g.events[n].message) + eventBytes
		n++
	}
	g.events = g.events[n:]
}

type stream struct {
	store  *logStore
	group  *logGroup
	name   string
	format logging

	mu      sync.Mutex
	tail    []byte
	pending []pendingEvent
	// open is true during an invocation: events are held back, they may be late.
	open bool
}

type pendingEvent struct {
	at      time.Time
	message string
}

func (s *stream) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tail, s.open = s.tail[:0], true
}

func (s *stream) add(at time.Time, line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.write(at, line)
}

// platform takes a line in the text format and writes it in the function's; p may be nil.
func (s *stream) platform(at time.Time, line string, p *precise) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.format.LogFormat != "JSON" {
		s.write(at, p.text(line))
		return
	}
	text, level := p.event(at, line)
	if levels[level] >= levels[s.format.SystemLogLevel] {
		s.write(at, text)
	}
}

// initStart writes the line that only managed runtimes have.
func (s *stream) initStart(at time.Time, d *deployment, region, kind string) {
	if d.cfg.zip {
		word := "INIT_START"
		if kind == snapStarted {
			word = "RESTORE_START"
		}
		// "provided:al2023.v98" on AWS; no real version is numbered 0.
		s.platform(at, word+" Runtime Version: "+strings.Replace(d.cfg.runtime, ".", ":", 1)+".v0\tRuntime Version ARN: arn:aws:lambda:"+region+"::runtime:"+strings.Repeat("0", 64), nil)
	}
}

func (s *stream) write(at time.Time, line string) {
	s.tail = append(append(s.tail, line...), '\n')
	if n := len(s.tail) - 16*tailBytes; n > 0 {
		s.tail = s.tail[:copy(s.tail, s.tail[n+8*tailBytes:])]
	}
	if !s.open { // output that came after its invocation
		s.store.put(s.group, s.name, line+"\n", at, 0)
		return
	}
	s.pending = append(s.pending, pendingEvent{at, line + "\n"})
	if len(s.pending) > 10_000 { // too much to hold back
		s.flush(0)
	}
}

func (s *stream) flush(late time.Duration) {
	for _, e := range s.pending {
		s.store.put(s.group, s.name, e.message, e.at, late)
	}
	s.pending = nil
}

// end returns the last 4 KB of an invocation's log, which may begin in a line's middle.
func (s *stream) end(late time.Duration) string {
	if s == nil { // the environment did not start
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flush(late)
	s.open = false
	tail := s.tail
	if n := len(tail) - tailBytes; n > 0 {
		tail = tail[n:]
	}
	return string(tail)
}
