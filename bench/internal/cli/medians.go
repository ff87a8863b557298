package cli

import (
	"fmt"
	"strings"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runner"
)

// medians prints the running medians of configs.
type medians struct {
	*runner.Medians
	configs []coldstart.Config
}

// line says in a line what is known of a config, whose name is padded to a width.
func (m *medians) line(c coldstart.Config, name string, width int) string {
	v, n := m.Median(c)
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
	for i, name := range plan.Names(m.configs) {
		if v, n := m.Median(m.configs[i]); n > 0 {
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
