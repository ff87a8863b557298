package lambdalog_test

import (
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"coldbench/bench/lambdalog"
)

// round returns what a print with so many decimals holds of a number: nothing
// of one that is negative or not finite.
func round(p *float64, decimals int) *float64 {
	if p == nil || !(*p >= 0) || math.IsInf(*p, 0) {
		return nil
	}
	v, err := strconv.ParseFloat(strconv.FormatFloat(math.Abs(*p), 'f', decimals, 64), 64)
	if err != nil {
		return nil
	}
	return &v
}

func rounded(m lambdalog.Metrics, decimals int) lambdalog.Metrics {
	return lambdalog.Metrics{
		InitDurationMs:          round(m.InitDurationMs, decimals),
		DurationMs:              round(m.DurationMs, decimals),
		BilledDurationMs:        round(m.BilledDurationMs, 0),
		RestoreDurationMs:       round(m.RestoreDurationMs, decimals),
		BilledRestoreDurationMs: round(m.BilledRestoreDurationMs, 0),
		MemorySizeMB:            round(m.MemorySizeMB, 0),
		MaxMemoryUsedMB:         round(m.MaxMemoryUsedMB, 0),
	}
}

// wordOf makes a word that a text line can hold of any text.
func wordOf(text string) string {
	text = strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n\"\\:\u00a0;", r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, text)
	return text
}

// valueOf makes a value of an unknown field that a text line can hold.
func valueOf(text string) string {
	text = strings.Map(func(r rune) rune {
		if strings.ContainsRune("\t\r\n\"\\\u00a0", r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, text)
	return strings.Trim(text, " ")
}

// any makes a Report of anything.
func anyReport(mask uint16, a, b, c, d float64, id, status, errorType, trace, segment, key, value string) lambdalog.Report {
	has := func(bit int, v float64) *float64 {
		if mask>>bit&1 == 0 {
			return nil
		}
		return &v
	}
	r := lambdalog.Report{
		RequestID: id, Status: status, ErrorType: errorType,
		Metrics: lambdalog.Metrics{
			InitDurationMs: has(0, a), DurationMs: has(1, b), BilledDurationMs: has(2, c), RestoreDurationMs: has(3, d),
			BilledRestoreDurationMs: has(4, a+b), MemorySizeMB: has(5, c), MaxMemoryUsedMB: has(6, d/2),
		},
	}
	if mask>>7&1 == 1 {
		r.XRay = &lambdalog.XRay{TraceID: trace, SegmentID: segment}
		if sampled := mask>>9&1 == 1; mask>>8&1 == 1 {
			r.XRay.Sampled = &sampled
		}
	}
	if mask>>10&1 == 1 {
		r.Extra = append(r.Extra, lambdalog.Field{Key: key, Value: value})
	}
	return r
}

func seedReports(f *testing.F) {
	n := 0
	for i, line := range awsLines(f) {
		r, err := lambdalog.ParseReport(line)
		if err != nil {
			continue
		}
		n++
		v := func(p *float64) float64 {
			if p == nil {
				return 0
			}
			return *p
		}
		trace, segment := "1-66d978e5-56c7378e556e94b5461da07c", "29c3839e6ecb5895"
		f.Add(uint16(i*61|6), v(r.Metrics.InitDurationMs), v(r.Metrics.DurationMs), v(r.Metrics.BilledDurationMs),
			v(r.Metrics.RestoreDurationMs), r.RequestID, r.Status, r.ErrorType, trace, segment, "Carbon", "3 g")
	}
	if n < 20 {
		f.Fatalf("%d seeds", n)
	}
	f.Add(uint16(0x7ff), -1.0, math.NaN(), math.Inf(1), 1e300, "Duration:", "Status: x", "a\tb", "Sampled:", "\\n", "Max Memory Used", "\"")
}

// What is printed parses to the same Report, in text and in JSON, for every
// Report: exactly where the print can hold its values, else within the print's
// rounding. What the one form says, the other says.
func FuzzPrintParse(f *testing.F) {
	seedReports(f)
	f.Fuzz(func(t *testing.T, mask uint16, a, b, c, d float64, id, status, errorType, trace, segment, key, value string) {
		// Anything prints one line that parses, and printing that again changes
		// nothing.
		wild := anyReport(mask, a, b, c, d, id, status, errorType, trace, segment, key, value)
		if text := wild.Text(); text != "REPORT \n" && !strings.HasPrefix(text, "REPORT \nXRAY") {
			r, err := lambdalog.ParseReport(text)
			if err != nil && rest(text) {
				t.Fatalf("%q: %v", text, err)
			}
			if err == nil && r.Text() != text {
				t.Fatalf("%q is printed as %q", text, r.Text())
			}
			if err == nil && !reflect.DeepEqual(r.Metrics, rounded(wild.Metrics, 2)) {
				t.Fatalf("%q: %s of %s", text, show(r.Metrics), show(wild.Metrics))
			}
		}
		object := wild.JSON()
		r, err := lambdalog.ParseReport(string(object))
		if err != nil {
			t.Fatalf("%s: %v", object, err)
		}
		if string(r.JSON()) != string(object) {
			t.Fatalf("%s is printed as %s", object, r.JSON())
		}
		if !reflect.DeepEqual(r.Metrics, rounded(wild.Metrics, 3)) {
			t.Fatalf("%s: %s of %s", object, show(r.Metrics), show(wild.Metrics))
		}

		// What a line can hold comes back as it was.
		x := anyReport(mask, a, b, c, d, "id"+wordOf(id), wordOf(status), wordOf(errorType), "1-"+wordOf(trace), wordOf(segment),
			"X-"+wordOf(key), valueOf(value))
		if x.Status == "success" {
			x.Status = ""
		}
		x.Metrics = rounded(x.Metrics, 2)
		text := x.Text()
		if r, err = lambdalog.ParseReport(text); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if !reflect.DeepEqual(r, x) {
			t.Fatalf("text %q:\n got %+v\nwant %+v", text, r, x)
		}
		object = x.JSON()
		if r, err = lambdalog.ParseReport(string(object)); err != nil {
			t.Fatalf("%s: %v", object, err)
		}
		if !reflect.DeepEqual(r, x) {
			t.Fatalf("JSON %s:\n got %+v\nwant %+v", object, r, x)
		}

		// Cut anywhere, it is an error or what stands before the cut.
		whole, err := lambdalog.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		for n := range len(text) {
			cut, err := lambdalog.Parse(text[:n])
			if err != nil || cut.Report == nil {
				continue
			}
			// Of words that are not AWS's nobody can tell where they end.
			if strings.HasPrefix(whole.Report.Status, cut.Report.Status) {
				cut.Report.Status = ""
			}
			if strings.HasPrefix(whole.Report.ErrorType, cut.Report.ErrorType) {
				cut.Report.ErrorType = ""
			}
			if !before(cut, whole) {
				t.Fatalf("%q: %+v of %+v", text[:n], *cut.Report, *whole.Report)
			}
		}
	})
}

// rest says whether a line has a field that a REPORT begins with.
func rest(text string) bool {
	for _, name := range []string{
		"RequestId", "Duration", "Billed Duration", "Memory Size", "Max Memory Used", "Init Duration",
		"Restore Duration", "Billed Restore Duration", "Status", "Error Type",
	} {
		if strings.HasPrefix(text, "REPORT "+name+": ") {
			return true
		}
	}
	return false
}

// The same for INIT_REPORT and RESTORE_REPORT.
func FuzzPrintParseInit(f *testing.F) {
	n := 0
	for _, line := range awsLines(f) {
		if e, err := lambdalog.Parse(line); err == nil && e.InitReport != nil {
			r := e.InitReport
			f.Add(*r.DurationMs, r.Phase, r.Status, r.ErrorType, "Carbon", "3 g")
			n++
		}
	}
	if n < 5 {
		f.Fatalf("%d seeds", n)
	}
	f.Fuzz(func(t *testing.T, v float64, phase, status, errorType, key, value string) {
		status = wordOf(status)
		if status == "success" {
			status = "failure"
		}
		ms := round(&v, 2)
		if ms == nil {
			return
		}
		extra := []lambdalog.Field{{Key: "X-" + wordOf(key), Value: valueOf(value)}}
		init := lambdalog.InitReport{DurationMs: ms, Phase: wordOf(phase), Status: status, ErrorType: wordOf(errorType), Extra: extra}
		for _, text := range []string{init.Text(), string(init.JSON())} {
			if e, err := lambdalog.Parse(text); err != nil || !reflect.DeepEqual(e.InitReport, &init) {
				t.Fatalf("%q: %v\n got %+v\nwant %+v", text, err, e.InitReport, init)
			}
		}
		restore := lambdalog.RestoreReport{DurationMs: ms, Status: status, ErrorType: wordOf(errorType), Extra: extra}
		for _, text := range []string{restore.Text(), string(restore.JSON())} {
			if e, err := lambdalog.Parse(text); err != nil || !reflect.DeepEqual(e.RestoreReport, &restore) {
				t.Fatalf("%q: %v\n got %+v\nwant %+v", text, err, e.RestoreReport, restore)
			}
		}
	})
}

// Any text: an error comes with a zero value and a position in the text; what
// parses prints, and what is printed parses to the same and keeps coldness; its
// Raw parses to the same. The Scanner finds no more than there is.
func FuzzParse(f *testing.F) {
	for _, line := range awsLines(f) {
		for _, form := range forms(line) {
			f.Add(form)
		}
	}
	for _, name := range []string{"testdata/aws.jsonl", "testdata/other.jsonl"} {
		for _, line := range jsonLines(f, name) {
			f.Add(line)
			f.Add(strconv.Quote(line))
			f.Add(`{"timestamp":1764520984917,"message":` + strconv.Quote(line) + `}`)
			f.Add(`1764520984917,"` + strings.ReplaceAll(line, `"`, `""`) + `"`)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := lambdalog.ParseReport(text)
		if err != nil {
			if !reflect.DeepEqual(r, lambdalog.Report{}) {
				t.Fatalf("an error with a value: %v, %+v", err, r)
			}
		} else {
			for _, m := range []*float64{
				r.Metrics.InitDurationMs, r.Metrics.DurationMs, r.Metrics.BilledDurationMs, r.Metrics.RestoreDurationMs,
				r.Metrics.BilledRestoreDurationMs, r.Metrics.MemorySizeMB, r.Metrics.MaxMemoryUsedMB,
			} {
				if m != nil && (*m < 0 || math.IsNaN(*m) || math.IsInf(*m, 0)) {
					t.Fatalf("a value of %v", *m)
				}
			}
			object := r.JSON()
			again, err := lambdalog.ParseReport(string(object))
			if err != nil {
				t.Fatalf("%s: %v", object, err)
			}
			if again.Cold() != r.Cold() || string(again.JSON()) != string(object) {
				t.Fatalf("%s is printed as %s", object, again.JSON())
			}
			if printed := r.Text(); rest(printed) {
				again, err := lambdalog.ParseReport(printed)
				if err != nil {
					t.Fatalf("%q: %v", printed, err)
				}
				if again.Cold() != r.Cold() || again.Text() != printed {
					t.Fatalf("%q is printed as %q", printed, again.Text())
				}
			}
			e, err := lambdalog.Parse(text)
			if err == nil && e.Report != nil {
				if raw, err := lambdalog.ParseReport(e.Raw); err != nil || !reflect.DeepEqual(raw, *e.Report) {
					t.Fatalf("raw %q: %v\n got %+v\nwant %+v", e.Raw, err, raw, *e.Report)
				}
			}
		}
		s := lambdalog.NewScanner(strings.NewReader(text))
		for s.Scan() {
			e := s.Event()
			set := 0
			for _, is := range []bool{e.Report != nil, e.InitReport != nil, e.RestoreReport != nil, e.Err != nil} {
				if is {
					set++
				}
			}
			if e.Kind == "" || set > 1 || e.Line < 1 || e.Line > 1+strings.Count(text, "\n") {
				t.Fatalf("%+v", e)
			}
			if e.Report != nil {
				if raw, err := lambdalog.ParseReport(e.Raw); err != nil || !reflect.DeepEqual(raw, *e.Report) {
					t.Fatalf("scanned raw %q: %v\n got %+v\nwant %+v", e.Raw, err, raw, *e.Report)
				}
			}
		}
		if s.Err() != nil {
			t.Fatal(s.Err())
		}
	})
}
