package stats

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// finite draws a slice of ordinary numbers, with ties.
func finite(t *rapid.T, least int) []float64 {
	number := rapid.OneOf(rapid.Float64Range(-1e6, 1e6), rapid.Map(rapid.IntRange(0, 5), func(i int) float64 { return float64(i) }))
	return rapid.SliceOfN(number, least, 60).Draw(t, "values")
}

func TestQuantile(t *testing.T) {
	// Expected values are R's: quantile(x, q, type = 7).
	tests := []struct {
		x       []float64
		q, want float64
	}{
		{[]float64{3}, 0.5, 3},
		{[]float64{3}, 0.99, 3},
		{[]float64{1, 2}, 0.5, 1.5},
		{[]float64{4, 1, 3, 2}, 0.5, 2.5},
		{[]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 0.9, 9.1},
		{[]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 0.25, 3.25},
		{[]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 0, 1},
		{[]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 1, 10},
		{[]float64{math.NaN(), 2, math.Inf(1), 4, math.Inf(-1)}, 0.5, 3},
	}
	for _, tt := range tests {
		got, ok := Order(tt.x).Quantile(tt.q)
		if !ok || math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("quantile %v of %v = %v, %v; want %v", tt.q, tt.x, got, ok, tt.want)
		}
	}
	for _, q := range []float64{-0.1, 1.1, math.NaN()} {
		if v, ok := Order([]float64{1, 2}).Quantile(q); ok {
			t.Errorf("quantile %v = %v, want none", q, v)
		}
	}
}

func TestNothingIsNotZero(t *testing.T) {
	for _, values := range [][]float64{nil, {math.NaN()}, {math.Inf(1), math.Inf(-1)}} {
		o := Order(values)
		if o.N() != 0 {
			t.Errorf("Order(%v): n = %d", values, o.N())
		}
		for name, f := range map[string]func() (float64, bool){"min": o.Min, "max": o.Max, "median": o.Median, "mad": o.MAD} {
			if v, ok := f(); ok {
				t.Errorf("%s of nothing is %v", name, v)
			}
		}
		if o.Interval(0.5, 0.95) != Unbounded() {
			t.Errorf("interval of nothing is %v", o.Interval(0.5, 0.95))
		}
	}
}

func TestMAD(t *testing.T) {
	if got, ok := Order([]float64{1, 1, 2, 2, 4, 6, 9}).MAD(); !ok || got != 1 {
		t.Errorf("MAD = %v, %v, want 1", got, ok)
	}
}

func TestOrderLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := finite(t, 1)
		before := slices.Clone(x)
		o := Order(x)
		lo, _ := o.Min()
		p50, _ := o.Median()
		p90, _ := o.Quantile(0.9)
		p99, _ := o.Quantile(0.99)
		hi, _ := o.Max()
		if !(lo <= p50 && p50 <= p90 && p90 <= p99 && p99 <= hi) {
			t.Fatalf("not ascending: %v %v %v %v %v", lo, p50, p90, p99, hi)
		}
		if lo != slices.Min(before) || hi != slices.Max(before) {
			t.Fatalf("min, max = %v, %v", lo, hi)
		}
		shuffled := rapid.Permutation(x).Draw(t, "shuffled")
		doubled := make([]float64, len(x))
		for i, v := range x {
			doubled[i] = 2 * v
		}
		s, d := Order(shuffled), Order(doubled)
		for _, q := range []float64{0, 0.1, 0.5, 0.9, 0.99, 1} {
			v, _ := o.Quantile(q)
			if w, _ := s.Quantile(q); w != v {
				t.Fatalf("quantile %v depends on the order: %v, %v", q, v, w)
			}
			if w, _ := d.Quantile(q); w != 2*v {
				t.Fatalf("quantile %v of the doubled values is %v, want %v", q, w, 2*v)
			}
			iv, jv := o.Interval(q, 0.95), d.Interval(q, 0.95)
			if jv.Lo != 2*iv.Lo || jv.Hi != 2*iv.Hi {
				t.Fatalf("interval of the doubled values %v, of the values %v", jv, iv)
			}
		}
		if !slices.Equal(x, before) {
			t.Fatalf("the argument was changed")
		}
	})
}

// TestSort: the same as Order, of a slice that may be changed.
func TestSort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := append(finite(t, 0), rapid.SliceOf(rapid.SampledFrom([]float64{math.NaN(), math.Inf(1)})).Draw(t, "odd")...)
		x = rapid.Permutation(x).Draw(t, "x")
		want := Order(x)
		if got := Sort(x); !slices.Equal(got.x, want.x) {
			t.Fatalf("%+v, want %+v", got, want)
		}
	})
}
