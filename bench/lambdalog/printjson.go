package lambdalog

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// JSON returns the platform.report event as AWS writes it, on one line and
// without a newline. Durations have up to three decimals, billed ones and sizes
// none. What is missing is left out; so are numbers that are negative or
// infinite.
func (r Report) JSON() []byte {
	var metrics []Field
	for k := keyDuration; k <= numbers; k++ {
		metrics = append(metrics, number(k, *r.Metrics.of(k)))
	}
	record := []Field{word("requestId", r.RequestID), literal("metrics", members(metrics, r.Extra, InMetrics))}
	if x := r.XRay; x != nil {
		record = append(record, literal("tracing", x.tracing()))
	}
	return event(r.Time, KindReport, append(record, word("status", r.Status), word("errorType", r.ErrorType)), r.Extra)
}

// JSON returns the platform.initReport event as AWS writes it; see Report.JSON.
func (r InitReport) JSON() []byte {
	return event(r.Time, KindInitReport, []Field{
		word("initializationType", r.InitializationType), word("phase", r.Phase),
		word("status", r.Status), word("errorType", r.ErrorType),
		literal("metrics", members([]Field{number(keyDuration, r.DurationMs)}, r.Extra, InMetrics)),
	}, r.Extra)
}

// JSON returns the platform.restoreReport event as AWS writes it; see
// Report.JSON.
func (r RestoreReport) JSON() []byte {
	return event(r.Time, KindRestoreReport, []Field{
		word("status", r.Status), word("errorType", r.ErrorType),
		literal("metrics", members([]Field{number(keyDuration, r.DurationMs)}, r.Extra, InMetrics)),
	}, r.Extra)
}

func event(time string, kind Kind, record, extra []Field) []byte {
	return []byte(members([]Field{
		word("time", time), word("type", platform+string(kind)), literal("record", members(record, extra, InRecord)),
	}, extra, InEvent))
}

// members returns a JSON object of fields and of the extra ones of a place. The
// first field of a name is written, unless it is no JSON.
func members(fields, extra []Field, in Place) string {
	for _, f := range extra {
		if f.In == in {
			fields = append(fields, f)
		}
	}
	b := []byte{'{'}
	taken := make(map[string]bool, len(fields))
	for _, f := range fields {
		value := compact(f.Value)
		if !f.Literal {
			value = quote(f.Value)
		}
		if !taken[f.Key] && json.Valid([]byte(value)) {
			if len(b) > 1 {
				b = append(b, ',')
			}
			b = append(append(append(b, quote(f.Key)...), ':'), value...)
		}
		taken[f.Key] = true
	}
	return string(append(b, '}'))
}

func literal(name, text string) Field { return Field{Key: name, Value: text, Literal: true} }

// word returns the field of a string, which is not there if it is empty.
func word(name, text string) Field {
	if text == "" {
		return literal(name, "")
	}
	return Field{Key: name, Value: text}
}

// number returns the field of a number that may be missing. AWS writes durations
// with up to three decimals and at least one.
func number(k key, v *float64) Field {
	if v == nil || !valid(*v) {
		return literal(jsonNames[k], "")
	}
	n := decimals(k, 3)
	text := strconv.FormatFloat(math.Abs(*v), 'f', n, 64)
	for ; n > 1 && strings.HasSuffix(text, "0"); n-- {
		text = text[:len(text)-1]
	}
	return literal(jsonNames[k], text)
}

// tracing returns what fields.tracing reads, or nothing without a trace. What
// separates the parts of the trace header is taken out of them.
func (x *XRay) tracing() string {
	if x.TraceID == "" {
		return ""
	}
	header := "Root=" + strings.ReplaceAll(x.TraceID, ";", "_")
	if x.SegmentID != "" {
		header += ";Parent=" + strings.ReplaceAll(x.SegmentID, ";", "_")
	}
	if x.Sampled != nil && *x.Sampled {
		header += ";Sampled=1"
	} else if x.Sampled != nil {
		header += ";Sampled=0"
	}
	return members([]Field{word("spanId", x.SpanID), word("type", traceType), word("value", header)}, nil, "")
}
