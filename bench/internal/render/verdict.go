package render

import (
	"fmt"
	"slices"
	"strings"

	"coldbench/bench/internal/analysis"
)

type verdict struct{ Text, Verdict string }

var marginPercent = fmt.Sprintf("%g %%", 100*analysis.Margin)

// sentences says each comparison in words: every median, and
// p90 and p99 where the word is another than the median's.
func sentences(s *analysis.Section) []verdict {
	list := []verdict{}
	type sides struct {
		column, baseline int
		class            string
	}
	medians := map[sides]string{} // verdicts
	for _, c := range s.Comparisons {
		at := sides{c.Column, c.Baseline, c.Class}
		if c.Quantile == 0.5 {
			medians[at] = c.Verdict
		} else if c.Verdict == medians[at] || c.Verdict == "unclear" {
			continue
		}
		if text := sentence(s, c); text != "" {
			list = append(list, verdict{text, c.Verdict})
		}
	}
	return digest(list)
}

// digest counts the unclear comparisons if there are many.
func digest(list []verdict) []verdict {
	const many = 10
	unclear := func(v verdict) bool { return v.Verdict == "unclear" }
	told := slices.DeleteFunc(slices.Clone(list), unclear)
	n := len(list) - len(told)
	if len(list) <= many || n < 2 {
		return list
	}
	return append(told, verdict{fmt.Sprintf("%d more are unclear: see the table against the baseline.", n), "unclear"})
}

// sentence says one comparison; empty where there is none.
func sentence(s *analysis.Section, c analysis.ColumnComparison) string {
	r := c.Ratio
	if c.Verdict == "" || r.Value == nil {
		return ""
	}
	what := "init + duration of a cold start"
	switch c.Class {
	case "suppressed-init":
		what = "duration of a cold start"
	case "warm", "first-warm":
		what = "duration of a warm invocation"
	}
	if c.Quantile != 0.5 {
		what = analysis.QuantileName(c.Quantile) + " of the " + what
	}
	text := s.Columns[c.Column].Title + ": " + what
	base := s.Columns[c.Baseline].Title + "'s"
	value, low, high := *r.Value, r.Low, r.High
	longer := "longer"
	if c.Verdict == "faster" {
		longer = "shorter"
		value = 1 / value
		low, high = inverse(r.High), inverse(r.Low)
	}
	print := timesPrinter(value, low, high)
	var more []string
	switch c.Verdict {
	case "faster", "slower":
		text += " is " + print(value) + " times " + longer + " than " + base
		if c.Within {
			text += ", which is within " + marginPercent
		}
	case "same":
		text += " is the same as " + base + " within " + marginPercent
		more = []string{print(value) + " times"}
	default:
		text += ": unclear whether it differs from " + base
		more = []string{print(value) + " times"}
		if c.Needed > 0 {
			text += fmt.Sprintf(", about %d cold starts of each would probably tell", c.Needed)
		}
	}
	if low != nil && high != nil {
		more = append(more, "95 %: "+print(*low)+" to "+print(*high))
	}
	n, of := lineOf(s, "total", c.Class, c.Column), lineOf(s, "total", c.Class, c.Baseline)
	text += " (" + strings.Join(append(more, fmt.Sprintf("n = %d and %d", n.N, of.N)), "; ")
	switch {
	case n.Sessions > 1:
		text += fmt.Sprintf(" in %d sessions", n.Sessions)
	case n.Bursts > 1:
		text += fmt.Sprintf(" in %d bursts", n.Bursts)
	}
	return text + ")"
}

func inverse(v *float64) *float64 {
	if v == nil || *v == 0 {
		return nil
	}
	x := 1 / *v
	return &x
}

// timesPrinter prints a ratio and its interval with two decimals, or with as many
// more as it takes to show on which side of 1 an end lies.
func timesPrinter(value float64, ends ...*float64) func(float64) string {
	decimals := 2
	for _, v := range append([]*float64{&value}, ends...) {
		for v != nil && *v != 1 && decimals < 4 && fixed(*v, decimals) == fixed(1, decimals) {
			decimals++
		}
	}
	if decimals == 2 && value >= 9.995 {
		decimals = 1
	}
	return func(v float64) string { return fixed(v, decimals) }
}

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
