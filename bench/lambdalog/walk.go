package lambdalog

import (
	"errors"
	"strings"
	"time"
)

// walk calls visit with each event in text until it returns false. at and end are
// the place of the event, or of what it is quoted in.
func walk(text string, visit func(e Event, at, end int) bool) {
	w := walker{visit: visit, spare: 4*len(text) + 4096}
	w.text(text, place{at: -1})
}

type walker struct {
	visit func(e Event, at, end int) bool
	done  bool
	// spare is how many more bytes may be read in vain as JSON, before braces
	// are no longer looked at: every try could read all of the text.
	spare int
}

// place is what is known about text that was found inside of JSON: its offsets
// in the outermost text, or -1, and the time and stream that stand beside it.
type place struct {
	at, end, depth int
	time, stream   string
}

func (w *walker) emit(e Event, at, end int, p place) {
	if p.at >= 0 {
		at, end = p.at, p.end
	}
	if e.Time == "" {
		e.Time = p.time
	}
	if e.Stream == "" {
		e.Stream = p.stream
	}
	w.done = w.done || !w.visit(e, at, end)
}

// text walks over text that may hold lines and JSON.
func (w *walker) text(s string, p place) {
	if p.depth > maxDepth {
		return
	}
	from := 0
	for i := 0; i < len(s) && !w.done; i++ {
		switch s[i] {
		case '{', '[':
			if end, ok := w.json(s, i, p); ok {
				i, from = end-1, end
			}
		case 'R', 'I', 'S', 'E', 'T', 'L', 'X':
			if i > from && inWord(s, i) {
				continue
			}
			e, end, ok := readLine(s, i)
			if !ok {
				continue
			}
			e.Raw = raw(s, i, end)
			e.Time, e.Stream = prefix(s[from:i])
			w.emit(e, i, end, p)
			// An error may leave the end behind the beginning of the line.
			i = max(end, i+1) - 1
			from = i + 1
		}
	}
}

// raw returns s[at:end]. Where more follows at once, such as a quote, a newline
// stands in for it: without either a last word would look cut off.
func raw(s string, at, end int) string {
	if end == len(s) || end == at {
		return s[at:end]
	}
	for _, last := range [...]string{"\n", "\t", `\n`, `\t`} {
		if strings.HasSuffix(s[at:end], last) {
			return s[at:end]
		}
	}
	return s[at:end] + "\n"
}

// inWord says whether s[i] goes on a word; the n of a quoted line's end is none.
func inWord(s string, i int) bool {
	c := s[i-1]
	if !letter(c) && !digit(c) && c != '_' && c != '-' {
		return false
	}
	return i < 2 || s[i-2] != '\\' || c != 'n' && c != 't' && c != 'r'
}

// prefix finds a timestamp and a stream or service in what stands before a line.
func prefix(s string) (time, stream string) {
	if n := strings.LastIndexByte(s, '\n'); n >= 0 {
		s = s[n+1:]
	}
	if len(s) > 1024 {
		s = s[len(s)-1024:]
	}
	if name, rest, ok := service(s); ok {
		stream, s = name, rest
	}
	for _, f := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" \t,\"'`", r) }) {
		switch {
		case time == "" && timestamp(f):
			time = f
		case stream == "" && strings.Contains(f, "/") && strings.Contains(f, "[") && strings.Contains(f, "]"):
			stream = f
		}
	}
	return time, stream
}

// service splits a line of docker compose into the service's name and the rest.
func service(s string) (name, rest string, ok bool) {
	name, rest, ok = strings.Cut(s, "|")
	if name = strings.TrimSpace(name); !ok || name == "" || strings.ContainsAny(name, " \t") {
		return "", s, false
	}
	return name, rest, true
}

// timestamp says whether text begins with a date and a T or is Unix milliseconds.
func timestamp(text string) bool {
	const day = "2006-01-02T"
	if len(text) <= len(day) {
		return false
	}
	_, err := time.Parse(day, text[:len(day)])
	return err == nil || len(text) == 13 && strings.Trim(text, "0123456789") == ""
}

// json reads the JSON at s[at:]; false if it is none that may hold events.
func (w *walker) json(s string, at int, p place) (end int, ok bool) {
	i := blank(s, at+1)
	if w.spare <= 0 || i == len(s) {
		return at, false
	}
	var v value
	var err error
	switch {
	case strings.HasPrefix(s[at:], `{""`) && at+3 < len(s) && letter(s[at+3]):
		return w.doubled(s, at, p)
	case s[at] == '[' && s[i] == '{', s[at] == '{' && s[i] == '"':
		if v, err = decode(s, at); err == nil {
			w.value(s, v, p)
			return v.end, true
		}
		if kind := kindOf(v); kind != "" {
			end = max(lineEnd(s, at), at+strings.IndexByte(s[at:]+"\n", '\n'))
			w.emit(Event{Kind: kind, Raw: s[at:end], Err: err}, at, end, p)
			return end, true
		}
	case s[at] == '{' && s[i] == '\\' && at > 0 && s[at-1] == '"':
		if v, err = decode(s, at-1); err == nil {
			w.text(v.text, p.inside(at, v.end))
			return v.end, true
		}
	}
	if fault := new(SyntaxError); errors.As(err, &fault) {
		w.spare -= fault.Offset - at
	}
	return at, false
}

// inside is the place of text that is quoted between the offsets.
func (p place) inside(at, end int) place {
	if p.at < 0 {
		p.at, p.end = at, end
	}
	p.depth++
	return p
}

// kindOf returns the kind of an event with these members, or nothing.
func kindOf(v value) Kind {
	for _, m := range v.members {
		if kind := platformKind(m.value); kind != "" && m.name == "type" {
			return kind
		}
	}
	return ""
}

// doubled reads the JSON in a cell of a CSV file, where quotes stand twice.
func (w *walker) doubled(s string, at int, p place) (end int, ok bool) {
	line, _, _ := strings.Cut(s[at:], "\n")
	inner := strings.ReplaceAll(line, `""`, `"`)
	v, err := decode(inner, 0)
	if err != nil {
		w.spare -= len(line)
		return at, false
	}
	// The quotes are all that was shortened.
	end = at + min(v.end+strings.Count(inner[:v.end], `"`), len(line))
	w.value(inner, v, p.inside(at, end))
	return end, true
}

// value walks over a JSON value: an event, or what holds events, as exports of
// CloudWatch Logs and Docker's json-file driver do.
func (w *walker) value(s string, v value, p place) {
	if w.done || p.depth > maxDepth || v.kind != '{' && v.kind != '[' {
		return
	}
	inner, within := p.inside(v.at, v.end), p
	if v.kind == '{' {
		if e, ok := readEvent(s, v); ok {
			e.Raw = s[v.at:v.end]
			w.emit(e, v.at, v.end, p)
			return
		}
		within.depth++
	}
	for _, m := range v.members {
		text := m.text
		if m.kind != '"' {
			text = s[m.at:m.end]
		}
		switch m.name {
		case "timestamp", "@timestamp", "time":
			inner.time = text
		case "logStreamName", "@logStream", "logStream":
			inner.stream = text
		}
	}
	for _, m := range v.members {
		if m.name == "message" || m.name == "@message" || m.name == "log" {
			w.text(m.text, inner)
		}
		w.value(s, m.value, within)
	}
}
