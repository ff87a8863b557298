package cli

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/runner"
)

// medians is a sink that looks at what passes: it knows at any time the median of
// each config's cold starts so far.
type medians struct {
	runner.Sink
	configs []coldstart.Config

	mu sync.Mutex
	// totals are init + duration of the cold starts in ms, sorted.
	totals map[coldstart.Config][]float64
}

func watch(sink runner.Sink, configs []coldstart.Config) *medians {
	return &medians{Sink: sink, configs: configs, totals: map[coldstart.Config][]float64{}}
}

// Sample looks at a sample once it is kept.
func (m *medians) Sample(s coldstart.Sample) error {
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

// median returns the median so far and of how many cold starts it is.
func (m *medians) median(c coldstart.Config) (v float64, n int) {
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

// line says in a line what is known of a config, whose name is padded to a width.
func (m *medians) line(c coldstart.Config, name string, width int) string {
	v, n := m.median(c)
	if n == 0 {
		return fmt.Sprintf("  %-*s  no cold start yet", width, name)
	}
	return fmt.Sprintf("  %-*s  median of %d: %s ms", width, name, n, millis(v))
}

// summary says all medians in a line; empty where there are none or too many for
// a line.
func (m *medians) summary() string {
	const most = 6
	if len(m.configs) > most {
		return ""
	}
	var parts []string
	for i, name := range namesOf(m.configs) {
		if v, n := m.median(m.configs[i]); n > 0 {
			parts = append(parts, name+" "+millis(v))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "medians " + strings.Join(parts, ", ") + " ms"
}

// millis prints milliseconds with three digits or so.
func millis(v float64) string {
	switch {
	case v < 9.995:
		return fmt.Sprintf("%.2f", v)
	case v < 99.95:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// namesOf names configs as briefly as tells them apart.
func namesOf(configs []coldstart.Config) []string {
	sizes, archs := map[int]bool{}, map[string]bool{}
	for _, c := range configs {
		sizes[c.MemoryMB], archs[c.Arch] = true, true
	}
	var names []string
	for _, c := range configs {
		name := c.Variant
		if len(sizes) > 1 {
			name += fmt.Sprintf(" %d MB", c.MemoryMB)
		}
		if len(archs) > 1 {
			name += " " + c.Arch
		}
		names = append(names, name)
	}
	return names
}
