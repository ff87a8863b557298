package render

import (
	"fmt"
	"strings"

	"coldbench/bench/internal/analysis"
)

// mostDisagreements is how many are listed one by one.
const mostDisagreements = 4

// disagreements returns the lines at the head of a report whose engines disagree.
func disagreements(r *analysis.Report) []string {
	var list []string
	for i, d := range r.Disagreements {
		if i == mostDisagreements {
			list = append(list, fmt.Sprintf("The engines disagree on %d more.", len(r.Disagreements)-i))
			break
		}
		list = append(list, disagreement(d))
	}
	return list
}

func disagreement(d analysis.Disagreement) string {
	what := "cold start"
	if d.Class == "warm" || d.Class == "first-warm" {
		what = "warm invocation"
	}
	if d.Quantile != 0.5 {
		what = analysis.QuantileName(d.Quantile) + " of the " + what
	}
	var sides, slow []string
	for _, s := range d.Sides {
		text := s.Engine + " says " + s.Verdict
		if s.Ratio.Value != nil {
			text += " (" + timesPrinter(*s.Ratio.Value)(*s.Ratio.Value) + " times)"
		}
		sides = append(sides, text)
		if s.StorageDriver != "" {
			slow = append(slow, fmt.Sprintf("%s's figures are also those of its storage driver %s", s.Engine, s.StorageDriver))
		}
	}
	text := fmt.Sprintf("The engines disagree on %s against %s, %s: %s.", d.Title, d.Baseline, what, strings.Join(sides, ", "))
	if len(slow) > 0 {
		text += " " + strings.Join(slow, "; ") + "."
	}
	return text
}
