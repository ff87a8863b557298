package analysis

import (
	"fmt"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/stats"
)

// Series are the values of one config and class in the order in which they were
// taken, one for each environment. NaN was not measured, nil is a list without any.
type Series struct {
	Column int
	Class  string
	// Rounds are of each environment; the others are as long, or nil.
	Rounds            []int32
	TotalMs, BilledMs []float64
	// These are of the same environments.
	InitMs, DurationMs, ProvisionMs, MaxMemoryMB []float64
	// Phases are the medians of the class's phases.
	Phases Phases
}

// Phases are the medians of a start's parts in milliseconds; nil where they
// were not measured. Medians of parts need not add up to the median of all.
type Phases struct {
	ProvisionMs *float64 `json:"provisionMs"`
	InitMs      *float64 `json:"initDurationMs"`
	DurationMs  *float64 `json:"durationMs"`
	// PlatformMs and ProcessMs split init, see coldstart.SplitInit; may be negative.
	PlatformMs *float64 `json:"initPlatformMs"`
	ProcessMs  *float64 `json:"initProcessMs"`
}

func seriesOf(columns []Column, o observed, only string) []Series {
	list := []Series{}
	for _, class := range o.among(only, append(classes(), coldstart.ClassFirstAfterDeploy)...) {
		for i := range columns {
			u := o.of(i, class)
			if u.n == 0 || class == coldstart.ClassFirstAfterDeploy && u.after == nil {
				continue
			}
			s := Series{
				Column: i, Class: string(class), Rounds: u.rounds(),
				TotalMs: u.metric("total"), BilledMs: u.metric("billed"), InitMs: u.metric("init"),
				DurationMs: u.metric("duration"), ProvisionMs: u.metric("provision"), MaxMemoryMB: u.metric("max memory"),
			}
			middle := func(metric string) *float64 { return optional(u.ordered(metric).Median()) }
			s.Phases = Phases{ProvisionMs: middle("provision"), InitMs: middle("init"), DurationMs: middle("duration")}
			s.Phases.PlatformMs, s.Phases.ProcessMs = u.split()
			list = append(list, s)
		}
	}
	return list
}

// split takes init apart where every environment can, but for those whose init
// was done ahead: a median of some would not be beside that of all.
func (u *units) split() (platform, process *float64) {
	before, after := u.ordered("init platform"), u.ordered("init process")
	if before.N() < u.n-u.ahead {
		return nil, nil
	}
	return optional(before.Median()), optional(after.Median())
}

// oddities warns of what makes a median say less than it seems to: a drift
// over the run, two modes, outliers. Nothing is removed.
func oddities(columns []Column, o observed, only string) []string {
	var list []string
	for _, class := range o.among(only, coldstart.ClassCold, coldstart.ClassWarm) {
		for i, c := range columns {
			u := o.of(i, class)
			v := u.inOrder("total")
			of := fmt.Sprintf("%s, %s", c.Title, class)
			// One in a hundred columns without a drift may be named.
			if rho, p, ok := stats.Trend(v); ok && o.sessions == 1 && p < 0.01/float64(2*len(columns)) {
				way := "rose"
				if rho < 0 {
					way = "fell"
				}
				list = append(list, fmt.Sprintf("%s: init + duration %s over the run (rank correlation with the order %.2f).", of, way, rho))
			}
			ordered := u.ordered("total")
			if lo, hi, ok := ordered.TwoModes(); ok {
				list = append(list, fmt.Sprintf("%s: two modes, about %.3g and %.3g ms: the median lies in one of them and says little of the other.", of, lo, hi))
			}
			if out := stats.Outliers(v); len(out) > 0 {
				list = append(list, fmt.Sprintf("%s: %s far from the rest, %s; kept.", of, plan.Plural(len(out), "outlier"), farOut(v, out)))
			}
		}
	}
	return list
}

func farOut(values []float64, of []int) string {
	least, greatest := values[of[0]], values[of[0]]
	for _, i := range of {
		least, greatest = min(least, values[i]), max(greatest, values[i])
	}
	if len(of) == 1 {
		return fmt.Sprintf("%.3g ms", least)
	}
	return fmt.Sprintf("from %.3g to %.3g ms", least, greatest)
}
