package analysis

import (
	"fmt"
	"math"
	"slices"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/runfile"
)

// Samples are the numbers of a run's samples, some 70 bytes each, a tenth of a
// coldstart.Sample; see runfile.Scan. The zero value holds none.
type Samples struct {
	n    int
	kept map[kind]*column
	// numbers numbers the environments in order of appearance; name and number are
	// those of the sample before: they come in groups.
	numbers      map[string]int32
	environments int32
	name         string
	number       int32
	// rounds is the greatest round, begins where each session does, if several.
	rounds int32
	begins []begin
	// strategy is that of the first cold start.
	strategy *string
	odd      oddBills
}

// kind is what samples are kept apart by.
type kind struct {
	config coldstart.Config
	class  coldstart.Class
	// strategy is that of cold starts, empty for warm invocations.
	strategy string
}

// column holds samples of one kind in the order in which they were taken.
type column struct {
	environment []int32
	round       []int32
	// values are by the metric's place; NaN is not measured, nil never measured.
	values [][]float64
	// ahead counts cold starts whose init the platform had done ahead.
	ahead int
	// after are the places after deployments; nil where there is none.
	after []place
}

// Add takes a sample over; it may change or vanish afterwards.
func (k *Samples) Add(s *coldstart.Sample) {
	if k.kept == nil {
		k.kept, k.numbers, k.number = map[kind]*column{}, map[string]int32{}, -1
	}
	of := kind{config: s.Config, class: s.Class}
	if !warm(s.Class) {
		of.strategy = s.Strategy
		if k.strategy == nil {
			strategy := s.Strategy // of would be on the heap for each sample
			k.strategy = &strategy
		}
	}
	c := k.kept[of]
	if c == nil {
		c = &column{values: make([][]float64, len(metrics))}
		k.kept[of] = c
	}
	at := len(c.environment)
	c.environment = append(c.environment, k.environment(s))
	round := int32(max(0, min(s.Round, math.MaxInt32)))
	c.round = append(c.round, round)
	k.rounds = max(k.rounds, round)
	for i := range metrics {
		if v, ok := metrics[i].Value(*s); ok && !math.IsNaN(v) && !math.IsInf(v, 0) {
			put(&c.values[i], at, v)
		}
	}
	if slices.Contains(s.Proof, coldstart.ProofProactiveInit) {
		c.ahead++
	}
	if p := placeAfter(s.Deployment); p != noPlace {
		c.setAfter(at, p)
	}
	k.odd.add(s)
	k.n++
}

// put sets a value at or beyond the end of a list, filled with NaN up to there.
func put(list *[]float64, at int, v float64) {
	for len(*list) < at {
		*list = append(*list, math.NaN())
	}
	*list = append(*list, v)
}

// environment numbers the environment of a sample; without a name, of its round.
func (k *Samples) environment(s *coldstart.Sample) int32 {
	name := s.Environment
	if name == "" {
		name = fmt.Sprintf("round %d", s.Round)
	}
	if k.number >= 0 && name == k.name {
		return k.number
	}
	n, ok := k.numbers[name]
	if !ok {
		n = k.environments
		k.numbers[name] = n
		k.environments++
	}
	k.name, k.number = name, n
	return n
}

var metrics = coldstart.MetricsOf()

func samplesOf(run *runfile.Run) *Samples {
	var k Samples
	for i := range run.Samples {
		k.Add(&run.Samples[i])
	}
	return &k
}
