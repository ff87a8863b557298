package analysis

import (
	"fmt"
	"math"

	"coldbench/bench/internal/runfile"
)

// controlAlerts says at the head of the report when the baseline differs from
// itself.
func controlAlerts(h runfile.Header, list []Comparison, columns []Column) []string {
	if h.Plan.Control == "" {
		return nil
	}
	var alerts []string
	for _, c := range list {
		if columns[c.Column].Variant == h.Plan.Control && (c.Verdict == "faster" || c.Verdict == "slower") {
			alerts = append(alerts, fmt.Sprintf("The control differs: the baseline, measured once more under the name %s, is %s than itself (%s, %s). Differences of that size are noise here.",
				columns[c.Column].Title, c.Verdict, c.Class, quantileName(c.Quantile)))
		}
	}
	return alerts
}

// noiseFloor says how much the control differs from the baseline: the greatest
// distance from 1 that its intervals reach, at the median.
func noiseFloor(h runfile.Header, list []Comparison, columns []Column) string {
	worst := 0.0
	for _, c := range list {
		if columns[c.Column].Variant == h.Plan.Control && c.Quantile == 0.5 && c.Ratio.Bounded() {
			worst = max(worst, math.Abs(math.Log(*c.Ratio.Low)), math.Abs(math.Log(*c.Ratio.High)))
		}
	}
	if h.Plan.Control == "" || worst == 0 {
		return ""
	}
	return fmt.Sprintf("Noise floor: between the baseline and itself, measured once more as %s, medians differ by up to %.1f %%.", h.Plan.Control, 100*math.Expm1(worst))
}

func quantileName(q float64) string {
	if q == 0.5 {
		return "median"
	}
	return fmt.Sprintf("p%g", 100*q)
}
