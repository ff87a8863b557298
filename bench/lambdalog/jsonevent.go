package lambdalog

import "strings"

// platform is how the type of each of Lambda's own JSON events begins.
const platform = "platform."

// traceType is the type of the trace header in an event's tracing member.
const traceType = "X-Amzn-Trace-Id"

// readEvent reads the JSON event whose members are given. ok is false where it
// is none of Lambda's.
func readEvent(s string, list []member) (e Event, ok bool) {
	var record member
	var around []Field
	for _, m := range list {
		switch {
		case m.key == "type":
			name, err := jsonString(s, m)
			if err != nil || !strings.HasPrefix(name, platform) || len(name) == len(platform) {
				return e, false
			}
			e.Kind = Kind(name[len(platform):])
		case m.key == "record" && m.object(s):
			record = m
		case m.key == "time" && m.str:
			e.Time = unquote(s[m.at:m.end])
		default:
			around = append(around, field(s, m, InEvent))
		}
	}
	if e.Kind == "" || record.key == "" {
		return e, false
	}
	inner, _, err := members(s, record.at, 1)
	if err == nil {
		err = once(s, list)
	}
	if err == nil {
		err = once(s, inner)
	}
	if err != nil {
		e.Err = err
		return e, true
	}
	d := document{s: s, around: around}
	switch e.Kind {
	case KindReport:
		r := d.report(inner)
		r.Time = e.Time
		e.RequestID, e.Report = r.RequestID, &r
	case KindInitReport:
		r := d.initReport(inner)
		r.Time = e.Time
		e.InitReport = &r
	case KindRestoreReport:
		r := d.restoreReport(inner)
		r.Time = e.Time
		e.RestoreReport = &r
	default:
		e.RequestID = d.other(inner)
		e.Fields = d.fields()
	}
	if e.Err = d.err; d.err != nil {
		e.Report, e.InitReport, e.RestoreReport, e.Fields = nil, nil, nil, nil
	}
	return e, true
}

// once returns an error where a name occurs twice.
func once(s string, list []member) error {
	if len(list) > 32 {
		seen := make(map[string]bool, len(list))
		for _, m := range list {
			if seen[m.key] {
				return syntax(s, m.at, m.key, ErrDuplicate)
			}
			seen[m.key] = true
		}
		return nil
	}
	for i, m := range list {
		for _, before := range list[:i] {
			if before.key == m.key {
				return syntax(s, m.at, m.key, ErrDuplicate)
			}
		}
	}
	return nil
}

func (m member) object(s string) bool { return m.end > m.at && s[m.at] == '{' }

// document reads the record of an event and keeps the first error.
type document struct {
	s                       string
	err                     error
	record, metrics, around []Field
}

// fields returns what was not known, in the order that Report.Extra has.
func (d *document) fields() []Field {
	return append(append(d.record, d.metrics...), d.around...)
}

func (d *document) text(m member) string {
	v, err := jsonString(d.s, m)
	d.keep(err)
	return v
}

func (d *document) keep(err error) {
	if d.err == nil && err != nil {
		d.err = err
	}
}

func (d *document) unknown(m member) { d.record = append(d.record, field(d.s, m, InRecord)) }

// numbers reads the metrics that dest has a place for.
func (d *document) numbers(m member, dest func(name string) **float64) {
	if d.s[m.at:m.end] == "null" {
		return
	}
	if !m.object(d.s) {
		d.keep(syntax(d.s, m.at, m.key, ErrJSON))
		return
	}
	list, _, err := members(d.s, m.at, 2)
	d.keep(err)
	d.keep(once(d.s, list))
	for _, n := range list {
		p := dest(n.key)
		if p == nil {
			d.metrics = append(d.metrics, field(d.s, n, InMetrics))
			continue
		}
		v, err := jsonNumber(d.s, n)
		d.keep(err)
		*p = v
	}
}

func (d *document) report(list []member) (r Report) {
	for _, m := range list {
		switch m.key {
		case "requestId":
			r.RequestID = d.text(m)
		case "status":
			r.Status = d.text(m)
		case "errorType":
			r.ErrorType = d.text(m)
		case "metrics":
			d.numbers(m, r.Metrics.byName)
		case "tracing":
			if r.XRay = d.tracing(m); r.XRay == nil {
				d.unknown(m)
			}
		default:
			d.unknown(m)
		}
	}
	r.Extra = d.fields()
	return r
}

// byName returns where the metric of that name in an event goes, or nil.
func (m *Metrics) byName(name string) **float64 {
	switch name {
	case "initDurationMs":
		return &m.InitDurationMs
	case "durationMs":
		return &m.DurationMs
	case "billedDurationMs":
		return &m.BilledDurationMs
	case "restoreDurationMs":
		return &m.RestoreDurationMs
	case "billedRestoreDurationMs":
		return &m.BilledRestoreDurationMs
	case "memorySizeMB":
		return &m.MemorySizeMB
	case "maxMemoryUsedMB":
		return &m.MaxMemoryUsedMB
	}
	return nil
}

func (d *document) initReport(list []member) (r InitReport) {
	for _, m := range list {
		switch m.key {
		case "phase":
			r.Phase = d.text(m)
		case "status":
			r.Status = d.text(m)
		case "errorType":
			r.ErrorType = d.text(m)
		case "initializationType":
			r.InitializationType = d.text(m)
		case "metrics":
			d.numbers(m, only(&r.DurationMs))
		default:
			d.unknown(m)
		}
	}
	r.Extra = d.fields()
	return r
}

func (d *document) restoreReport(list []member) (r RestoreReport) {
	for _, m := range list {
		switch m.key {
		case "status":
			r.Status = d.text(m)
		case "errorType":
			r.ErrorType = d.text(m)
		case "metrics":
			d.numbers(m, only(&r.DurationMs))
		default:
			d.unknown(m)
		}
	}
	r.Extra = d.fields()
	return r
}

// only gives durationMs a place and nothing else.
func only(p **float64) func(string) **float64 {
	return func(name string) **float64 {
		if name == "durationMs" {
			return p
		}
		return nil
	}
}

// other keeps everything but the request id.
func (d *document) other(list []member) (requestID string) {
	for _, m := range list {
		if m.key == "requestId" && m.str {
			requestID = unquote(d.s[m.at:m.end])
			continue
		}
		d.unknown(m)
	}
	return requestID
}

// tracing reads {"spanId":…,"type":"X-Amzn-Trace-Id","value":"Root=…;…"}; nil
// where it is anything else.
func (d *document) tracing(m member) *XRay {
	if !m.object(d.s) {
		return nil
	}
	list, _, err := members(d.s, m.at, 2)
	if err != nil || once(d.s, list) != nil {
		return nil
	}
	var x XRay
	var kind, value string
	for _, n := range list {
		if !n.str {
			return nil
		}
		text := unquote(d.s[n.at:n.end])
		switch n.key {
		case "spanId":
			x.SpanID = text
		case "type":
			kind = text
		case "value":
			value = text
		default:
			return nil
		}
	}
	if kind != traceType || !x.header(value) {
		return nil
	}
	return &x
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
