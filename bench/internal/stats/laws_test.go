package stats

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestLaws: what summarizes and compares values depends neither on their order
// nor on their unit, changes none of them, and says the same again.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		positive := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(0.01, 1e4), rapid.Map(rapid.IntRange(1, 5), func(i int) float64 { return float64(i) })), 1, 40)
		x, y := positive.Draw(t, "x"), positive.Draw(t, "y")
		px, py := rapid.Permutation(x).Draw(t, "px"), rapid.Permutation(y).Draw(t, "py")
		twice := func(v []float64) []float64 {
			w := slices.Clone(v)
			for i := range w {
				w[i] *= 2
			}
			return w
		}
		type answers struct {
			ratio, tail Ratio
			shift       Shift
			test        MannWhitney
			mad, lo, hi float64
			modes       bool
		}
		ask := func(x, y []float64) (a answers) {
			before := slices.Clone(x)
			a.ratio, _ = RatioOf(Order(x), Order(y), 0.5, 0.95)
			a.tail, _ = RatioOf(Order(x), Order(y), 0.9, 0.95)
			a.shift, _ = ShiftOf(Order(x), Order(y), 0.95)
			a.test, _ = MannWhitneyU(Order(x), Order(y))
			a.mad, _ = Order(x).MAD()
			a.lo, a.hi, a.modes = Order(x).TwoModes()
			Trend(x)
			Outliers(x)
			Holm(x)
			if !slices.Equal(x, before) {
				t.Fatal("an argument was changed")
			}
			return a
		}
		want := ask(x, y)
		if got := ask(px, py); got != want {
			t.Fatalf("depends on the order: %+v, %+v", got, want)
		}
		if again := ask(x, y); again != want {
			t.Fatalf("says another thing again: %+v, %+v", again, want)
		}
		double := ask(twice(x), twice(y))
		want.shift = Shift{2 * want.shift.Value, Interval{2 * want.shift.Lo, 2 * want.shift.Hi}}
		want.mad, want.lo, want.hi = 2*want.mad, 2*want.lo, 2*want.hi
		if double != want {
			t.Fatalf("twice the values: %+v, want %+v", double, want)
		}
		if a, b := len(Outliers(x)), len(Outliers(twice(x))); a != b {
			t.Fatalf("%d outliers, of the doubled values %d", a, b)
		}
		back, _ := ShiftOf(Order(y), Order(x), 0.95)
		one, _ := ShiftOf(Order(x), Order(y), 0.95)
		if relativeOr(back.Value, -one.Value) > 1e-9 {
			t.Fatalf("swapping the sides does not turn the shift: %v, %v", one, back)
		}
	})
}

func relativeOr(a, b float64) float64 {
	if d := a - b; d < 1e-9 && d > -1e-9 {
		return 0
	}
	return relative(a, b)
}
