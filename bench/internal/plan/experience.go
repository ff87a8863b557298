package plan

import (
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/stats"
)

// Experience is what an earlier run tells about one that is planned. The zero
// value tells nothing.
type Experience struct {
	// Run is the run's ID; empty if there is none.
	Run string
	// Samples were taken from first to last.
	Samples     int
	first, last time.Time

	strategy string
	// cold holds init + duration of each cold start, warm that of the warm
	// invocations of each environment.
	cold   map[coldstart.Config][]float64
	warm   map[coldstart.Config]map[string][]float64
	billed map[invocation]float64
}

type invocation struct {
	variant string
	init    bool
}

// NewExperience returns the experience of a run, by its ID and its Plan's
// strategy, before its samples are added.
func NewExperience(run, strategy string) *Experience {
	return &Experience{
		Run: run, strategy: strategy, billed: map[invocation]float64{},
		cold: map[coldstart.Config][]float64{}, warm: map[coldstart.Config]map[string][]float64{},
	}
}

// Add adds the next sample of the run.
func (x *Experience) Add(s *coldstart.Sample) {
	if x.Samples == 0 {
		x.first = s.At
	}
	x.Samples, x.last = x.Samples+1, s.At
	if b := s.Metrics.BilledDurationMs; b != nil {
		kind := invocation{s.Config.Variant, s.Metrics.InitDurationMs != nil}
		x.billed[kind] = max(x.billed[kind], *b)
	}
	v, ok := coldstart.Total(*s)
	switch {
	case !ok:
	case s.Class == coldstart.ClassCold && (s.Strategy == x.strategy || x.strategy == ""):
		x.cold[s.Config] = append(x.cold[s.Config], v)
	case s.Class == coldstart.ClassWarm:
		if x.warm[s.Config] == nil {
			x.warm[s.Config] = map[string][]float64{}
		}
		x.warm[s.Config][s.Environment] = append(x.warm[s.Config][s.Environment], v)
	}
}

// Pace returns how long so many invocations would take; 0 if that is unknown.
func (x *Experience) Pace(invocations int) time.Duration {
	if x.Samples < 2 {
		return 0
	}
	return time.Duration(float64(x.last.Sub(x.first)) * float64(invocations) / float64(x.Samples))
}

// values returns one value of init + duration for each execution environment of
// a config: that of its cold start, or the median of its warm invocations.
func (x *Experience) values(c coldstart.Config, class coldstart.Class) stats.Ordered {
	if class == coldstart.ClassCold {
		return stats.Order(x.cold[c])
	}
	var medians []float64
	for _, v := range x.warm[c] {
		m, _ := stats.Order(v).Median()
		medians = append(medians, m)
	}
	return stats.Order(medians)
}
