package render

import (
	"slices"
	"strconv"

	"coldbench/bench/internal/analysis"
)

// The tables of a report, the same for markdown and the terminal. Texts that
// come from the report pass through esc.

// headlineGrid has a column for each config.
func headlineGrid(s *analysis.Section, esc func(string) string) *grid {
	g := &grid{align: "l", header: []string{""}}
	for _, c := range s.Columns {
		g.header = append(g.header, esc(c.Title))
	}
	for _, r := range s.Headline {
		cells := []string{esc(r.Label)}
		for _, c := range r.Cells {
			cells = append(cells, median(c.Median, r.Unit, whole))
		}
		g.add(cells...)
	}
	return g
}

// comparisonGrid has a row for each class and config: total and its ratio to
// the baseline's and, where that was measured, to the one of its image before.
func comparisonGrid(s *analysis.Section, esc func(string) string) *grid {
	against := "against"
	for _, c := range s.Columns {
		if c.Baseline { // of the same variant at each memory size
			against = "against " + esc(c.Variant)
			break
		}
	}
	const before = "against before"
	g := &grid{align: "ll", header: []string{"start", "init + duration of", "median", against, before, "p90", "p90 " + against, "p90 " + before}}
	isBaseline := func(c analysis.Column) bool { return c.Baseline }
	isBefore := func(c analysis.Column) bool { return c.Before != "" }
	for _, t := range s.Metrics {
		if t.Metric != "total" {
			continue
		}
		for _, l := range t.Lines {
			if l.Class != "cold" && l.Class != "warm" {
				continue
			}
			p90 := quantile(l.P90, digits)
			if p90 != unknown {
				p90 = digits(*l.P90.Value) + " " + t.Unit
			}
			g.add(l.Class, esc(s.Columns[l.Column].Title), median(l.Median, t.Unit, digits), versus(s, l, 0.5, isBaseline), versus(s, l, 0.5, isBefore),
				p90, versus(s, l, 0.9, isBaseline), versus(s, l, 0.9, isBefore))
		}
	}
	g.drop(3)
	return g
}

// versus prints the comparison of a line at a quantile with a column of a kind.
func versus(s *analysis.Section, l analysis.Line, q float64, kind func(analysis.Column) bool) string {
	if own := s.Columns[l.Column]; own.Baseline && kind(own) && q == 0.5 && slices.ContainsFunc(s.Comparisons, func(c analysis.ColumnComparison) bool { return kind(s.Columns[c.Baseline]) }) {
		return "baseline"
	}
	for _, c := range s.Comparisons {
		if !kind(s.Columns[c.Baseline]) || c.Column != l.Column || c.Class != l.Class || c.Quantile != q || c.Ratio.Value == nil {
			continue
		}
		text := c.Verdict
		if c.Within && c.Verdict != "same" {
			text += " within " + strconv.FormatFloat(100*analysis.Margin, 'f', -1, 64) + " %"
		}
		if !c.Ratio.Bounded() {
			return text
		}
		return text + ": " + ratio(*c.Ratio.Value) + " × (" + interval(c.Ratio, ratio) + ")"
	}
	return unknown
}

func ratio(v float64) string {
	decimals := 2
	if v >= 9.995 {
		decimals = 1
	}
	return strconv.FormatFloat(v, 'f', decimals, 64)
}

// metricGrid has a row for each class and config.
func metricGrid(s *analysis.Section, t *analysis.Table, esc func(string) string) *grid {
	print := printer(t.Metric)
	g := &grid{align: "ll", header: []string{"start", "config", "n", "bursts", "sessions", "invocations", "min", "median", "95 % interval", "p90 (interval)", "p99 (interval)", "max"}}
	for _, l := range linesOf(s, t) {
		g.add(esc(l.Class), esc(s.Columns[l.Column].Title), strconv.Itoa(l.N), counted(l.Bursts), counted(l.Sessions), strconv.Itoa(l.Invocations),
			optional(l.Min, print), optional(l.Median.Value, print), interval(l.Median, print),
			quantile(l.P90, print), quantile(l.P99, print), optional(l.Max, print))
	}
	for _, c := range []struct {
		heading string
		of      func(analysis.Line) int
	}{{"bursts", func(l analysis.Line) int { return l.Bursts }}, {"sessions", func(l analysis.Line) int { return l.Sessions }}} {
		if !slices.ContainsFunc(t.Lines, func(l analysis.Line) bool { return c.of(l) > 0 }) {
			g.without(c.heading)
		}
	}
	g.drop(len(g.header)-3, "p90 (interval)", "p99 (interval)")
	return g
}

// linesOf are the lines of a table that no other one holds: what a warm invocation
// takes is its duration, and stands in the table of totals.
func linesOf(s *analysis.Section, t *analysis.Table) []analysis.Line {
	if t.Metric != "duration" || !slices.ContainsFunc(s.Metrics, func(o analysis.Table) bool { return o.Metric == "total" }) {
		return t.Lines
	}
	return slices.DeleteFunc(slices.Clone(t.Lines), func(l analysis.Line) bool { return l.Class == "warm" || l.Class == "first-warm" })
}

// counted prints a number of things; 0 is that there are none.
func counted(n int) string {
	if text := some(n); text != "" {
		return text
	}
	return unknown
}

// deployGrid has a row for each first cold start of an image.
func deployGrid(s *analysis.Section, esc func(string) string) *grid {
	g := &grid{align: "l", header: []string{"config", "init, ms", "duration, ms", "billed, ms", "provision, ms"}}
	for _, d := range s.Deploy {
		g.add(esc(s.Columns[d.Column].Title), optional(d.InitMs, digits), optional(d.DurationMs, digits), optional(d.BilledMs, whole), optional(d.Provision, digits))
	}
	return g
}

// imageGrid has a row for each image; code marks what is to be copied. Facts
// that no image has are left out.
func imageGrid(s *analysis.Section, esc, code func(string) string) *grid {
	mark := func(digest string) string {
		if d := short(digest); d != unknown {
			return code(d)
		}
		return unknown
	}
	g := &grid{align: "lrrrllll", header: []string{"image", "size", "compressed", "layers", "base", "image ID", "digest", "since the previous run"}}
	for _, i := range s.Images {
		layers, base, change := unknown, unknown, unknown
		if i.Layers != nil {
			layers = strconv.Itoa(*i.Layers)
		}
		if i.Base != "" {
			base = esc(i.Base)
		}
		if i.Change != "" {
			change = i.Change
		}
		g.add(esc(i.Title), bytesOf(i.SizeBytes), bytesOf(i.CompressedBytes), layers, base, mark(i.ImageID), mark(i.Digest), change)
	}
	g.drop(1)
	return g
}

// problemGrid has a row for each config and reason.
func problemGrid(s *analysis.Section, esc func(string) string) *grid {
	g := &grid{align: "lllrl", header: []string{"config", "what", "reason", "count", "the last one"}}
	for _, p := range s.Problems {
		example := unknown
		if p.Example != "" {
			example = esc(p.Example)
		}
		g.add(esc(p.Column), p.Kind, esc(p.Reason), strconv.Itoa(p.Count), example)
	}
	return g
}

// unavailableGrid has a row for each variant that was not measured.
func unavailableGrid(s *analysis.Section, esc func(string) string) *grid {
	g := &grid{align: "lll", header: []string{"not measured", "why", "what mends it"}}
	for _, u := range s.Unavailable {
		hint := unknown
		if u.Hint != "" {
			hint = esc(u.Hint)
		}
		g.add(esc(u.Variant), esc(u.Error), hint)
	}
	return g
}
