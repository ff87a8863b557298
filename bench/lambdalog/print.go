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

// Text returns the RESTORE_REPORT line as AWS prints it, ended by a newline;
// see Report.Text.
func (r RestoreReport) Text() string {
	b := append(make([]byte, 0, 128), "RESTORE_REPORT "...)
	b = appendNumber(b, keyRestore, r.DurationMs)
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

func appendNumber(b []byte, k key, v *float64) []byte {
	if v == nil || !valid(*v) {
		return b
	}
	b = append(append(b, names[k]...), ": "...)
	b = strconv.AppendFloat(b, math.Abs(*v), 'f', decimals(k, 2), 64)
	return append(append(append(b, ' '), units[k]...), '\t')
}

func valid(v float64) bool { return v >= 0 && !math.IsInf(v, 0) }

// decimals returns how many decimals a number has: none if it is billed or a
// size.
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

// plain says whether text has nothing in it that ends a field, and no blanks
// around it.
func plain(text string) bool {
	return !strings.ContainsAny(text, "\t\n\"\\") && trim(text) == text
}
