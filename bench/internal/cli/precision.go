package cli

import (
	"strings"

	"coldbench/bench/internal/stats"
)

// readPrecision turns --precision into the rule that ends the run, and
// --max-runs into the rounds there may be.
func (m *measure) readPrecision() error {
	if m.precision == "" {
		if m.given("max-runs") {
			return usagef("--max-runs goes with --precision")
		}
		return nil
	}
	rule := stats.Precision{Quantile: 0.5}
	width := m.precision
	if at, rest, ok := strings.Cut(m.precision, ":"); ok {
		switch at {
		case "p50", "median":
		case "p90":
			rule.Quantile = 0.9
		case "p99":
			rule.Quantile = 0.99
		default:
			return usagef("--precision %q: median, p90 or p99 before the colon", m.precision)
		}
		width = rest
	}
	var err error
	if rule.HalfWidth, err = share(width); err != nil {
		return usagef("--precision %q: %w", m.precision, err)
	}
	switch {
	case rule.HalfWidth <= 0:
		return usagef("--precision %q: more than 0%%", m.precision)
	case m.given("runs") && m.resume == "":
		return usagef("--runs and --precision exclude one another: --max-runs is the most there may be")
	case m.maxRuns < 20 || m.maxRuns > 1_000_000:
		return usagef("--max-runs %d: 20 to 1000000", m.maxRuns)
	}
	m.rule = rule
	if m.resume == "" {
		m.runs = m.maxRuns
	}
	return nil
}
