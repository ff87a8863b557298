package stats

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestRatioLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		positive := rapid.SliceOfN(rapid.Float64Range(0.01, 1e4), 1, 40)
		a, b := Order(positive.Draw(t, "a")), Order(positive.Draw(t, "b"))
		r, ok := RatioOf(a, b, 0.5, 0.95)
		back, _ := RatioOf(b, a, 0.5, 0.95)
		if !ok || r.Value < r.Lo || r.Value > r.Hi {
			t.Fatalf("ratio %v", r)
		}
		if r.Finite() != (a.N() >= 6 && b.N() >= 6) {
			t.Fatalf("n = %d and %d give %v", a.N(), b.N(), r)
		}
		if r.Finite() && (relative(r.Lo, 1/back.Hi) > 1e-9 || relative(r.Hi, 1/back.Lo) > 1e-9) {
			t.Fatalf("swapping the sides does not invert: %v, %v", r, back)
		}
	})
}

func relative(a, b float64) float64 { return math.Abs(a/b - 1) }

func TestRatioOfNothing(t *testing.T) {
	some := Order([]float64{1, 2, 3, 4, 5, 6, 7})
	for _, o := range []Ordered{{}, Order([]float64{0, 0, 0, 0, 0, 0}), Order([]float64{-1, -2, -3})} {
		if r, ok := RatioOf(o, some, 0.5, 0.95); ok || r.Finite() {
			t.Errorf("ratio %v, %v", r, ok)
		}
		if r, ok := RatioOf(some, o, 0.5, 0.95); ok || r.Finite() {
			t.Errorf("ratio %v, %v", r, ok)
		}
	}
}

func TestJudge(t *testing.T) {
	tests := []struct {
		lo, hi float64
		want   Verdict
		within bool
	}{
		{1.1, 1.3, Greater, false},
		{0.7, 0.9, Less, false},
		{1.01, 1.04, Greater, true},
		{0.96, 0.99, Less, true},
		{0.98, 1.03, Same, true},
		{0.98, 1.06, Unclear, false},
		{1, 1, Same, true},
		{math.Inf(-1), math.Inf(1), Unclear, false},
	}
	for _, tt := range tests {
		v, within := Judge(Ratio{Value: 1, Interval: Interval{tt.lo, tt.hi}}, 0.05)
		if v != tt.want || within != tt.within {
			t.Errorf("%v to %v: %v, %v; want %v, %v", tt.lo, tt.hi, v, within, tt.want, tt.within)
		}
	}
}
