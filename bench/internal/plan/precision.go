package plan

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"coldbench/bench/internal/stats"
)

// Rule returns the rule of Precision that ends the run before Runs; nil for none.
func (p Plan) Rule() (*stats.Precision, error) {
	if p.Precision == "" {
		return nil, nil
	}
	rule := &stats.Precision{Quantile: 0.5}
	width := p.Precision
	if at, rest, ok := strings.Cut(width, ":"); ok {
		quantiles := map[string]float64{"p50": 0.5, "median": 0.5, "p90": 0.9, "p99": 0.99}
		if rule.Quantile, ok = quantiles[at]; !ok {
			return nil, fmt.Errorf("--precision %q: median, p90 or p99 before the colon", p.Precision)
		}
		width = rest
	}
	var err error
	if rule.HalfWidth, err = Share(width); err != nil {
		return nil, fmt.Errorf("--precision %q: %w", p.Precision, err)
	}
	if rule.HalfWidth <= 0 {
		return nil, fmt.Errorf("--precision %q: more than 0%%", p.Precision)
	}
	return rule, nil
}

// Share reads a percentage, "5%" or "5", as a share: 0.05.
func Share(s string) (float64, error) {
	v, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(s, "%")), 64)
	switch {
	case err != nil:
		return 0, errors.New("a percentage, 5% say")
	case math.IsNaN(v) || v < 0 || v > 1e4:
		return 0, errors.New("a percentage from 0% to 10000%")
	}
	return v / 100, nil
}
