package analysis

import (
	"math"

	"coldbench/bench/internal/stats"
)

func summarize(u *units, metric string) Summary {
	o, measured := u.ordered(metric), u.measured(metric)
	s := Summary{
		N: o.N(), Invocations: measured, Missing: u.invocations() - measured,
		Min:    optional(o.Min()),
		Median: u.estimate(metric, 0.5),
		P90:    u.estimate(metric, 0.9),
		P99:    u.estimate(metric, 0.99),
		Max:    optional(o.Max()),
		MAD:    optional(o.MAD()),
	}
	if u.sessions > 1 {
		s.Sessions = u.sessions
	}
	s.Bursts = u.bursts
	return s
}

// estimate is a quantile of a metric with its interval, over groups where
// environments are not independent.
func (u *units) estimate(metric string, q float64) Estimate {
	e := estimate(u.ordered(metric), q)
	if g, ok := u.groups(metric); ok {
		iv := g.Interval(q, Confidence)
		e.Low, e.High = bound(iv.Lo), bound(iv.Hi)
	}
	return e
}

func estimated(v float64, iv stats.Interval) Estimate {
	return Estimate{Value: &v, Low: bound(iv.Lo), High: bound(iv.Hi)}
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

// at is a value of a list that may be shorter, or hold NaN there.
func at(list []float64, i int) (float64, bool) {
	if i >= len(list) || math.IsNaN(list[i]) {
		return 0, false
	}
	return list[i], true
}

func bound(v float64) *float64 { return optional(v, !math.IsInf(v, 0)) }
