package lambdalog_test

import (
	"strings"
	"testing"

	"coldbench/bench/lambdalog"
)

// before says whether every value of a cut line is one of the whole line: the
// same, or missing.
func before(cut, whole lambdalog.Event) bool {
	same := func(a, b string) bool { return a == "" || a == b }
	number := func(a, b *float64) bool { return a == nil || b != nil && *a == *b }
	switch {
	case cut.Kind != whole.Kind || !same(cut.RequestID, whole.RequestID):
		return false
	case cut.Report != nil:
		c, w := cut.Report, whole.Report
		m, n := c.Metrics, w.Metrics
		if !number(m.InitDurationMs, n.InitDurationMs) || !number(m.DurationMs, n.DurationMs) ||
			!number(m.BilledDurationMs, n.BilledDurationMs) || !number(m.RestoreDurationMs, n.RestoreDurationMs) ||
			!number(m.BilledRestoreDurationMs, n.BilledRestoreDurationMs) ||
			!number(m.MemorySizeMB, n.MemorySizeMB) || !number(m.MaxMemoryUsedMB, n.MaxMemoryUsedMB) {
			return false
		}
		if c.XRay != nil && (w.XRay == nil || c.XRay.TraceID != w.XRay.TraceID || !same(c.XRay.SegmentID, w.XRay.SegmentID) ||
			c.XRay.Sampled != nil && *c.XRay.Sampled != *w.XRay.Sampled) {
			return false
		}
		return same(c.Status, w.Status) && same(c.ErrorType, w.ErrorType) && len(c.Extra) <= len(w.Extra)
	case cut.InitReport != nil:
		c, w := cut.InitReport, whole.InitReport
		return number(c.DurationMs, w.DurationMs) && same(c.Phase, w.Phase) && same(c.Status, w.Status) &&
			same(c.ErrorType, w.ErrorType) && len(c.Extra) <= len(w.Extra)
	case cut.RestoreReport != nil:
		c, w := cut.RestoreReport, whole.RestoreReport
		return number(c.DurationMs, w.DurationMs) && same(c.Status, w.Status) &&
			same(c.ErrorType, w.ErrorType) && len(c.Extra) <= len(w.Extra)
	}
	return true
}

// forms writes an AWS line in the other forms that it is met in.
func forms(line string) []string {
	blanks := strings.ReplaceAll(strings.TrimRight(line, "\t\n"), "\t", " ")
	fields := strings.Split(strings.TrimRight(line, "\t\n"), "\t")
	head, first, _ := strings.Cut(fields[0], " ")
	reversed := head + " "
	for i := len(fields) - 1; i > 0; i-- {
		if !strings.Contains(fields[i], "XRAY") && !strings.HasPrefix(fields[i], "S") {
			reversed += fields[i] + "\t"
		}
	}
	return []string{
		line, blanks,
		strings.ReplaceAll(blanks, "\n", " "),
		strings.ReplaceAll(line, "\t", "\n"),
		strings.ReplaceAll(strings.ReplaceAll(line, "\t", `\t`), "\n", `\n`),
		reversed + first + "\n",
		"2025-10-27T12:05:27.123Z scratch_1  | " + line,
	}
}

// A line cut at any byte is an error or the values before the cut, whatever the
// form of the line, and in all ways of reading it.
func TestCutAnywhere(t *testing.T) {
	cuts, read := 0, 0
	var texts []string
	for _, line := range awsLines(t) {
		texts = append(texts, forms(line)...)
	}
	for _, name := range []string{"testdata/aws.jsonl", "testdata/other.jsonl"} {
		texts = append(texts, jsonLines(t, name)...)
	}
	for _, text := range texts {
		whole, err := lambdalog.Parse(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		for n := range len(text) {
			cuts++
			cut, err := lambdalog.Parse(text[:n])
			if err == nil {
				read++
				if !before(cut, whole) {
					t.Errorf("%q: %+v of %+v", text[:n], cut, whole)
				}
			}
			s := lambdalog.NewScanner(strings.NewReader(text[:n]))
			for s.Scan() {
				if e := s.Event(); e.Err == nil && e.Kind != lambdalog.KindXRay && !before(e, whole) {
					t.Errorf("scanned %q: %+v of %+v", text[:n], e, whole)
				}
			}
		}
	}
	if read < 1000 || cuts-read < 1000 {
		t.Errorf("%d cuts, %d of them read", cuts, read)
	}
}
