package render_test

import (
	"bytes"
	"html"
	"regexp"
	"strings"
	"testing"

	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/render"
)

// TestWhatAReaderHasToSee: a difference that is real and small, a drift, two modes,
// an outlier, few different values and quantiles that are not known are in the
// text, the table and the page.
func TestWhatAReaderHasToSee(t *testing.T) {
	run := newRun("docker", 40, 0, "scratch", "al2", "al2023", "debug")
	run.measure(40)
	for i := range run.Samples {
		s := &run.Samples[i]
		n := float64(s.Round*17%40) / 40 // 0 to 1, in no order
		init := 10 + 0.1*n
		switch s.Config.Variant {
		case "scratch":
			if s.Round == 7 {
				init = 90
			}
		case "al2":
			init = 10.25 + 0.1*n
		case "al2023":
			if s.Round%3 == 0 {
				init += 20
			}
		case "debug":
			init += float64(s.Round)
		}
		s.Metrics.InitDurationMs, s.Metrics.DurationMs, s.Metrics.BilledDurationMs = cents(init), p(1), p(float64(int(init+1))+1)
	}
	r := analysis.New([]analysis.Input{{Run: run.Run}})
	for _, f := range []string{"text", "markdown", "html"} {
		format, _ := render.Lookup(f)
		var b bytes.Buffer
		if err := format.Write(&b, r); err != nil {
			t.Fatal(err)
		}
		text := html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(b.String(), ""))
		text = strings.Join(strings.Fields(strings.ReplaceAll(text, "\u00a0", " ")), " ")
		for _, want := range []string{
			"slower within 5 %: 1.02 × (",
			"debug, cold: init + duration rose over the run (rank correlation with the order 1.00).",
			"al2023, cold: two modes, about 11.1 and 31.1 ms",
			"scratch, cold: 1 outlier far from the rest, 91 ms; kept.",
			"Billed Durations take fewer than 10 different values: their intervals are of whole milliseconds",
			"+0.2", "(large)", "< 0.0001",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q\n%s", f, want, text)
			}
		}
		if f != "text" && !strings.Contains(text, "p99 is not shown where there are too few environments to know it: 368 do.") {
			t.Errorf("%s does not say what p99 takes", f)
		}
	}
}
