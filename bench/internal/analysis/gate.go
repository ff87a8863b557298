package analysis

import (
	"coldbench/bench/internal/stats"
)

// Gate is the outcome of --fail-over.
type Gate struct {
	FailOver float64 `json:"failOver"`
	// Confidence is that of each interval, so that all hold together with
	// Confidence of the report.
	Confidence float64 `json:"confidence"`
	// Judged counts the comparisons that could trip it, Tripped those that did.
	Judged  int `json:"judged"`
	Tripped int `json:"tripped"`
	// Unjudged counts those of changed images that could not: too few samples,
	// no control, another host.
	Unjudged int `json:"unjudged"`
}

// gate judges a line by the interval that holds together with all others.
func (c *Comparison) gate(i int, pairs []pair) {
	g, d, p := c.Gate, &c.Lines[i], pairs[i]
	if g == nil {
		return
	}
	wide, _, _ := p.ratio(d.Quantile, g.Confidence)
	drift, _ := c.drift(i, pairs, g.Confidence)
	all := stats.Over(wide, drift)
	if !all.Finite() {
		g.Unjudged++
		return
	}
	g.Judged++
	e := estimated(all.Value, all.Interval)
	d.Simultaneous = &e
	if all.Lo > 1+g.FailOver {
		d.Tripped = true
		g.Tripped++
	}
}
