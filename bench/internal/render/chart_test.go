package render

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/coldstart"
)

// TestScalesHoldTheirValues: whatever the values, an axis has a few ticks, in
// order, and holds them all.
func TestScalesHoldTheirValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.Float64Range(0, 1000), rapid.Float64Range(0, math.MaxFloat64/4), rapid.SampledFrom([]float64{0, 1e-320, 1, 1e300}))
		lo, hi := value.Draw(t, "lo"), value.Draw(t, "hi")
		lo, hi = min(lo, hi), max(lo, hi)
		about, fromZero := rapid.IntRange(1, 9).Draw(t, "about"), rapid.Bool().Draw(t, "from zero")
		s := scaleOf(lo, hi, about, fromZero)
		if !(s.min <= lo*(1+1e-9)) || !(s.max >= hi*(1-1e-9)) || !(s.min < s.max) || math.IsInf(s.max, 0) || s.log && s.min <= 0 {
			t.Fatalf("%v to %v: %+v", lo, hi, s)
		}
		if len(s.ticks) < 2 || len(s.ticks) > 80 {
			t.Fatalf("%v to %v: %d ticks", lo, hi, len(s.ticks))
		}
		for i, v := range s.ticks {
			if i > 0 && !(v > s.ticks[i-1]) {
				t.Fatalf("%v to %v: ticks %v", lo, hi, s.ticks)
			}
		}
		if fromZero && s.min > 0 {
			t.Fatalf("from zero, and yet from %v", s.min)
		}
	})
}

func TestScales(t *testing.T) {
	for _, test := range []struct {
		lo, hi float64
		want   []float64
	}{
		{2.6, 3.6, []float64{2.6, 2.8, 3, 3.2, 3.4, 3.6}},
		{3, 40, []float64{2, 5, 10, 20, 50}},
		{1, 90000, []float64{1, 10, 100, 1000, 10000, 100000}},
		{4, 4, []float64{3.4, 3.6, 3.8, 4, 4.2, 4.4, 4.6}},
		{0, 0, []float64{-0.6, -0.4, -0.2, 0, 0.2, 0.4, 0.6}},
	} {
		got := scaleOf(test.lo, test.hi, 5, false).ticks
		same := len(got) == len(test.want)
		for i := range test.want {
			same = same && math.Abs(got[i]-test.want[i]) < 1e-9*math.Max(1, test.want[i])
		}
		if !same {
			t.Errorf("%v to %v: %v, want %v", test.lo, test.hi, got, test.want)
		}
	}
}

// TestForeignTextInPictures puts any text wherever a picture and a page have text:
// the picture is XML, and the page has no element of it.
func TestForeignTextInPictures(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[<>&"'\\\x00\x1b/a ]{1,12}`), rapid.Just(`</script><script>alert(1)</script>`), rapid.Just(`"><img src=x onerror=alert(1)>`)).Draw(t, "text")
		number := rapid.OneOf(rapid.Float64Range(0, 100), rapid.SampledFrom([]float64{0, 1e-320, 1e300}))
		var values []float64
		var rounds []int32
		for i := range rapid.IntRange(1, 30).Draw(t, "n") {
			v := number.Draw(t, "v")
			values, rounds = append(values, v), append(rounds, int32(i+1))
		}
		e := analysis.Estimate{Value: &values[0], Low: &values[0], High: &values[len(values)-1]}
		total := analysis.Table{Metric: "total", Title: text, Unit: "ms", Doc: text, Notes: []string{text}}
		s := analysis.Section{
			Heading: text, Caption: text, Alerts: []string{text}, Notes: []string{text}, Warnings: []string{text}, File: text, Command: text, Run: text,
			Columns:     []analysis.Column{{Title: text, Config: coldstart.Config{Variant: text}}, {Title: "b", Config: coldstart.Config{Variant: text, MemoryMB: 512}}, {Title: "c", Config: coldstart.Config{Variant: text, MemoryMB: 128}}},
			Unavailable: []analysis.Unavailable{{Variant: text, Error: text, Hint: text}},
			Problems:    []analysis.Problem{{Column: text, Reason: text, Example: text, Output: "x" + text}},
			Images:      []analysis.Image{{Title: text, Base: text, ImageID: "sha256:0123456789abcdef"}},
			Method:      []analysis.Fact{{Name: text, Value: text}},
			Comparisons: []analysis.ColumnComparison{{Column: 1, Class: "cold", Quantile: 0.5, Judgement: analysis.Judgement{Verdict: "slower"}, Ratio: e}},
		}
		for c := range s.Columns {
			total.Lines = append(total.Lines, analysis.Line{Column: c, Class: "cold", Summary: analysis.Summary{N: len(values), Median: e}})
			s.Series = append(s.Series, analysis.Series{Column: c, Class: "cold", Rounds: rounds, TotalMs: values, BilledMs: values,
				Phases: analysis.Phases{ProvisionMs: &values[0], InitMs: &values[0], DurationMs: &values[0]}})
		}
		s.Metrics = []analysis.Table{total}
		r := &analysis.Report{Title: text, Sections: []analysis.Section{s, s}}
		files := Files{text: {Name: text, Size: 1, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}}
		var svg, html, csv, bench bytes.Buffer
		if err := errors.Join(SVG(&svg, r), page(&html, r, files), CSV(&csv, r), Benchstat(&bench, r)); err != nil {
			t.Fatal(err)
		}
		for in := xml.NewDecoder(bytes.NewReader(svg.Bytes())); ; {
			if _, err := in.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%v in %s", err, svg.String())
			}
		}
		for _, bad := range []string{"NaN", "Inf"} {
			if i := strings.Index(svg.String(), bad); i >= 0 && !strings.Contains(text, bad) {
				t.Fatalf("%s in a picture: %s", bad, svg.String()[max(0, i-200):i+20])
			}
		}
		for element, n := range map[string]int{"<script": 1, "</script": 1, "<img": 0, "onerror=alert(1)>": 0} {
			if got := strings.Count(html.String(), element); got != n {
				t.Fatalf("%d of %s in the page, want %d", got, element, n)
			}
		}
	})
}

// TestManyDots: a cloud of a million points takes no more room than its pixels.
func TestManyDots(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	points := make([]point, 1_000_000)
	for i := range points {
		points[i] = point{720 * r.Float64(), 60 * r.Float64()}
	}
	var d drawing
	d.dots(shade(0), 1.5, points...)
	if d.Len() > 250_000 {
		t.Errorf("%d bytes", d.Len())
	}
	if n := bytes.Count(d.Bytes(), []byte("h0")); n < 360*30 {
		t.Errorf("%d dots in an area of 360 x 30 places", n)
	}
}
