package runner

import (
	"slices"
	"sync"

	"coldbench/bench/internal/coldstart"
)

// Medians is a Sink that knows at any time the median of each config's cold
// starts so far.
type Medians struct {
	Sink

	mu sync.Mutex
	// totals are init + duration of the cold starts in ms, sorted.
	totals map[coldstart.Config][]float64
}

// Watch returns a sink that hands on to another one and keeps the medians.
func Watch(sink Sink) *Medians {
	return &Medians{Sink: sink, totals: map[coldstart.Config][]float64{}}
}

// Sample counts a sample once it is kept.
func (m *Medians) Sample(s coldstart.Sample) error {
	if err := m.Sink.Sample(s); err != nil {
		return err
	}
	if v, ok := coldstart.Total(s); ok && s.Class == coldstart.ClassCold {
		m.mu.Lock()
		defer m.mu.Unlock()
		list := m.totals[s.Config]
		at, _ := slices.BinarySearch(list, v)
		m.totals[s.Config] = slices.Insert(list, at, v)
	}
	return nil
}

// Median returns a config's median in ms and of how many cold starts it is.
func (m *Medians) Median(c coldstart.Config) (v float64, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.totals[c]
	switch n = len(list); {
	case n == 0:
		return 0, 0
	case n%2 == 1:
		return list[n/2], n
	default:
		return (list[n/2-1] + list[n/2]) / 2, n
	}
}
