package analysis

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/stats"
)

func (c *Comparison) judge(pairs []pair, how CompareOptions) {
	gated := 0
	for _, p := range pairs {
		if !p.control {
			gated++
		}
	}
	if how.FailOver != nil {
		// Bonferroni: all hold together with at least the report's confidence.
		c.Gate = &Gate{FailOver: *how.FailOver, Confidence: 1 - (1-Confidence)/float64(max(gated, 1)), Unjudged: c.missing}
	}
	for i := range c.Lines {
		d, p := &c.Lines[i], pairs[i]
		ratio, grouped, ok := p.ratio(d.Quantile, Confidence)
		if ok {
			d.Ratio = estimated(ratio.Value, ratio.Interval)
		}
		drift, controlled := c.drift(i, pairs, Confidence)
		if controlled && !c.Interleaved {
			c.note(*d, drift)
		}
		if !c.Judged {
			if c.Gate != nil && !p.control {
				c.Gate.Unjudged++
			}
			continue
		}
		switch {
		case p.control:
			d.Verdict = "control"
		case !controlled:
			d.Verdict = "unclear, no control"
			if c.Gate != nil {
				c.Gate.Unjudged++
			}
		default:
			beyond := ratio
			if !c.Interleaved {
				beyond = stats.Over(ratio, drift)
				e := estimated(beyond.Value, beyond.Interval)
				d.Beyond = &e
			}
			d.Judgement = judgementOf(beyond, grouped, min(p.now.N(), p.base.N()))
			if v, _ := stats.Judge(beyond, Margin); d.Unit != "ms" {
				d.Verdict = string(v)
			}
			c.gate(i, pairs)
		}
	}
}

func (c *Comparison) explain(pairs []pair) {
	changed, controlled := false, len(c.Controls) > 0
	for _, p := range pairs {
		changed = changed || !p.control
	}
	switch {
	case c.Interleaved:
	case !changed:
		c.Notes = append(c.Notes, "No image changed: what differs between the runs is the host's drift.")
	case controlled:
		c.Notes = append(c.Notes, fmt.Sprintf("The runs were taken at different times. Control: %s, with the same image in both; what it changed by is the host's drift, and a changed image is judged on what lies beyond it.", strings.Join(c.Controls, ", ")))
	default:
		c.Notes = append(c.Notes, "The runs were taken at different times and no image is the same in both: the host's drift can't be told from the images' change, so there is no verdict.")
	}
	if !c.Judged {
		c.Notes = append(c.Notes, "The hosts differ: no verdict.")
	}
	if g := c.Gate; g != nil {
		c.Notes = append(c.Notes, fmt.Sprintf("Gate: an interval of %.4g %% each, so that all hold together with %g %%, wholly beyond +%g %%: %d of %s tripped it, %d could not be judged.%s",
			100*g.Confidence, 100*Confidence, 100*g.FailOver, g.Tripped, plan.Plural(g.Judged, "comparison"), g.Unjudged, c.wanting()))
	}
}

// wanting says how many environments the gate's interval takes if a side has fewer.
func (c *Comparison) wanting() string {
	least := map[float64]int{}
	for _, d := range c.Lines {
		if n := stats.MinSamples(d.Quantile, c.Gate.Confidence); d.Verdict != "control" && min(d.BaseN, d.NewN) < n {
			least[d.Quantile] = n
		}
	}
	var needs []string
	for _, q := range slices.Sorted(maps.Keys(least)) {
		needs = append(needs, fmt.Sprintf("%d for %s", least[q], QuantileName(q)))
	}
	if len(needs) == 0 {
		return ""
	}
	return " An interval of that confidence takes so many execution environments on each side: " + strings.Join(needs, ", ") + "."
}

// Gate is the outcome of --fail-over.
type Gate struct {
	FailOver float64 `json:"failOver"`
	// Confidence is each interval's: all hold together with the report's.
	Confidence float64 `json:"confidence"`
	// Judged counts the comparisons that could trip it, Tripped those that did.
	Judged  int `json:"judged"`
	Tripped int `json:"tripped"`
	// Unjudged counts the others: too few samples, no control, another host.
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

// Drift is the controls' common shift in one class, metric and quantile.
type Drift struct {
	Class    string   `json:"class"`
	Metric   string   `json:"metric"`
	Quantile float64  `json:"quantile"`
	Ratio    Estimate `json:"ratio"`
}

// drift is the geometric mean of the controls' ratios in a line's class, metric and
// quantile. Its interval is widened to hold each control's own ratio: what moves one
// config may move the next. It is unbounded if no control has enough samples, false
// without a control, and none between sides that were measured in turns.
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
