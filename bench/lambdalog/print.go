package lambdalog

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// StartLine returns the START line with a newline; an empty version is "$LATEST".
func StartLine(requestID, version string) string {
	if version == "" {
		version = "$LATEST"
	}
	return "START RequestId: " + requestID + " Version: " + version + "\n"
}

// EndLine returns the END line of a request. It ends with a newline.
func EndLine(requestID string) string {
	return "END RequestId: " + requestID + "\n"
}

// Text returns the REPORT line and the XRAY line as AWS prints them, each with a
// newline. Durations have two decimals, billed ones and sizes none. A status
// "success", Time, SpanID and what of Extra is no plain text are not printed.
// Negative and infinite numbers are left out; blanks and quotes in words become "_".
func (r Report) Text() string {
	b := append(make([]byte, 0, 256), "REPORT "...)
	b = appendWord(b, keyRequestID, r.RequestID)
	for k := keyDuration; k <= numbers; k++ {
		b = appendNumber(b, k, *r.Metrics.of(k))
	}
	b = appendEnd(b, r.Status, r.ErrorType, r.Extra, reportKeys, true)
	if x := r.XRay; x != nil && x.TraceID != "" {
		b = appendWord(b, keyTraceID, x.TraceID)
		b = appendWord(b, keySegmentID, x.SegmentID)
		if x.Sampled != nil {
			b = appendWord(b, keySampled, strconv.FormatBool(*x.Sampled))
		}
		b = append(b, '\n')
	}
	return string(b)
}

// Text returns the INIT_REPORT line as AWS prints it, ended by a newline; see
// Report.Text. InitializationType is not printed.
func (r InitReport) Text() string {
	b := append(make([]byte, 0, 128), "INIT_REPORT "...)
	b = appendNumber(b, keyInit, r.DurationMs)
	b = appendWord(b, keyPhase, r.Phase)
	return string(appendEnd(b, r.Status, r.ErrorType, r.Extra, initKeys, false))
}

// Text returns the RESTORE_REPORT line as AWS prints it; see Report.Text.
func (r RestoreReport) Text() string {
	b := append(make([]byte, 0, 128), "RESTORE_REPORT "...)
	b = appendNumber(b, keyRestore, r.DurationMs)
	return string(appendEnd(b, r.Status, r.ErrorType, r.Extra, restoreKeys, false))
}

// appendEnd ends a line: AWS's REPORT has a tab behind numbers, none behind a status.
func appendEnd(b []byte, status, errorType string, extra []Field, set keySet, tab bool) []byte {
	n := len(b)
	if status != "success" {
		b = appendWord(b, keyStatus, status)
	}
	b = appendWord(b, keyErrorType, errorType)
	if len(b) > n {
		tab = false
	}
	n = len(b)
	for _, f := range extra {
		b = appendExtra(b, f, set)
	}
	if !tab && len(b) == n && b[n-1] == '\t' {
		b = b[:n-1]
	}
	return append(b, '\n')
}

func appendNumber(b []byte, k key, v *float64) []byte {
	if v == nil || !valid(*v) {
		return b
	}
	b = append(append(b, names[k]...), ": "...)
	b = strconv.AppendFloat(b, math.Abs(*v), 'f', decimals(k, 2), 64)
	return append(append(append(b, ' '), units[k]...), '\t')
}

func valid(v float64) bool { return v >= 0 && !math.IsInf(v, 0) }

// decimals returns how many a number has: none if it is billed or a size.
func decimals(k key, ofDurations int) int {
	if k == keyBilled || k == keyBilledRestore || units[k] == "MB" {
		return 0
	}
	return ofDurations
}

func appendWord(b []byte, k key, text string) []byte {
	if text == "" {
		return b
	}
	b = append(append(b, names[k]...), ": "...)
	// A word that looks like a field would be read as one.
	name, _ := matchKey(text, 0, allKeys)
	for i := 0; i < len(text); i++ {
		n, _ := separator(text, i)
		switch {
		case n > 0, text[i] == '"', text[i] == '\\', text[i] == ':' && name != keyNone:
			b = append(b, '_')
			i += max(n, 1) - 1
		default:
			b = append(b, text[i])
		}
	}
	return append(b, '\t')
}

// appendExtra appends a field that a line can hold as it is, and no other.
func appendExtra(b []byte, f Field, set keySet) []byte {
	if f.In != InRecord || f.Literal || !plain(f.Key) || !plain(f.Value) {
		return b
	}
	if f.Key == "" || !letter(f.Key[0]) || strings.ContainsRune(f.Key, ':') {
		return b
	}
	if k, _ := matchKey(f.Key+":", 0, set); k != keyNone {
		return b
	}
	b = append(append(b, f.Key...), ": "...)
	return append(append(b, f.Value...), '\t')
}

// plain says whether text has no blanks around it and nothing that ends a field.
func plain(text string) bool {
	return !strings.ContainsAny(text, "\t\n\"\\") && trim(text) == text
}

// JSON returns the platform.report event as AWS writes it, without a newline.
// Durations have up to three decimals, billed ones and sizes none. Missing, negative
// and infinite numbers are left out.
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

// JSON returns the platform.restoreReport event; see Report.JSON.
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

// number returns a number's field. Durations have one to three decimals.
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

// tracing returns what fields.tracing reads, or nothing without a trace.
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
