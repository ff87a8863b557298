package render

import (
	"testing"

	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/coldstart"
)

func TestSentences(t *testing.T) {
	v := func(x float64) *float64 { return &x }
	s := &analysis.Section{
		Columns: []analysis.Column{{Title: "scratch", Baseline: true}, {Title: "al2"}},
		Metrics: []analysis.Table{{Metric: "total", Lines: []analysis.Line{
			{Column: 0, Class: "cold", Summary: analysis.Summary{N: 50}}, {Column: 1, Class: "cold", Summary: analysis.Summary{N: 49}},
			{Column: 0, Class: "warm", Summary: analysis.Summary{N: 50}}, {Column: 1, Class: "warm", Summary: analysis.Summary{N: 49}},
		}}},
	}
	estimate := func(value, low, high float64) analysis.Estimate {
		return analysis.Estimate{Value: v(value), Low: v(low), High: v(high)}
	}
	for _, test := range []struct {
		c    analysis.ColumnComparison
		want string
	}{
		{analysis.ColumnComparison{Class: "cold", Quantile: 0.5, Judgement: analysis.Judgement{Verdict: "slower"}, Ratio: estimate(1.42, 1.38, 1.47)},
			"al2: init + duration of a cold start is 1.42 times longer than scratch's (95 %: 1.38 to 1.47; n = 49 and 50)"},
		{analysis.ColumnComparison{Class: "cold", Quantile: 0.5, Judgement: analysis.Judgement{Verdict: "faster"}, Ratio: estimate(0.5, 0.4, 0.8)},
			"al2: init + duration of a cold start is 2.00 times shorter than scratch's (95 %: 1.25 to 2.50; n = 49 and 50)"},
		{analysis.ColumnComparison{Class: "warm", Quantile: 0.9, Judgement: analysis.Judgement{Verdict: "slower", Within: true}, Ratio: estimate(1.02, 1.003, 1.04)},
			"al2: p90 of the duration of a warm invocation is 1.020 times longer than scratch's, which is within 5 % (95 %: 1.003 to 1.040; n = 49 and 50)"},
		{analysis.ColumnComparison{Class: "cold", Quantile: 0.5, Judgement: analysis.Judgement{Verdict: "same", Within: true}, Ratio: estimate(1, 0.97, 1.02)},
			"al2: init + duration of a cold start is the same as scratch's within 5 % (1.00 times; 95 %: 0.97 to 1.02; n = 49 and 50)"},
		{analysis.ColumnComparison{Class: "cold", Quantile: 0.5, Judgement: analysis.Judgement{Verdict: "unclear", Needed: 200}, Ratio: estimate(1.1, 0.9, 1.3)},
			"al2: init + duration of a cold start: unclear whether it differs from scratch's, about 200 cold starts of each would probably tell (1.10 times; 95 %: 0.90 to 1.30; n = 49 and 50)"},
		{analysis.ColumnComparison{Class: "cold", Quantile: 0.5, Judgement: analysis.Judgement{Verdict: "unclear"}, Ratio: analysis.Estimate{Value: v(1.1)}},
			"al2: init + duration of a cold start: unclear whether it differs from scratch's (1.10 times; n = 49 and 50)"},
		{analysis.ColumnComparison{Class: "cold", Quantile: 0.5, Judgement: analysis.Judgement{Verdict: "slower"}, Ratio: estimate(12.345, 10.2, 14)},
			"al2: init + duration of a cold start is 12.3 times longer than scratch's (95 %: 10.2 to 14.0; n = 49 and 50)"},
		{analysis.ColumnComparison{Class: "cold", Quantile: 0.5}, ""},
	} {
		test.c.Column, test.c.Baseline = 1, 0
		if got := sentence(s, test.c); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
	// The tail has a sentence of its own where its word is another one.
	s.Comparisons = []analysis.ColumnComparison{
		{Column: 1, Class: "cold", Quantile: 0.5, Judgement: analysis.Judgement{Verdict: "slower"}, Ratio: estimate(1.42, 1.38, 1.47)},
		{Column: 1, Class: "cold", Quantile: 0.9, Judgement: analysis.Judgement{Verdict: "slower"}, Ratio: estimate(1.42, 1.38, 1.47)},
		{Column: 1, Class: "warm", Quantile: 0.5, Judgement: analysis.Judgement{Verdict: "slower"}, Ratio: estimate(1.42, 1.38, 1.47)},
		{Column: 1, Class: "warm", Quantile: 0.9, Judgement: analysis.Judgement{Verdict: "faster"}, Ratio: estimate(0.5, 0.4, 0.8)},
	}
	if got := sentences(s); len(got) != 3 {
		t.Errorf("%d sentences, want 3: %q", len(got), got)
	}
}

func TestSpark(t *testing.T) {
	position := func(v float64) float64 { return v }
	if got := spark([]float64{0, 0, 0, 0, 0.5, 1}, position); got != "█···············▂··············▂" {
		t.Errorf("spark %q", got)
	}
}

// TestManyVerdicts: among many comparisons those that tell nothing are counted.
func TestManyVerdicts(t *testing.T) {
	list := func(unclear, told int) []verdict {
		var l []verdict
		for range unclear {
			l = append(l, verdict{"?", "unclear"})
		}
		for range told {
			l = append(l, verdict{"!", "slower"})
		}
		return l
	}
	for _, tt := range []struct{ unclear, told, want int }{{3, 7, 10}, {10, 0, 10}, {4, 8, 9}, {1, 11, 12}, {0, 30, 30}, {12, 0, 1}} {
		got := digest(list(tt.unclear, tt.told))
		if len(got) != tt.want {
			t.Errorf("%d unclear and %d others: %d sentences, want %d", tt.unclear, tt.told, len(got), tt.want)
		}
	}
	got := digest(list(4, 8))
	if last := got[len(got)-1]; last.Text != "4 more are unclear: see the table against the baseline." {
		t.Errorf("%q", last.Text)
	}
}

// TestOneColourAVariant: in a sweep a variant has one colour at every memory size,
// and no two variants have the same.
func TestOneColourAVariant(t *testing.T) {
	s := &analysis.Section{}
	for _, v := range []string{"a", "b", "c", "d", "e"} {
		for _, mb := range []int{128, 512, 1769} {
			s.Columns = append(s.Columns, analysis.Column{Config: coldstart.Config{Variant: v, MemoryMB: mb, Arch: "amd64"}})
		}
	}
	for i := range s.Columns {
		if got := hue(s, i); got != i/3 {
			t.Errorf("column %d has colour %d, want %d", i, got, i/3)
		}
	}
}
