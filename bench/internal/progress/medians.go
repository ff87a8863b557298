package progress

import (
	"fmt"
	"strings"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/runner"
)

// medians prints the running medians of configs.
type medians struct {
	*runner.Medians
	configs []coldstart.Config
	names   []string
}

// line says in a line what is known of a config, named in a column.
func (m medians) line(i int) string {
	width := 0
	for _, name := range m.names {
		width = max(width, len([]rune(name)))
	}
	v, n := m.Median(m.configs[i])
	if n == 0 {
		return fmt.Sprintf("  %-*s  no cold start yet", width, m.names[i])
	}
	return fmt.Sprintf("  %-*s  median of %d: %s ms", width, m.names[i], n, millis(v))
}

// summary says all medians in a line; empty where there are none or too many for
// a line.
func (m medians) summary() string {
	const most = 6
	if len(m.configs) > most {
		return ""
	}
	var parts []string
	for i, name := range m.names {
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
