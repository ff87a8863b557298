package lambdalog

import (
	"slices"
	"strconv"
	"strings"
)

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

// record reads the record of an event and returns the first error. A member
// whose name is not of the set is an extra field; those of the metrics come
// behind those of the record.
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

// tracing reads {"spanId":…,"type":"X-Amzn-Trace-Id","value":"Root=…;…"}. It is
// false where the value is anything else.
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

// header reads "Root=…;Parent=…;Sampled=1" and says whether it is exactly that;
// Parent and Sampled may be missing.
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
