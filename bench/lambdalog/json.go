package lambdalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
)

// maxDepth is how deep JSON may be nested; Lambda's events are 5 deep.
const maxDepth = 100

// value is a JSON value and where it stands in a text.
type value struct {
	at, end int
	// kind is '{', '[' or '"', and 0 for a number, true, false or null.
	kind rune
	// text is what a string holds.
	text string
	// members are those of an object; an array's elements have no names.
	members []member
}

type member struct {
	name string
	value
}

// decoder reads the JSON in s that begins at s[at:].
type decoder struct {
	*json.Decoder
	s  string
	at int
}

// decode reads the JSON value at s[at:], or what of it comes before an error.
func decode(s string, at int) (value, error) {
	d := decoder{json.NewDecoder(strings.NewReader(s[at:])), s, at}
	d.UseNumber()
	return d.value(0)
}

func (d decoder) value(depth int) (value, error) {
	v := value{at: d.next()}
	token, err := d.Token()
	if err != nil {
		return v, d.fault(err)
	}
	switch t := token.(type) {
	case string:
		v.kind, v.text = '"', t
	case json.Delim:
		v.kind = rune(t)
		if depth == maxDepth {
			return v, syntax(d.s, v.at, "", ErrJSON)
		}
		for d.More() {
			var m member
			if v.kind == '{' {
				name, err := d.Token()
				if err != nil {
					return v, d.fault(err)
				}
				m.name = name.(string)
			}
			if m.value, err = d.value(depth + 1); err != nil {
				return v, err
			}
			v.members = append(v.members, m)
		}
		if _, err := d.Token(); err != nil {
			return v, d.fault(err)
		}
	}
	v.end = d.at + int(d.InputOffset())
	return v, nil
}

func (d decoder) next() int {
	at := d.at + int(d.InputOffset())
	for at < len(d.s) && strings.IndexByte(" \t\r\n:,", d.s[at]) >= 0 {
		at++
	}
	return at
}

func (d decoder) fault(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return syntax(d.s, len(d.s), "", ErrTruncated)
	}
	return syntax(d.s, d.next(), "", ErrJSON)
}

// once returns an error where a name occurs twice.
func (v value) once(s string) error {
	seen := make(map[string]bool, len(v.members))
	for _, m := range v.members {
		if seen[m.name] {
			return syntax(s, m.at, m.name, ErrDuplicate)
		}
		seen[m.name] = true
	}
	return nil
}

func (v value) null(s string) bool { return s[v.at:v.end] == "null" }

// field returns a member that is not known, its JSON without white space.
func (m member) field(s string, in Place) Field {
	if m.kind == '"' {
		return Field{Key: m.name, Value: m.text, In: in}
	}
	return Field{Key: m.name, Value: compact(s[m.at:m.end]), In: in, Literal: true}
}

// blank skips JSON's white space.
func blank(s string, at int) int {
	return len(s) - len(strings.TrimLeft(s[at:], " \t\r\n"))
}

// compact takes the white space out of valid JSON.
func compact(s string) string {
	var b bytes.Buffer
	if json.Compact(&b, []byte(s)) != nil {
		return s
	}
	return b.String()
}

func quote(text string) string {
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if e.Encode(text) != nil {
		return `""`
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// platform is how the type of each of Lambda's own JSON events begins.
const platform = "platform."

// traceType is the type of the trace header in an event's tracing member.
const traceType = "X-Amzn-Trace-Id"

// readEvent reads a JSON event. ok is false where it is none of Lambda's.
func readEvent(s string, v value) (e Event, ok bool) {
	var record value
	var around []Field
	for _, m := range v.members {
		switch {
		case m.name == "type":
			if e.Kind = platformKind(m.value); e.Kind == "" {
				return e, false
			}
		case m.name == "record" && m.kind == '{':
			record = m.value
		case m.name == "time" && m.kind == '"':
			e.Time = m.text
		default:
			around = append(around, m.field(s, InEvent))
		}
	}
	if e.Kind == "" || record.kind == 0 {
		return e, false
	}
	f := fields{}
	if e.Err = v.once(s); e.Err == nil {
		e.Err = f.record(s, record, keysOf(e.Kind))
	}
	f.extra = append(f.extra, around...)
	e.fill(&f)
	return e, true
}

// platformKind returns the kind that an event's type names, or nothing.
func platformKind(v value) Kind {
	name, ok := strings.CutPrefix(v.text, platform)
	if !ok {
		return ""
	}
	return Kind(name)
}

// record reads the record of an event and returns the first error. Members outside
// the set are extra fields, those of the metrics last.
func (f *fields) record(s string, record value, set keySet) (err error) {
	if err := record.once(s); err != nil {
		return err
	}
	keep := func(e error) {
		if err == nil {
			err = e
		}
	}
	var metrics []Field
	for _, m := range record.members {
		k := jsonKey(m.name, set)
		switch {
		case k == keyRequestID && set == otherKeys && m.kind != '"':
			f.extra = append(f.extra, m.field(s, InRecord))
		case k > numbers:
			if m.kind != '"' && !m.null(s) {
				keep(syntax(s, m.at, m.name, ErrJSON))
			}
			f.text[k] = m.text
		case m.name == "metrics" && set&numberKeys != 0:
			var e error
			metrics, e = f.metrics(s, m, set)
			keep(e)
		case m.name == "tracing" && set.has(keyTraceID) && f.tracing(m.value):
		default:
			f.extra = append(f.extra, m.field(s, InRecord))
		}
	}
	f.extra = append(f.extra, metrics...)
	return err
}

// jsonKey returns the key of the set that has this name in JSON. The duration of
// an init or of a restore has no name of its own.
func jsonKey(name string, set keySet) key {
	k := key(max(slices.Index(jsonNames[:], name), 0))
	switch {
	case set.has(k):
		return k
	case k == keyDuration && set.has(keyInit):
		return keyInit
	case k == keyDuration && set.has(keyRestore):
		return keyRestore
	}
	return keyNone
}

// metrics reads the numbers of an event and returns those that are not known.
func (f *fields) metrics(s string, v member, set keySet) (extra []Field, err error) {
	if v.null(s) {
		return nil, nil
	}
	if v.kind != '{' {
		return nil, syntax(s, v.at, v.name, ErrJSON)
	}
	if err := v.once(s); err != nil {
		return nil, err
	}
	for _, m := range v.members {
		k := jsonKey(m.name, set)
		if k == keyNone || k > numbers || set != reportKeys && m.name != jsonNames[keyDuration] {
			extra = append(extra, m.field(s, InMetrics))
			continue
		}
		if m.null(s) {
			continue
		}
		n, err := strconv.ParseFloat(s[m.at:m.end], 64)
		if err != nil || !digit(s[m.at]) {
			return extra, syntax(s, m.at, m.name, ErrNumber)
		}
		f.put(k, n)
	}
	return extra, nil
}

// tracing reads {"spanId":…,"type":"X-Amzn-Trace-Id","value":"Root=…;…"}, exactly.
func (f *fields) tracing(v value) bool {
	var x XRay
	var kind, header string
	missing := map[string]*string{"spanId": &x.SpanID, "type": &kind, "value": &header}
	for _, m := range v.members {
		if missing[m.name] == nil || m.kind != '"' {
			return false
		}
		*missing[m.name] = m.text
		delete(missing, m.name)
	}
	if kind != traceType || !x.header(header) {
		return false
	}
	f.xray = &x
	return true
}

// header reads "Root=…;Parent=…;Sampled=1", the last two optional, and no other.
func (x *XRay) header(value string) bool {
	for i, part := range strings.Split(value, ";") {
		name, v, _ := strings.Cut(part, "=")
		switch {
		case i == 0 && name == "Root" && v != "":
			x.TraceID = v
		case i == 1 && name == "Parent" && v != "":
			x.SegmentID = v
		case i > 0 && name == "Sampled" && x.Sampled == nil && (v == "0" || v == "1"):
			sampled := v == "1"
			x.Sampled = &sampled
		default:
			return false
		}
	}
	return x.TraceID != ""
}
