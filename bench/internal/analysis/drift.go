package analysis

import (
	"math"

	"coldbench/bench/internal/stats"
)

// Drift is the controls' common shift in one class, metric and quantile.
type Drift struct {
	Class    string   `json:"class"`
	Metric   string   `json:"metric"`
	Quantile float64  `json:"quantile"`
	Ratio    Estimate `json:"ratio"`
}

// drift is what the controls changed by in a line's class, metric and
// quantile: the geometric mean of their ratios. Its interval is widened to hold
// each control's own ratio, since what moves one config by so much may move
// the next. It is unbounded where no control has enough samples, and false where
// there is no control. Between sides that were measured in turns there is none.
func (c *Comparison) drift(line int, pairs []pair, confidence float64) (stats.Ratio, bool) {
	if c.Interleaved {
		return stats.Ratio{Value: 1, Interval: stats.Interval{Lo: 1, Hi: 1}}, true
	}
	of := c.Lines[line]
	var ratios, poor []stats.Ratio
	for i, d := range c.Lines {
		if pairs[i].control && d.Class == of.Class && d.Metric == of.Metric && d.Quantile == of.Quantile {
			if r, _, ok := pairs[i].ratio(d.Quantile, confidence); ok && r.Finite() {
				ratios = append(ratios, r)
			} else if ok {
				poor = append(poor, r)
			}
		}
	}
	if len(ratios) == 0 {
		return stats.Ratio{Value: geometricMean(poor), Interval: stats.Unbounded()}, len(poor) > 0
	}
	mean := math.Log(geometricMean(ratios))
	var below, above float64
	for _, r := range ratios {
		below = math.Hypot(below, math.Log(r.Value/r.Lo))
		above = math.Hypot(above, math.Log(r.Hi/r.Value))
	}
	n := float64(len(ratios))
	out := stats.Ratio{Value: math.Exp(mean), Interval: stats.Interval{Lo: math.Exp(mean - below/n), Hi: math.Exp(mean + above/n)}}
	for _, r := range ratios {
		out.Lo, out.Hi = min(out.Lo, r.Value), max(out.Hi, r.Value)
	}
	return out, true
}

// geometricMean is 1 for none.
func geometricMean(ratios []stats.Ratio) float64 {
	sum := 0.0
	for _, r := range ratios {
		sum += math.Log(r.Value) / float64(len(ratios))
	}
	return math.Exp(sum)
}

// note lists a drift once.
func (c *Comparison) note(of Row, r stats.Ratio) {
	for _, d := range c.Drift {
		if d.Class == of.Class && d.Metric == of.Metric && d.Quantile == of.Quantile {
			return
		}
	}
	c.Drift = append(c.Drift, Drift{of.Class, of.Metric, of.Quantile, estimated(r.Value, r.Interval)})
}
