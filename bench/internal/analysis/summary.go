package analysis

import (
	"math"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/stats"
)

// summarize describes one metric of one column and class.
func summarize(environments []environment, m coldstart.Metric) Summary {
	v, invocations, missing := values(environments, m)
	o := stats.Order(v)
	return Summary{
		N: o.N(), Invocations: invocations, Missing: missing,
		Min:    optional(o.Min()),
		Median: estimate(o, 0.5),
		P90:    estimate(o, 0.9),
		P99:    estimate(o, 0.99),
		Max:    optional(o.Max()),
		MAD:    optional(o.MAD()),
	}
}

func estimate(o stats.Ordered, q float64) Estimate {
	iv := o.Interval(q, Confidence)
	return Estimate{Value: optional(o.Quantile(q)), Low: bound(iv.Lo), High: bound(iv.Hi)}
}

func optional(v float64, ok bool) *float64 {
	if !ok {
		return nil
	}
	return &v
}

// bound turns an open end into a missing one.
func bound(v float64) *float64 { return optional(v, !math.IsInf(v, 0)) }
