package analysis

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"coldbench/bench/internal/stats"
)

// judge makes the ratios, the drift and the verdicts.
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
			v, within := stats.Judge(beyond, Margin)
			d.Verdict, d.Within = wordOf(v), within
			if d.Unit != "ms" {
				d.Verdict = string(v)
			}
			if v == stats.Unclear && !grouped {
				d.Needed = stats.SamplesNeeded(beyond, min(p.now.N(), p.base.N()), Margin)
			}
			c.gate(i, pairs)
		}
	}
}

// explain adds the notes that a reader needs.
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
			100*g.Confidence, 100*Confidence, 100*g.FailOver, g.Tripped, count(g.Judged, "comparison"), g.Unjudged, c.wanting()))
	}
}

// wanting says how many execution environments the gate's interval takes where a
// side has fewer; empty where none has.
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
