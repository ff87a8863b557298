package analysis

import (
	"fmt"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/stats"
)

// Series are the values of one config and class in the order in which they
// were taken, for plots: one value an execution environment.
type Series struct {
	Column int    `json:"column"`
	Class  string `json:"class"`
	// Rounds, TotalMs and BilledMs are of equal length; nil is a value that was
	// not measured.
	Rounds   []int      `json:"rounds"`
	TotalMs  []*float64 `json:"totalMs"`
	BilledMs []*float64 `json:"billedDurationMs"`
	// InitMs, DurationMs, ProvisionMs and MaxMemoryMB are further values of the
	// same environments.
	InitMs      []*float64 `json:"initDurationMs"`
	DurationMs  []*float64 `json:"durationMs"`
	ProvisionMs []*float64 `json:"provisionMs"`
	MaxMemoryMB []*float64 `json:"maxMemoryUsedMB"`
	// Phases are the medians of the class's phases.
	Phases Phases `json:"phases"`
}

// Phases are the medians of a start's parts in milliseconds; nil where they
// were not measured. Medians of parts need not add up to the median of all.
type Phases struct {
	ProvisionMs *float64 `json:"provisionMs"`
	InitMs      *float64 `json:"initDurationMs"`
	DurationMs  *float64 `json:"durationMs"`
	// PlatformMs and ProcessMs split init where the function says when its own
	// code began: before it and from there on.
	PlatformMs *float64 `json:"initPlatformMs"`
	ProcessMs  *float64 `json:"initProcessMs"`
}

// seriesOf lists the series of a section.
func seriesOf(columns []Column, o observed, only string) []Series {
	list := []Series{}
	for _, class := range classes() {
		if !shown(class, only) {
			continue
		}
		for i := range columns {
			environments := o.environments(i, class)
			if len(environments) == 0 {
				continue
			}
			s := Series{Column: i, Class: string(class)}
			for k := range environments {
				one := environments[k : k+1]
				s.Rounds = append(s.Rounds, one[0].invocations[0].Round)
				s.TotalMs = append(s.TotalMs, middle(one, "total"))
				s.BilledMs = append(s.BilledMs, middle(one, "billed"))
				s.InitMs = append(s.InitMs, middle(one, "init"))
				s.DurationMs = append(s.DurationMs, middle(one, "duration"))
				s.ProvisionMs = append(s.ProvisionMs, middle(one, "provision"))
				s.MaxMemoryMB = append(s.MaxMemoryMB, middle(one, "max memory"))
			}
			s.Phases = Phases{ProvisionMs: middle(environments, "provision"), InitMs: middle(environments, "init"), DurationMs: middle(environments, "duration")}
			s.Phases.PlatformMs, s.Phases.ProcessMs = split(environments)
			list = append(list, s)
		}
	}
	return list
}

// split takes init apart where every environment can: a median of some would not
// be beside that of all. A part that would be negative, by the rounding of a
// REPORT line, is 0.
func split(environments []environment) (platform, process *float64) {
	var before, after []float64
	for _, e := range environments {
		s := e.invocations[0]
		init, at := s.Metrics.InitDurationMs, s.Phases.ProcessStartMs
		if init == nil || at == nil {
			return nil, nil
		}
		before, after = append(before, *at), append(after, max(0, *init-*at))
	}
	return optional(stats.Order(before).Median()), optional(stats.Order(after).Median())
}

// middle is the median of a metric over environments; nil where none has it.
func middle(environments []environment, metric string) *float64 {
	v, _, _ := values(environments, metricOf(metric))
	return optional(stats.Order(v).Median())
}

// oddities warns of what makes a median say less than it seems to: a drift
// over the run, two modes, outliers. Nothing is removed.
func oddities(columns []Column, o observed, only string) []string {
	var list []string
	for _, class := range []coldstart.Class{coldstart.ClassCold, coldstart.ClassWarm} {
		if !shown(class, only) {
			continue
		}
		for i, c := range columns {
			v, _, _ := values(o.environments(i, class), metricOf("total"))
			of := fmt.Sprintf("%s, %s", c.Title, class)
			// One in a hundred columns without a drift may be named.
			if rho, p, ok := stats.Trend(v); ok && p < 0.01/float64(2*len(columns)) {
				way := "rose"
				if rho < 0 {
					way = "fell"
				}
				list = append(list, fmt.Sprintf("%s: init + duration %s over the run (rank correlation with the order %.2f).", of, way, rho))
			}
			ordered := stats.Order(v)
			if lo, hi, ok := ordered.TwoModes(); ok {
				list = append(list, fmt.Sprintf("%s: two modes, about %.3g and %.3g ms: the median lies in one of them and says little of the other.", of, lo, hi))
			}
			if out := stats.Outliers(v); len(out) > 0 {
				greatest, _ := ordered.Max()
				list = append(list, fmt.Sprintf("%s: %s far from the rest, the greatest value is %.3g ms; kept.", of, count(len(out), "outlier", "outliers"), greatest))
			}
		}
	}
	return list
}
