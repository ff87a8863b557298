package lambdalog

import (
	"math"
	"strconv"
	"strings"
)

// StartLine returns the START line of a request; version is "$LATEST" where it
// is empty. It ends with a newline.
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

// Text returns the REPORT line as AWS prints it, with the XRAY line below it
// where there is one, each ended by a newline. Durations have two decimals,
// billed ones and sizes none. A status "success" is not printed, as AWS does
// not print it; neither are Time, SpanID and what of Extra is no plain text.
// Values that no line can hold are left out where they are numbers (negative,
// infinite), and have their blanks and quotes replaced by "_" where they are
// words.
func (r Report) Text() string {
	b := make([]byte, 0, 256)
	b = append(b, "REPORT "...)
	b = appendWord(b, keyRequestID, r.RequestID)
	b = appendNumber(b, keyDuration, r.Metrics.DurationMs, 2)
	b = appendNumber(b, keyBilled, r.Metrics.BilledDurationMs, 0)
	b = appendNumber(b, keyMemory, r.Metrics.MemorySizeMB, 0)
	b = appendNumber(b, keyMaxMemory, r.Metrics.MaxMemoryUsedMB, 0)
	b = appendNumber(b, keyInit, r.Metrics.InitDurationMs, 2)
	b = appendNumber(b, keyRestore, r.Metrics.RestoreDurationMs, 2)
	b = appendNumber(b, keyBilledRestore, r.Metrics.BilledRestoreDurationMs, 0)
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
	b = appendNumber(b, keyInit, r.DurationMs, 2)
	b = appendWord(b, keyPhase, r.Phase)
	return string(appendEnd(b, r.Status, r.ErrorType, r.Extra, initKeys, false))
}

// Text returns the RESTORE_REPORT line as AWS prints it, ended by a newline;
// see Report.Text.
func (r RestoreReport) Text() string {
	b := append(make([]byte, 0, 128), "RESTORE_REPORT "...)
	b = appendNumber(b, keyRestore, r.DurationMs, 2)
	return string(appendEnd(b, r.Status, r.ErrorType, r.Extra, restoreKeys, false))
}

// appendEnd appends what ends a line. AWS's REPORT has a tab behind its last
// number and none behind its status.
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

func appendNumber(b []byte, k key, v *float64, decimals int) []byte {
	if v == nil || !valid(*v) {
		return b
	}
	b = append(append(b, names[k]...), ": "...)
	b = strconv.AppendFloat(b, math.Abs(*v), 'f', decimals, 64)
	return append(append(append(b, ' '), units[k]...), '\t')
}

// valid says whether a line can hold the number.
func valid(v float64) bool { return v >= 0 && !math.IsInf(v, 0) }

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

// plain says whether text has nothing in it that ends a field, and no blanks
// around it.
func plain(text string) bool {
	return !strings.ContainsAny(text, "\t\n\"\\") && trim(text) == text
}

// JSON returns the platform.report event as AWS writes it, on one line and
// without a newline. Durations have up to three decimals, billed ones and sizes
// none. What is missing is left out; so are numbers that are negative or
// infinite.
func (r Report) JSON() []byte {
	o := openEvent(r.Time, KindReport, r.Extra)
	o.text("requestId", r.RequestID)
	o.open("metrics")
	m := r.Metrics
	o.number("durationMs", m.DurationMs, 3)
	o.number("billedDurationMs", m.BilledDurationMs, 0)
	o.number("memorySizeMB", m.MemorySizeMB, 0)
	o.number("maxMemoryUsedMB", m.MaxMemoryUsedMB, 0)
	o.number("initDurationMs", m.InitDurationMs, 3)
	o.number("restoreDurationMs", m.RestoreDurationMs, 3)
	o.number("billedRestoreDurationMs", m.BilledRestoreDurationMs, 0)
	o.closeMetrics(r.Extra, metricNames[:])
	if x := r.XRay; x != nil && x.TraceID != "" {
		o.open("tracing")
		o.text("spanId", x.SpanID)
		o.text("type", traceType)
		value := "Root=" + headerWord(x.TraceID)
		if x.SegmentID != "" {
			value += ";Parent=" + headerWord(x.SegmentID)
		}
		if x.Sampled != nil && *x.Sampled {
			value += ";Sampled=1"
		} else if x.Sampled != nil {
			value += ";Sampled=0"
		}
		o.text("value", value)
		o.close()
	}
	o.text("status", r.Status)
	o.text("errorType", r.ErrorType)
	known := [...]string{"requestId", "metrics", "status", "errorType", "tracing"}
	if r.XRay == nil {
		return o.finish(r.Extra, known[:4])
	}
	return o.finish(r.Extra, known[:])
}

// JSON returns the platform.initReport event as AWS writes it; see Report.JSON.
func (r InitReport) JSON() []byte {
	o := openEvent(r.Time, KindInitReport, r.Extra)
	o.text("initializationType", r.InitializationType)
	o.text("phase", r.Phase)
	o.text("status", r.Status)
	o.text("errorType", r.ErrorType)
	o.open("metrics")
	o.number("durationMs", r.DurationMs, 3)
	o.closeMetrics(r.Extra, metricNames[:1])
	return o.finish(r.Extra, []string{"metrics", "status", "errorType", "phase", "initializationType"})
}

// JSON returns the platform.restoreReport event as AWS writes it; see
// Report.JSON.
func (r RestoreReport) JSON() []byte {
	o := openEvent(r.Time, KindRestoreReport, r.Extra)
	o.text("status", r.Status)
	o.text("errorType", r.ErrorType)
	o.open("metrics")
	o.number("durationMs", r.DurationMs, 3)
	o.closeMetrics(r.Extra, metricNames[:1])
	return o.finish(r.Extra, []string{"metrics", "status", "errorType"})
}

// headerWord takes out of text what separates the parts of a trace header.
func headerWord(text string) string { return strings.ReplaceAll(text, ";", "_") }
