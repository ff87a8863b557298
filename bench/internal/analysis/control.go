package analysis

import (
	"fmt"
	"strings"

	"coldbench/bench/internal/runfile"
)

// controlAlerts says at the head of the report when the baseline differs from
// itself.
func controlAlerts(h runfile.Header, list []ColumnComparison, columns []Column) []string {
	if h.Plan.Control == "" {
		return nil
	}
	var alerts []string
	for _, c := range list {
		if columns[c.Column].Control && (c.Verdict == "faster" || c.Verdict == "slower") {
			alerts = append(alerts, fmt.Sprintf("The control differs: the baseline, measured once more under the name %s, is %s than itself (%s, %s). Differences of that size are noise here.",
				columns[c.Column].Title, c.Verdict, c.Class, QuantileName(c.Quantile)))
		}
	}
	return alerts
}

// noiseFloor says how much the control differs from the baseline at the median,
// and how far its intervals reach: two samples of one thing, so that all of it
// is noise.
func noiseFloor(h runfile.Header, list []ColumnComparison, columns []Column) string {
	var parts []string
	for _, c := range list {
		if columns[c.Column].Control && c.Quantile == 0.5 && c.Ratio.Bounded() {
			parts = append(parts, fmt.Sprintf("%s %s by %s (95 %%: %s to %s)",
				columns[c.Column].Title, c.Class, percent(*c.Ratio.Value), percent(*c.Ratio.Low), percent(*c.Ratio.High)))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	of := "Both are of one image"
	if h.Backend == "aws" {
		of = "Both are of one deployed function, so this is the noise of sampling, not that between two deployments"
	}
	return fmt.Sprintf("Noise floor: the baseline was measured twice a round, and the medians of its second sample differ from the first's: %s. %s: a difference between variants that lies within such an interval may be noise.", strings.Join(parts, ", "), of)
}

// percent prints a ratio as what it is more or less than 1.
func percent(ratio float64) string { return fmt.Sprintf("%+.1f %%", 100*(ratio-1)) }

// QuantileName returns "median", "p90" and the like.
func QuantileName(q float64) string {
	if q == 0.5 {
		return "median"
	}
	return fmt.Sprintf("p%g", 100*q)
}
