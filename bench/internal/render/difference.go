package render

import (
	"math"
	"slices"

	"coldbench/bench/internal/analysis"
)

// differenceDoc explains the table of differences, differenceNotes its columns.
const differenceDoc = "Init + duration as whole distributions. This stands beside the verdicts, which are those of the ratios alone, and changes none of them."

var differenceNotes = []string{
	"shift: by how many milliseconds a value of the config exceeds one of the other, in the middle of all pairs (Hodges and Lehmann).",
	"Cliff's delta: of all pairs, the share in which the config's value is the greater one, less the share in which it is the smaller one: -1 to 1.",
	"p: of the Mann-Whitney test; p by Holm: adjusted for the number of rows.",
}

// differenceNote is all that a terminal has room for.
const differenceNote = "shift (Hodges-Lehmann), Cliff's delta and p (Mann-Whitney) are of whole distributions; they stand beside the verdicts and change none."

// differenceGroups is said of them where environments are in groups.
const differenceGroups = "All environments are taken as independent here, so that intervals are too narrow, and p too small, where sessions or bursts differ."

// differences returns the table of differences and its footnotes.
func differences(s *analysis.Section) (g *grid, notes []string) {
	g = &grid{align: "lll", header: []string{"start", "config", "against", "shift, ms (95 % interval)", "Cliff's delta", "p", "p by Holm"}}
	for _, c := range s.Comparisons {
		d := c.Whole
		if d == nil {
			continue
		}
		g.add(c.Class, s.Columns[c.Column].Title, s.Columns[c.Baseline].Title, estimate(d.ShiftMs, "", shift),
			deltaCell(d.Delta), probability(d.P), probability(d.PHolm))
	}
	for _, t := range s.Metrics {
		for _, l := range t.Lines {
			if l.Sessions > 1 || l.Bursts > 1 {
				return g, append(slices.Clone(differenceNotes), differenceGroups)
			}
		}
	}
	return g, differenceNotes
}

func shift(v float64) string { return signed(digits(v)) }

func deltaCell(v float64) string { return shift(v) + " (" + effect(v) + ")" }

// effect is the customary word for the size of Cliff's delta: J. Romano et al.,
// "Appropriate statistics for ordinal level data" (2006).
func effect(delta float64) string {
	switch d := math.Abs(delta); {
	case d < 0.147:
		return "negligible"
	case d < 0.33:
		return "small"
	case d < 0.474:
		return "medium"
	}
	return "large"
}

// probability prints a p-value. It is never 0.
func probability(p float64) string {
	if p < 0.0001 {
		return "< 0.0001"
	}
	return fixed(p, 4)
}
