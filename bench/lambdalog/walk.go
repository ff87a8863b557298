package lambdalog

import (
	"errors"
	"strings"
)

// walk calls visit with each event in text, in their order, until it returns
// false. at and end are where the event, or what it is quoted in, stands in
// text.
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

// inWord says whether s[i] goes on a word, so that no line begins there. The n
// of a quoted line's end is no word.
func inWord(s string, i int) bool {
	c := s[i-1]
	if !letter(c) && !digit(c) && c != '_' && c != '-' {
		return false
	}
	return i < 2 || s[i-2] != '\\' || c != 'n' && c != 't' && c != 'r'
}

// prefix finds a timestamp and a log stream, or the service of docker compose,
// in what stands in front of a line.
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

// timestamp says whether text begins as 2006-01-02T or is milliseconds since
// 1970.
func timestamp(text string) bool {
	const day = "0000-00-00T"
	if len(text) == 13 && strings.Trim(text, "0123456789") == "" {
		return true
	}
	if len(text) <= len(day) {
		return false
	}
	for i := range day {
		if day[i] == '0' && !digit(text[i]) || day[i] != '0' && day[i] != text[i] {
			return false
		}
	}
	return true
}

// json reads the JSON at s[at:]; ok is false where it is none that was to be
// read.
func (w *walker) json(s string, at int, p place) (end int, ok bool) {
	if w.spare <= 0 {
		return at, false
	}
	i := blank(s, at+1)
	if i >= len(s) {
		return at, false
	}
	var err error
	switch {
	case s[at] == '[':
		if s[i] != '{' {
			return at, false
		}
		if end, err = elements(s, at, 0, nil); err == nil {
			w.value(s, at, end, p)
			return end, true
		}
	case i == at+1 && i+2 < len(s) && s[i:i+2] == `""` && letter(s[i+2]):
		return w.doubled(s, at, p)
	case s[i] == '"':
		var list []member
		if list, end, err = members(s, at, 0); err == nil {
			w.object(s, list, at, end, p)
			return end, true
		}
		if kind := kindOf(s, list); kind != "" {
			end = max(lineEnd(s, at), at+strings.IndexByte(s[at:]+"\n", '\n'))
			w.emit(Event{Kind: kind, Raw: s[at:end], Err: err}, at, end, p)
			return end, true
		}
	case s[i] == '\\' && at > 0 && s[at-1] == '"':
		if end, err = skipString(s, at-1); err == nil {
			w.text(unquote(s[at-1:end]), p.inside(at, end))
			return end, true
		}
	default:
		return at, false
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
func kindOf(s string, list []member) Kind {
	for _, m := range list {
		if m.key == "type" && m.str {
			if name, ok := strings.CutPrefix(unquote(s[m.at:m.end]), platform); ok {
				return Kind(name)
			}
		}
	}
	return ""
}

// doubled reads the JSON in a cell of a CSV file, where each quote stands
// twice.
func (w *walker) doubled(s string, at int, p place) (end int, ok bool) {
	line := s[at:]
	if n := strings.IndexByte(line, '\n'); n >= 0 {
		line = line[:n]
	}
	inner := strings.ReplaceAll(line, `""`, `"`)
	list, n, err := members(inner, 0, 0)
	if err != nil {
		w.spare -= len(line)
		return at, false
	}
	// The quotes are all that was shortened.
	end = at + n + strings.Count(inner[:n], `"`)
	w.object(inner, list, 0, n, p.inside(at, min(end, at+len(line))))
	return min(end, at+len(line)), true
}

// value walks over a JSON value that is known to be valid.
func (w *walker) value(s string, at, end int, p place) {
	switch {
	case w.done || p.depth > maxDepth:
	case s[at] == '{':
		list, _, err := members(s, at, 0)
		if err == nil {
			w.object(s, list, at, end, p)
		}
	case s[at] == '[':
		elements(s, at, 0, func(at, end int) {
			if s[at] == '{' || s[at] == '[' {
				w.value(s, at, end, p)
			}
		})
	}
}

// object handles an event, or what holds events: exports of CloudWatch Logs and
// Logs Insights, and the files of Docker's json-file driver.
func (w *walker) object(s string, list []member, at, end int, p place) {
	if e, ok := readEvent(s, list); ok {
		e.Raw = s[at:end]
		w.emit(e, at, end, p)
		return
	}
	inner := p.inside(at, end)
	for _, m := range list {
		text := s[m.at:m.end]
		if m.str {
			text = unquote(text)
		}
		switch m.key {
		case "timestamp", "@timestamp", "time":
			inner.time = text
		case "logStreamName", "@logStream", "logStream":
			inner.stream = text
		}
	}
	for _, m := range list {
		switch {
		case w.done:
			return
		case m.compound:
			q := p
			q.depth++
			w.value(s, m.at, m.end, q)
		case m.str && (m.key == "message" || m.key == "@message" || m.key == "log"):
			w.text(unquote(s[m.at:m.end]), inner)
		}
	}
}
