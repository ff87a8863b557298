package analysis

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runfile"
)

// ErrNothing is wrapped by the error of comparing runs without a common config that
// has samples on both sides.
var ErrNothing = errors.New("nothing to compare")

// ErrUnlike is wrapped by the error of comparing runs that measured different
// things: another backend or engine, a rehearsal and AWS, another strategy.
var ErrUnlike = errors.New("these runs measured different things")

// CompareOptions say how runs are compared; the zero value is as in a report.
type CompareOptions struct {
	// Metrics are CLASS.METRIC, e.g. "cold.total"; empty for total, cold and warm.
	Metrics []string
	// FailOver is the increase above which the gate trips, 0.05 for 5 %; nil for none.
	FailOver *float64
	// Force judges runs of different hosts or storage drivers.
	Force bool
	// Base names the base run in Comparison.Settle; empty for its file in the folder.
	Base string
}

// Comparison is what is different in one run from another, taken at another time.
type Comparison struct {
	Schema int `json:"schema"`
	// Base and New are the IDs of the runs.
	Base string `json:"base"`
	New  string `json:"new"`
	// Interleaved is true if the images of Base were measured again in New: no control
	// is needed then.
	Interleaved bool `json:"interleaved,omitempty"`
	// Judged is false if verdicts are withheld: hosts or storage drivers differ.
	Judged   bool     `json:"judged"`
	Warnings []string `json:"warnings"`
	// Controls name the configs whose image and setup are the same in both runs.
	Controls []string `json:"controls"`
	// Drift is what the controls changed by: the host's, not the images'.
	Drift []Drift `json:"drift"`
	Lines []Row   `json:"changes"`
	// Gate is nil where none was asked for.
	Gate  *Gate    `json:"gate,omitempty"`
	Notes []string `json:"notes"`

	// Settle is the command that measures what is unclear without a control, or empty.
	Settle string `json:"settle,omitempty"`

	// missing counts the comparisons of changed images without samples.
	missing int
}

// Row is the change of one config in one class, metric and quantile.
type Row struct {
	Title string `json:"title"`
	coldstart.Config
	// Image is a value of runfile.Change.
	Image    string  `json:"image"`
	Class    string  `json:"class"`
	Metric   string  `json:"metric"`
	Unit     string  `json:"unit"`
	Quantile float64 `json:"quantile"`
	// Base and New are the quantile, of BaseN and NewN execution environments.
	Base  Estimate `json:"base"`
	New   Estimate `json:"new"`
	BaseN int      `json:"baseN"`
	NewN  int      `json:"newN"`
	// Ratio is New over Base; Beyond is Ratio over the controls' drift, if there is
	// one; Simultaneous is Beyond with the interval of the gate.
	Ratio        Estimate  `json:"ratio"`
	Beyond       *Estimate `json:"beyondDrift,omitempty"`
	Simultaneous *Estimate `json:"simultaneous,omitempty"`
	// Judgement is on what lies beyond the drift. Its verdict is "less" and
	// "greater" for memory, "unclear, no control", "control" for what is the same in
	// both runs, and empty where verdicts are withheld.
	Judgement
	// Whole compares the distributions, drift included; with the median only.
	Whole *Difference `json:"distribution,omitempty"`
	// Tripped is true where the gate's interval lies beyond its threshold.
	Tripped bool `json:"tripped"`
}

// Compare sets a run against an earlier one. Configs with the same image in both are
// the control: they changed by the host's drift, and a changed config is judged on
// what lies beyond it.
func Compare(base, now *runfile.Run, how CompareOptions) (*Comparison, error) {
	if base == nil || now == nil {
		return nil, ErrNothing
	}
	return comparisonOf(recorded{base, samplesOf(base)}, recorded{now, samplesOf(now)}, how)
}

func comparisonOf(base, now recorded, how CompareOptions) (*Comparison, error) {
	b, n := base.Header, now.Header
	switch {
	case b.Place() != n.Place() || b.Rehearsal != n.Rehearsal:
		return nil, fmt.Errorf("%w: %s and %s", ErrUnlike, heading(b), heading(n))
	case b.Engine != n.Engine:
		return nil, fmt.Errorf("%w: %s and %s", ErrUnlike, heading(b), heading(n))
	case b.Plan.Strategy != n.Plan.Strategy:
		return nil, fmt.Errorf("%w: cold starts forced by %s and by %s", ErrUnlike, b.Plan.Strategy, n.Plan.Strategy)
	}
	c := newComparison(b.ID, n.ID)
	if n.Backend == "local" && b.Host.Fingerprint != n.Host.Fingerprint {
		c.Judged = how.Force
		c.Warnings = append(c.Warnings, fmt.Sprintf("the runs are of different hosts (%s; %s): their difference is also the hosts'", hostOf(b.Host), hostOf(n.Host)))
	}
	if !b.SameStorage(n) {
		c.Judged = how.Force
		c.Warnings = append(c.Warnings, fmt.Sprintf("the engine's storage drivers differ (%s; %s): the difference of the runs is also theirs", b.StorageDriver(), n.StorageDriver()))
	}
	c.Warnings = append(c.Warnings, unlike(b, n)...)
	pairs, err := pairsOf(base, now, how, c)
	if err != nil {
		return nil, err
	}
	c.judge(pairs, how)
	c.explain(pairs)
	if n.Backend == "local" && c.Uncontrolled() && slices.ContainsFunc(c.Lines, func(d Row) bool { return d.Image == string(runfile.ChangeImage) }) {
		c.Settle = plan.Shell([]string{"bench", "local", "--against", cmp.Or(how.Base, "results/runs/"+b.ID+runfile.Ext)})
	}
	return c, nil
}

// Uncontrolled reports whether an image changed and none is the same.
func (c *Comparison) Uncontrolled() bool {
	return !c.Interleaved && len(c.Controls) == 0 && len(c.Lines) > 0
}

func newComparison(base, now string) *Comparison {
	return &Comparison{Schema: Schema, Base: base, New: now, Judged: true,
		Warnings: []string{}, Controls: []string{}, Drift: []Drift{}, Lines: []Row{}, Notes: []string{}}
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
	add("the CPU period, ms,", b.Plan.CPUPeriod.Number(), n.Plan.CPUPeriod.Number())
	add("the pause, ms,", b.Plan.Pause.Number(), n.Plan.Pause.Number())
	add("the payload", b.Plan.PayloadSha256, n.Plan.PayloadSha256)
	add("the network", b.Plan.Network, n.Plan.Network)
	return list
}

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

// CheckMetric returns an error for a name that is no CLASS.METRIC.
func CheckMetric(name string) error {
	_, err := measuresOf([]string{name})
	return err
}
