package analysis

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/runfile"
	"coldbench/bench/internal/stats"
)

// ErrNothing is wrapped by the error of comparing runs that have nothing to
// compare: no config in common, or none with samples on both sides.
var ErrNothing = errors.New("nothing to compare")

// ErrUnlike is wrapped by the error of comparing runs that measured different
// things: another backend or engine, a rehearsal and AWS, another strategy.
var ErrUnlike = errors.New("these runs measured different things")

// Against says how two runs are compared. The zero value is the comparison
// that a report shows.
type Against struct {
	// Metrics are CLASS.METRIC, "cold.total" say; empty for total, cold and
	// warm.
	Metrics []string
	// FailOver is the increase above which the gate trips, 0.05 for 5 %; nil
	// for no gate.
	FailOver *float64
	// Force judges runs of different hosts.
	Force bool
}

// Change is what is different in one run from another, taken at another time.
type Change struct {
	Schema int `json:"schema"`
	// Base and New are the IDs of the runs.
	Base string `json:"base"`
	New  string `json:"new"`
	// Judged is false where verdicts are withheld: the hosts differ.
	Judged   bool     `json:"judged"`
	Warnings []string `json:"warnings"`
	// Controls name the configs whose image is the same in both runs.
	Controls []string `json:"controls"`
	// Drift is what the controls changed by: the host's, not the images'.
	Drift []Drift `json:"drift"`
	Lines []Delta `json:"changes"`
	// Gate is nil where none was asked for.
	Gate  *Gate    `json:"gate,omitempty"`
	Notes []string `json:"notes"`
}

// Drift is the controls' common shift in one class, metric and quantile.
type Drift struct {
	Class    string   `json:"class"`
	Metric   string   `json:"metric"`
	Quantile float64  `json:"quantile"`
	Ratio    Estimate `json:"ratio"`
}

// Delta is the change of one config in one class, metric and quantile.
type Delta struct {
	Title    string `json:"title"`
	Variant  string `json:"variant"`
	MemoryMB int    `json:"memorySizeMB"`
	Arch     string `json:"arch"`
	// Image is "changed", "same", or "unknown" where a run does not tell.
	Image    string  `json:"image"`
	Class    string  `json:"class"`
	Metric   string  `json:"metric"`
	Unit     string  `json:"unit"`
	Quantile float64 `json:"quantile"`
	// Base and New are the quantile in both runs, of BaseN and NewN execution
	// environments.
	Base  Estimate `json:"base"`
	New   Estimate `json:"new"`
	BaseN int      `json:"baseN"`
	NewN  int      `json:"newN"`
	// Ratio is New over Base; Beyond is Ratio over the controls' drift, nil
	// where there is none; Simultaneous is Beyond with the interval of the gate.
	Ratio        Estimate  `json:"ratio"`
	Beyond       *Estimate `json:"beyondDrift,omitempty"`
	Simultaneous *Estimate `json:"simultaneous,omitempty"`
	// Verdict is "faster", "slower" ("less", "greater" for memory), "same",
	// "unclear", "unclear, no control", or "control"; empty where verdicts are
	// withheld.
	Verdict string `json:"verdict"`
	Within  bool   `json:"withinMargin"`
	Needed  int    `json:"needed,omitempty"`
	// Whole compares the distributions of the two runs, drift included; with
	// the median only.
	Whole *Difference `json:"distribution,omitempty"`
	// Tripped is true where the gate's interval lies beyond its threshold.
	Tripped bool `json:"tripped"`
}

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

// Compare sets a run against an earlier one, config by config. Configs whose
// image is the same in both are the control: what they changed by is the
// host's drift, and a changed config is judged only on what lies beyond it.
func Compare(base, now *runfile.Run, how Against) (*Change, error) {
	if base == nil || now == nil {
		return nil, ErrNothing
	}
	b, n := base.Header, now.Header
	switch {
	case b.Place() != n.Place() || b.Rehearsal != n.Rehearsal:
		return nil, fmt.Errorf("%w: %s and %s", ErrUnlike, heading(b), heading(n))
	case b.Engine != n.Engine:
		return nil, fmt.Errorf("%w: %s and %s", ErrUnlike, heading(b), heading(n))
	case b.Plan.Strategy != n.Plan.Strategy:
		return nil, fmt.Errorf("%w: cold starts forced by %s and by %s", ErrUnlike, b.Plan.Strategy, n.Plan.Strategy)
	}
	c := &Change{Schema: Schema, Base: b.ID, New: n.ID, Judged: true,
		Warnings: []string{}, Controls: []string{}, Drift: []Drift{}, Lines: []Delta{}, Notes: []string{}}
	if n.Backend == "local" && b.Host.Fingerprint != n.Host.Fingerprint {
		c.Judged = how.Force
		c.Warnings = append(c.Warnings, fmt.Sprintf("the runs are of different hosts (%s; %s): their difference is also the hosts'", hostOf(b.Host), hostOf(n.Host)))
	}
	c.Warnings = append(c.Warnings, unlike(b, n)...)
	pairs, err := pairsOf(base, now, how, c)
	if err != nil {
		return nil, err
	}
	c.judge(pairs, how)
	c.explain(pairs)
	return c, nil
}

// unlike names the settings that differ and change what is measured.
func unlike(b, n runfile.Header) []string {
	var list []string
	add := func(what string, b, n any) {
		if b != n {
			list = append(list, fmt.Sprintf("%s differs: %v and %v", what, b, n))
		}
	}
	add("the CPU limit", b.Limits.CPU, n.Limits.CPU)
	add("the memory limit", b.Limits.Memory, n.Limits.Memory)
	add("the CPU period, ms,", b.Plan.CPUPeriodMs, n.Plan.CPUPeriodMs)
	add("the pause, ms,", b.Plan.PauseMs, n.Plan.PauseMs)
	add("the payload", b.Plan.PayloadSha256, n.Plan.PayloadSha256)
	add("the network", b.Plan.Network, n.Plan.Network)
	return list
}

// pair is the values that a line of the comparison stands on.
type pair struct {
	base, now stats.Ordered
	control   bool
}

// measure is a class and a metric.
type measure struct {
	class  coldstart.Class
	metric coldstart.Metric
}

// measuresOf reads CLASS.METRIC.
func measuresOf(names []string) ([]measure, error) {
	if len(names) == 0 {
		names = []string{"cold.total", "warm.total"}
	}
	var list []measure
	for _, name := range names {
		class, metric, ok := strings.Cut(name, ".")
		found := false
		for _, c := range classes() {
			for _, m := range coldstart.MetricsOf() {
				if ok && string(c) == class && (m.Name == metric || strings.ReplaceAll(m.Name, " ", "-") == metric) && has(c, m.Name) {
					list, found = append(list, measure{c, m}), true
				}
			}
		}
		if !found {
			return nil, fmt.Errorf("metric %q: a class and a metric, cold.total say", name)
		}
	}
	return list, nil
}

// CheckMetric reports whether a name is CLASS.METRIC of a class and a metric
// that there are.
func CheckMetric(name string) error {
	_, err := measuresOf([]string{name})
	return err
}

// pairsOf fills in the lines and returns their values.
func pairsOf(base, now *runfile.Run, how Against, c *Change) ([]pair, error) {
	measures, err := measuresOf(how.Metrics)
	if err != nil {
		return nil, err
	}
	newColumns, newIndex := columnsOf(now.Header)
	_, baseIndex := columnsOf(base.Header)
	was, is := observe(base, baseIndex), observe(now, newIndex)
	before, after := imageIDs(base.Header), imageIDs(now.Header)
	var pairs []pair
	common := 0
	for i, column := range newColumns {
		config := coldstart.Config{Variant: column.Variant, MemoryMB: column.MemoryMB, Arch: column.Arch}
		j, ok := baseIndex[config]
		if !ok {
			c.Notes = append(c.Notes, column.Title+" is new: the base run does not have it.")
			continue
		}
		common++
		image := "changed"
		switch old, id := before[config], after[config]; {
		case old == "" || id == "":
			image = "unknown"
		case old == id:
			image = "same"
			c.Controls = append(c.Controls, column.Title)
		}
		for _, m := range measures {
			x, _, _ := values(was.environments(j, m.class), m.metric)
			y, _, _ := values(is.environments(i, m.class), m.metric)
			p := pair{stats.Order(x), stats.Order(y), image == "same"}
			if p.base.N() == 0 || p.now.N() == 0 {
				continue
			}
			for _, q := range []float64{0.5, 0.9} {
				if enough := stats.Enough(q, Confidence); q > 0.5 && min(p.base.N(), p.now.N()) < enough {
					continue
				}
				d := Delta{Title: column.Title, Variant: column.Variant, MemoryMB: column.MemoryMB, Arch: column.Arch,
					Image: image, Class: string(m.class), Metric: m.metric.Name, Unit: m.metric.Unit, Quantile: q,
					Base: estimate(p.base, q), New: estimate(p.now, q), BaseN: p.base.N(), NewN: p.now.N()}
				if q == 0.5 {
					d.Whole = wholly(p.now, p.base)
				}
				c.Lines, pairs = append(c.Lines, d), append(pairs, p)
			}
		}
	}
	for _, r := range base.Header.Configs {
		if _, ok := newIndex[r.Config()]; !ok {
			c.Notes = append(c.Notes, r.Config().String()+" is gone: the new run does not have it.")
		}
	}
	switch {
	case common == 0:
		return nil, fmt.Errorf("%w: runs %s and %s have no config in common", ErrNothing, base.Header.ID, now.Header.ID)
	case len(pairs) == 0:
		return nil, fmt.Errorf("%w: no config has samples in both %s and %s", ErrNothing, base.Header.ID, now.Header.ID)
	}
	family := make([]*Difference, len(c.Lines))
	for i := range c.Lines {
		family[i] = c.Lines[i].Whole
	}
	adjust(family)
	return pairs, nil
}

func imageIDs(h runfile.Header) map[coldstart.Config]string {
	ids := map[coldstart.Config]string{}
	for _, c := range h.Configs {
		ids[c.Config()] = c.Image.ImageID
	}
	return ids
}

// judge makes the ratios, the drift and the verdicts.
func (c *Change) judge(pairs []pair, how Against) {
	gated := 0
	for _, p := range pairs {
		if !p.control {
			gated++
		}
	}
	if how.FailOver != nil {
		// Bonferroni: all hold together with at least the report's confidence.
		c.Gate = &Gate{FailOver: *how.FailOver, Confidence: 1 - (1-Confidence)/float64(max(gated, 1))}
	}
	for i := range c.Lines {
		d, p := &c.Lines[i], pairs[i]
		ratio, ok := stats.RatioOf(p.now, p.base, d.Quantile, Confidence)
		if ok {
			d.Ratio = Estimate{Value: &ratio.Value, Low: bound(ratio.Lo), High: bound(ratio.Hi)}
		}
		drift, controlled := c.drift(i, pairs, Confidence)
		if controlled {
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
			beyond := stats.Over(ratio, drift)
			d.Beyond = &Estimate{Value: &beyond.Value, Low: bound(beyond.Lo), High: bound(beyond.Hi)}
			v, within := stats.Judge(beyond, Margin)
			d.Verdict, d.Within = wordOf(v), within
			if d.Unit != "ms" {
				d.Verdict = string(v)
			}
			if v == stats.Unclear {
				d.Needed = stats.Needed(beyond, min(p.now.N(), p.base.N()), Margin)
			}
			c.gate(i, pairs)
		}
	}
}

// gate judges a line by the interval that holds together with all others.
func (c *Change) gate(i int, pairs []pair) {
	g, d, p := c.Gate, &c.Lines[i], pairs[i]
	if g == nil {
		return
	}
	wide, _ := stats.RatioOf(p.now, p.base, d.Quantile, g.Confidence)
	drift, _ := c.drift(i, pairs, g.Confidence)
	all := stats.Over(wide, drift)
	if !all.Finite() {
		g.Unjudged++
		return
	}
	g.Judged++
	d.Simultaneous = &Estimate{Value: &all.Value, Low: bound(all.Lo), High: bound(all.Hi)}
	if all.Lo > 1+g.FailOver {
		d.Tripped = true
		g.Tripped++
	}
}

// drift is what the controls changed by in a line's class, metric and
// quantile: the geometric mean of their ratios. Its interval is widened to hold
// each control's own ratio, since what moves one config by so much may move
// the next.
func (c *Change) drift(line int, pairs []pair, confidence float64) (stats.Ratio, bool) {
	of := c.Lines[line]
	var ratios []stats.Ratio
	for i, d := range c.Lines {
		if pairs[i].control && d.Class == of.Class && d.Metric == of.Metric && d.Quantile == of.Quantile {
			if r, ok := stats.RatioOf(pairs[i].now, pairs[i].base, d.Quantile, confidence); ok && r.Finite() {
				ratios = append(ratios, r)
			}
		}
	}
	if len(ratios) == 0 {
		return stats.Ratio{Interval: stats.Unbounded()}, false
	}
	var mean, below, above float64
	for _, r := range ratios {
		mean += math.Log(r.Value) / float64(len(ratios))
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

// note lists a drift once.
func (c *Change) note(of Delta, r stats.Ratio) {
	for _, d := range c.Drift {
		if d.Class == of.Class && d.Metric == of.Metric && d.Quantile == of.Quantile {
			return
		}
	}
	c.Drift = append(c.Drift, Drift{of.Class, of.Metric, of.Quantile, Estimate{Value: &r.Value, Low: bound(r.Lo), High: bound(r.Hi)}})
}

// explain adds the notes that a reader needs.
func (c *Change) explain(pairs []pair) {
	changed, controlled := false, len(c.Controls) > 0
	for _, p := range pairs {
		changed = changed || !p.control
	}
	switch {
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
		c.Notes = append(c.Notes, fmt.Sprintf("Gate: an interval of %.4g %% each, so that all hold together with %g %%, wholly beyond +%g %%: %d of %s tripped it, %d could not be judged.",
			100*g.Confidence, 100*Confidence, 100*g.FailOver, g.Tripped, count(g.Judged, "comparison", "comparisons"), g.Unjudged))
	}
}
