package lambdalog

import "math"

// Rule says of which sum Billed Duration is the ceiling.
type Rule string

// The rules. Lambda takes one ceiling of the sum, not the sum of ceilings.
const (
	// RuleDuration is ceil(Duration): a warm invocation, and a cold one where
	// init is not billed (managed runtimes until July 2025).
	RuleDuration Rule = "ceil(duration)"
	// RuleInit is ceil(Duration + Init Duration): images and custom runtimes,
	// and since August 2025 all.
	RuleInit Rule = "ceil(duration+init)"
	// RuleRestore is ceil(Duration + Billed Restore Duration): SnapStart. The
	// Restore Duration itself is not billed.
	RuleRestore Rule = "ceil(duration+billedRestore)"
	// RuleHundred is ceil(Duration) to full 100 ms: until December 2020.
	RuleHundred Rule = "ceil100(duration)"
)

// Billing returns the rules that explain the Billed Duration, and false where
// that can't be said because it or Duration is missing. No rules, and true,
// means that the numbers are not of one invocation, or that the invocation did
// not end well: the billing of timeouts and crashes follows no rule.
//
// A rule explains a Billed Duration that equals its ceiling or is 1 ms above:
// Duration is printed rounded, so that a printed 17189.00 may be billed as
// 17190. Rules that meet it exactly come first; several can, where init is
// shorter than the rounding.
func Billing(m Metrics) (rules []Rule, known bool) {
	if m.DurationMs == nil || m.BilledDurationMs == nil {
		return nil, false
	}
	billed, duration := *m.BilledDurationMs, micros(*m.DurationMs)
	sums := []struct {
		rule Rule
		sum  float64
		step float64
		ok   bool
	}{
		{RuleRestore, duration + micros(or0(m.BilledRestoreDurationMs)), 1, m.BilledRestoreDurationMs != nil},
		{RuleInit, duration + micros(or0(m.InitDurationMs)), 1, m.InitDurationMs != nil},
		{RuleDuration, duration, 1, true},
		{RuleHundred, duration, 100, true},
	}
	var near []Rule
	for _, s := range sums {
		if !s.ok {
			continue
		}
		switch ceiling := math.Ceil(s.sum/(1000*s.step)) * s.step; billed - ceiling {
		case 0:
			rules = append(rules, s.rule)
		case 1:
			if s.step == 1 {
				near = append(near, s.rule)
			}
		case 100:
			// The same rounding at a full hundred.
			if s.step == 100 && math.Mod(s.sum, 100_000) == 0 {
				near = append(near, s.rule)
			}
		}
	}
	return append(rules, near...), true
}

// micros returns milliseconds as whole microseconds, so that sums are exact:
// the finest print has three decimals.
func micros(ms float64) float64 { return math.Round(ms * 1000) }

func or0(p *float64) float64 {
	if p == nil {
		return 0
	}
	return *p
}
