package lambdalog_test

import (
	"slices"
	"testing"

	"coldbench/bench/lambdalog"
)

func TestBilling(t *testing.T) {
	v := func(f float64) *float64 { return &f }
	tests := []struct {
		name                                     string
		duration, billed, init, restore, restBil *float64
		want                                     []lambdalog.Rule
		known                                    bool
	}{
		{"one ceiling of the sum", v(61.09), v(4048), v(3986.50), nil, nil, []lambdalog.Rule{lambdalog.RuleInit}, true},
		{"init is free", v(8.40), v(9), v(170.13), nil, nil, []lambdalog.Rule{lambdalog.RuleDuration}, true},
		{"warm", v(1.23), v(2), nil, nil, nil, []lambdalog.Rule{lambdalog.RuleDuration}, true},
		{"a hundred", v(541.47), v(600), nil, nil, nil, []lambdalog.Rule{lambdalog.RuleHundred}, true},
		{"restore", v(306.34), v(610), nil, v(511.25), v(303), []lambdalog.Rule{lambdalog.RuleRestore}, true},
		{"restore in JSON", v(147.156), v(201), nil, v(500.795), v(53), []lambdalog.Rule{lambdalog.RuleRestore}, true},
		{"a rounded print", v(17189.00), v(17190), nil, nil, nil, []lambdalog.Rule{lambdalog.RuleDuration}, true},
		{"a whole sum that floats miss", v(0.7), v(1), v(0.3), nil, nil, []lambdalog.Rule{lambdalog.RuleInit, lambdalog.RuleDuration}, true},
		{"a whole sum that floats exceed", v(64.01), v(65), v(0.99), nil, nil, []lambdalog.Rule{lambdalog.RuleInit, lambdalog.RuleDuration}, true},
		{"init below the rounding", v(1.10), v(2), v(0.02), nil, nil, []lambdalog.Rule{lambdalog.RuleInit, lambdalog.RuleDuration}, true},
		{"a timeout", v(3022.91), v(3000), nil, nil, nil, nil, true},
		{"mixed up", v(1.23), v(46), v(100), nil, nil, nil, true},
		{"2 ms more", v(1.23), v(4), nil, nil, nil, nil, true},
		{"no billed duration", v(125.46), nil, nil, nil, nil, nil, false},
		{"no duration", nil, v(2), v(1), nil, nil, nil, false},
	}
	for _, test := range tests {
		rules, known := lambdalog.Billing(lambdalog.Metrics{
			DurationMs: test.duration, BilledDurationMs: test.billed, InitDurationMs: test.init,
			RestoreDurationMs: test.restore, BilledRestoreDurationMs: test.restBil,
		})
		if !slices.Equal(rules, test.want) || known != test.known {
			t.Errorf("%s: %v, %v, want %v, %v", test.name, rules, known, test.want, test.known)
		}
	}
}

// Every line of AWS's that did end well is explained by a rule.
func TestBillingOfAWSLines(t *testing.T) {
	n := 0
	for _, line := range append(awsLines(t), jsonLines(t, "testdata/aws.jsonl")...) {
		r, err := lambdalog.ParseReport(line)
		if err != nil || r.Status != "" && r.Status != "success" {
			continue
		}
		rules, known := lambdalog.Billing(r.Metrics)
		// An old timeout, cut at its limit, has no status.
		if old := r.RequestID == "1df3b8c2-b2fa-11e8-abaa-ab0a555645d0"; !known || len(rules) == 0 != old {
			t.Errorf("%q: %v, %v", line, rules, known)
		}
		n++
	}
	if n < 15 {
		t.Errorf("%d lines", n)
	}
}
