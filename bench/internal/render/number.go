package render

import (
	"cmp"
	"math"
	"strconv"
	"strings"

	"coldbench/bench/internal/analysis"
)

// unknown stands for what was not measured or can't be known.
const unknown = "-"

// digits prints a measured value with three significant digits, and with two
// decimals at most: a REPORT line holds no more.
func digits(v float64) string {
	switch a := math.Abs(v); {
	case a >= 99.95:
		return fixed(v, 0)
	case a >= 9.995:
		return fixed(v, 1)
	}
	return fixed(v, 2)
}

// whole prints a whole number; a median of two of them may end in .5.
func whole(v float64) string { return strings.TrimSuffix(fixed(v, 1), ".0") }

func printer(metric string) func(float64) string {
	if metric == "billed" || metric == "max memory" {
		return whole
	}
	return digits
}

func optional(v *float64, print func(float64) string) string {
	if v == nil {
		return unknown
	}
	return print(*v)
}

// interval prints the ends of an interval, a dash where one is open.
func interval(e analysis.Estimate, print func(float64) string) string {
	if !e.Bounded() {
		return unknown
	}
	return print(*e.Low) + " to " + print(*e.High)
}

// quantile prints a quantile with its interval, or a dash where that is open:
// then the value is no more than the greatest of too few.
func quantile(e analysis.Estimate, print func(float64) string) string {
	if !e.Bounded() {
		return unknown
	}
	return estimate(e, "", print)
}

// estimate prints a value with a unit behind it, and its interval if that has ends.
func estimate(e analysis.Estimate, unit string, print func(float64) string) string {
	text := optional(e.Value, print)
	if e.Value != nil {
		text += unit
	}
	if e.Bounded() {
		text += " (" + interval(e, print) + ")"
	}
	return text
}

func fixed(v float64, decimals int) string { return strconv.FormatFloat(v, 'f', decimals, 64) }

// signed adds a sign to a printed number; what rounds to 0 has none.
func signed(text string) string {
	switch {
	case strings.Trim(text, "-0.") == "":
		return strings.TrimPrefix(text, "-")
	case text[0] != '-':
		return "+" + text
	}
	return text
}

// bytesOf prints a size with two or three digits, in powers of 1000.
func bytesOf(n *int64) string {
	if n == nil {
		return unknown
	}
	v, unit := float64(*n), "B"
	for _, next := range []string{"kB", "MB", "GB"} {
		if v < 999.5 {
			break
		}
		v, unit = v/1000, next
	}
	if unit == "B" || v >= 99.95 {
		return fixed(v, 0) + " " + unit
	}
	return fixed(v, 1) + " " + unit
}

// short cuts a digest to the twelve digits that tools show; "" is unknown.
func short(digest string) string {
	hex := digest[strings.Index(digest, ":")+1:]
	return cmp.Or(hex[:min(len(hex), 12)], unknown)
}
