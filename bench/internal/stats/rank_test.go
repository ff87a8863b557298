package stats

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestMannWhitney compares with orders counted by hand.
func TestMannWhitney(t *testing.T) {
	tests := []struct {
		a, b     []float64
		p, delta float64
	}{
		{[]float64{1, 2, 3}, []float64{4, 5, 6}, 0.1, -1},
		{[]float64{4, 5, 6, 7}, []float64{0, 1, 2, 3}, 2.0 / 70, 1},
		{[]float64{1, 4}, []float64{2, 3}, 1, 0},
		{[]float64{1, 1, 1}, []float64{1, 1, 1}, 1, 0},
	}
	for _, tt := range tests {
		w, ok := MannWhitneyU(Order(tt.a), Order(tt.b))
		if !ok || math.Abs(w.P-tt.p) > 1e-12 || math.Abs(w.Delta-tt.delta) > 1e-12 {
			t.Errorf("%v, %v: %+v, want p = %v, delta = %v", tt.a, tt.b, w, tt.p, tt.delta)
		}
	}
	if _, ok := MannWhitneyU(Ordered{}, Order([]float64{1})); ok {
		t.Error("nothing was compared")
	}
}

func TestRankLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Map(rapid.IntRange(-50, 50), func(i int) float64 { return float64(i) / 4 }), 1, 30)
		x, y := values.Draw(t, "a"), values.Draw(t, "b")
		a, b := Order(x), Order(y)
		w, _ := MannWhitneyU(a, b)
		back, _ := MannWhitneyU(b, a)
		if w.P != back.P || w.Delta != -back.Delta || w.P < 0 || w.P > 1 {
			t.Fatalf("%+v and swapped %+v", w, back)
		}
		var all []float64
		var delta float64
		for _, u := range x {
			for _, v := range y {
				all = append(all, u-v)
				if u > v {
					delta++
				} else if u < v {
					delta--
				}
			}
		}
		if d := delta / float64(len(all)); math.Abs(d-w.Delta) > 1e-12 {
			t.Fatalf("delta %v, counted %v", w.Delta, d)
		}
		slices.Sort(all)
		s, _ := ShiftOf(a, b, 0.95)
		want := (all[(len(all)-1)/2] + all[len(all)/2]) / 2
		if math.Abs(s.Value-want) > 1e-9 || s.Value < s.Lo-1e-9 || s.Value > s.Hi+1e-9 {
			t.Fatalf("shift %v, of a list %v", s, want)
		}
	})
}

func TestHolm(t *testing.T) {
	got := Holm([]float64{0.01, 0.04, 0.03, 0.005})
	for i, want := range []float64{0.03, 0.06, 0.06, 0.02} {
		if math.Abs(got[i]-want) > 1e-12 {
			t.Errorf("adjusted %v, want %v", got[i], want)
		}
	}
}

func TestSamplesNeeded(t *testing.T) {
	// Twice too wide wants four times as many.
	r := Ratio{Value: 1.1, Interval: Interval{1.1 / math.Pow(1.1, 2), 1.1 * math.Pow(1.1, 2)}}
	if n := SamplesNeeded(r, 50, 0.05); n < 199 || n > 201 {
		t.Errorf("needed %d", n)
	}
	if n := SamplesNeeded(Ratio{Value: 1, Interval: Unbounded()}, 50, 0.05); n != 0 {
		t.Errorf("needed %d", n)
	}
}
