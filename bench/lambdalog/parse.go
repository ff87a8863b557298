package lambdalog

import (
	"fmt"
	"strings"
)

// ParseReport reads the first REPORT line or platform.report event of text,
// whatever stands in front of it. The error is ErrNoEvent if there is none, and a
// *SyntaxError if it can't be read. The Report is then the zero value.
func ParseReport(text string) (Report, error) {
	e, err := first(text, KindReport)
	if err != nil {
		return Report{}, err
	}
	return *e.Report, nil
}

// Parse reads the first line or event of any kind. The error is as ParseReport's.
func Parse(text string) (Event, error) {
	return first(text, "")
}

func first(text string, want Kind) (Event, error) {
	var found Event
	ok := false
	walk(text, func(e Event, _, _ int) bool {
		if want == "" || e.Kind == want {
			found, ok = e, true
		}
		return !ok
	})
	switch {
	case !ok:
		return Event{}, ErrNoEvent
	case found.Err != nil:
		return Event{}, found.Err
	}
	return found, nil
}

// readReport reads a line whose fields have a number each, or a known word, and
// stand in any order. The first one must be known.
func readReport(s string, at int, l *lineForm) (e Event, end int, ok bool) {
	body := at + len(l.word)
	g := skip(s, body)
	if k, _ := matchKey(s, g.end, l.set); g.end == body || k == keyNone {
		return e, at, false
	}
	var f fields
	e.Kind = l.kind
	end, e.Err = f.read(s, body, l.set)
	if e.Err == nil && f.seen == 0 {
		e.Err = syntax(s, body, l.word, ErrTruncated)
	}
	if f.seen.has(keyTraceID) {
		f.xray = &XRay{TraceID: f.text[keyTraceID], SegmentID: f.text[keySegmentID]}
		if f.seen.has(keySampled) {
			v := f.text[keySampled] == "true"
			f.xray.Sampled = &v
		}
	}
	e.fill(&f)
	return e, end, true
}

// fill sets what an event says; of one with an error only the request.
func (e *Event) fill(f *fields) {
	e.RequestID = f.text[keyRequestID]
	if e.Err != nil {
		return
	}
	status, errorType := f.text[keyStatus], f.text[keyErrorType]
	switch e.Kind {
	case KindReport:
		e.Report = &Report{RequestID: e.RequestID, Status: status, ErrorType: errorType, XRay: f.xray, Time: e.Time, Extra: f.extra}
		for k := keyDuration; k <= numbers; k++ {
			*e.Report.Metrics.of(k) = f.get(k)
		}
	case KindInitReport:
		e.InitReport = &InitReport{
			DurationMs: f.get(keyInit), Phase: f.text[keyPhase], Status: status, ErrorType: errorType,
			InitializationType: f.text[keyInitType], Time: e.Time, Extra: f.extra,
		}
	case KindRestoreReport:
		e.RestoreReport = &RestoreReport{
			DurationMs: f.get(keyRestore), Status: status, ErrorType: errorType, Time: e.Time, Extra: f.extra,
		}
	default:
		e.Fields = f.extra
	}
}

// of returns where the number of a key is kept.
func (m *Metrics) of(k key) **float64 {
	return [...]**float64{
		keyDuration: &m.DurationMs, keyBilled: &m.BilledDurationMs,
		keyMemory: &m.MemorySizeMB, keyMaxMemory: &m.MaxMemoryUsedMB,
		keyInit: &m.InitDurationMs, keyRestore: &m.RestoreDurationMs, keyBilledRestore: &m.BilledRestoreDurationMs,
	}[k]
}

// FindReport returns the last REPORT of a request in a log (Lambda writes its own
// when the function can print no more) and the text that it was read from, which
// parses to the same Report. The error wraps ErrNotFound if there is none, and a
// *SyntaxError, whose Offset counts from the word REPORT, if the last one can't be
// read: no other one is returned in its place.
func FindReport(log, requestID string) (r Report, raw string, err error) {
	var found Event
	if requestID != "" && strings.Contains(log, requestID) {
		s := NewScanner(strings.NewReader(log))
		for s.Scan() {
			if e := s.Event(); e.Kind == KindReport && e.RequestID == requestID {
				found = e
			}
		}
		// The reader of a string has no errors.
	}
	switch {
	case found.Kind == "":
		return Report{}, "", fmt.Errorf("reading the log of %q: %w", requestID, ErrNotFound)
	case found.Err != nil:
		return Report{}, "", fmt.Errorf("reading the REPORT of %q: %w", requestID, found.Err)
	}
	return *found.Report, found.Raw, nil
}
