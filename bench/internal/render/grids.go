package render

import (
	"cmp"
	"slices"
	"strconv"

	"coldbench/bench/internal/analysis"
)

// The tables of a report, the same in every format.

func headlineGrid(s *analysis.Section) *grid {
	g := &grid{align: "l", header: []string{""}}
	for _, c := range s.Columns {
		g.header = append(g.header, c.Title)
	}
	for _, r := range s.Headline {
		cells := []string{r.Label}
		for _, c := range r.Cells {
			cells = append(cells, estimate(c.Median, " "+r.Unit, whole))
		}
		g.add(cells...)
	}
	return g
}

// comparisonGrid has a row for each class and config: total and its ratio to
// the baseline's and, where that was measured, to the one of its image before.
func comparisonGrid(s *analysis.Section) *grid {
	against := "against"
	for _, c := range s.Columns {
		if c.Baseline { // of the same variant at each memory size
			against = "against " + c.Variant
			break
		}
	}
	const before = "against before"
	g := &grid{align: "ll", header: []string{"start", "init + duration of", "median", against, before, "p90", "p90 " + against, "p90 " + before}}
	isBaseline := func(c analysis.Column) bool { return c.Baseline }
	isBefore := func(c analysis.Column) bool { return c.Before != "" }
	for _, l := range linesOf(s, "total") {
		if l.Class != "cold" && l.Class != "warm" {
			continue
		}
		p90 := unknown
		if l.P90.Bounded() {
			p90 = digits(*l.P90.Value) + " ms"
		}
		g.add(l.Class, s.Columns[l.Column].Title, estimate(l.Median, " ms", digits), versus(s, l, 0.5, isBaseline), versus(s, l, 0.5, isBefore),
			p90, versus(s, l, 0.9, isBaseline), versus(s, l, 0.9, isBefore))
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
		text := judged(c.Verdict, c.Within)
		if c.Ratio.Bounded() {
			text += ": " + times(c.Ratio)
		}
		return text
	}
	return unknown
}

// judged is a verdict, and whether the difference is small.
func judged(verdict string, within bool) string {
	if within && verdict != "same" {
		return verdict + " within " + marginPercent
	}
	return cmp.Or(verdict, unknown)
}

func times(e analysis.Estimate) string { return estimate(e, " ×", ratio) }

func ratio(v float64) string {
	if v >= 9.995 {
		return fixed(v, 1)
	}
	return fixed(v, 2)
}

func metricGrid(s *analysis.Section, t *analysis.Table) *grid {
	print := printer(t.Metric)
	g := &grid{align: "ll", header: []string{"start", "config", "n", "bursts", "sessions", "invocations", "min", "median", "95 % interval", "p90 (interval)", "p99 (interval)", "max"}}
	for _, l := range ownLines(s, t) {
		g.add(l.Class, s.Columns[l.Column].Title, strconv.Itoa(l.N), counted(l.Bursts), counted(l.Sessions), strconv.Itoa(l.Invocations),
			optional(l.Min, print), optional(l.Median.Value, print), interval(l.Median, print),
			quantile(l.P90, print), quantile(l.P99, print), optional(l.Max, print))
	}
	g.cut(func(c int, empty bool) bool {
		return empty && slices.Contains([]string{"bursts", "sessions", "p90 (interval)", "p99 (interval)"}, g.header[c])
	})
	return g
}

// ownLines are the lines of a table that no other one holds: what a warm invocation
// takes is its duration, and stands in the table of totals.
func ownLines(s *analysis.Section, t *analysis.Table) []analysis.Line {
	if t.Metric != "duration" || linesOf(s, "total") == nil {
		return t.Lines
	}
	return slices.DeleteFunc(slices.Clone(t.Lines), func(l analysis.Line) bool { return l.Class == "warm" || l.Class == "first-warm" })
}

func linesOf(s *analysis.Section, metric string) []analysis.Line {
	for _, t := range s.Metrics {
		if t.Metric == metric {
			return t.Lines
		}
	}
	return nil
}

// lineOf is that of a column and class; without one, it holds no values.
func lineOf(s *analysis.Section, metric, class string, column int) analysis.Line {
	for _, l := range linesOf(s, metric) {
		if l.Column == column && l.Class == class {
			return l
		}
	}
	return analysis.Line{}
}

// counted prints a number of things; 0 is that there are none.
func counted(n int) string { return cmp.Or(some(n), unknown) }

func deployGrid(s *analysis.Section) *grid {
	g := &grid{align: "l", header: []string{"config", "init, ms", "duration, ms", "billed, ms", "provision, ms"}}
	for _, d := range s.Deploy {
		g.add(s.Columns[d.Column].Title, optional(d.InitMs, digits), optional(d.DurationMs, digits), optional(d.BilledMs, whole), optional(d.Provision, digits))
	}
	return g
}

// imageGrid has a row for each image. Facts that no image has are left out.
func imageGrid(s *analysis.Section) *grid {
	g := &grid{align: "lrrrlccl", header: []string{"image", "size", "compressed", "layers", "base", "image ID", "digest", "since the previous run"}}
	for _, i := range s.Images {
		layers := unknown
		if i.Layers != nil {
			layers = strconv.Itoa(*i.Layers)
		}
		g.add(i.Title, bytesOf(i.SizeBytes), bytesOf(i.CompressedBytes), layers, cmp.Or(i.Base, unknown), short(i.ImageID), short(i.Digest), cmp.Or(i.Change, unknown))
	}
	g.drop(1)
	return g
}

func problemGrid(s *analysis.Section) *grid {
	g := &grid{align: "lllrl", header: []string{"config", "what", "reason", "count", "the last one"}}
	for _, p := range s.Problems {
		g.add(p.Column, p.Kind, p.Reason, strconv.Itoa(p.Count), cmp.Or(p.Example, unknown))
	}
	return g
}

func unavailableGrid(s *analysis.Section) *grid {
	g := &grid{align: "lll", header: []string{"not measured", "why", "what mends it"}}
	for _, u := range s.Unavailable {
		g.add(u.Variant, u.Error, cmp.Or(u.Hint, unknown))
	}
	return g
}

func costGrid(s *analysis.Section) *grid {
	g := &grid{align: "l", header: []string{"USD per million"}}
	if s.Costs == nil {
		return g
	}
	for _, c := range s.Columns {
		g.header = append(g.header, c.Title)
	}
	for _, l := range s.Costs.Lines {
		cells := []string{l.Class}
		for _, c := range l.Cells {
			cells = append(cells, optional(c.USD, dollars))
		}
		g.add(cells...)
	}
	return g
}

// costNote says what the numbers are; empty where there are none.
func costNote(s *analysis.Section) string {
	switch {
	case s.Costs == nil:
		return ""
	case s.Costs.Unknown != "":
		return "What invocations cost is not known: " + s.Costs.Unknown + "."
	}
	note := "USD per million invocations at the prices of " + s.Costs.Region + " (" + s.Costs.Date + "): the request and the mean Billed Duration at the memory size, without free tier, volume tiers and logs."
	if s.Backend == "local" {
		note += " It is the price of the times measured here, which are not Lambda's."
	}
	return note
}

func dollars(v float64) string {
	if v >= 9.9995 {
		return fixed(v, 2)
	}
	return fixed(v, 3)
}
