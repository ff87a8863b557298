package stats

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestStudentT(t *testing.T) {
	for _, tt := range []struct {
		freedom int
		want    float64 // R: qt(0.975, freedom)
	}{{1, 12.7062}, {2, 4.30265}, {3, 3.18245}, {4, 2.77645}, {9, 2.26216}, {10, 2.22814}, {30, 2.04227}, {1000, 1.96234}} {
		if got := studentT(0.95, tt.freedom); math.Abs(got-tt.want) > 1e-4 {
			t.Errorf("t of %d degrees: %v, want %v", tt.freedom, got, tt.want)
		}
	}
}

func TestBeyondChiSquared(t *testing.T) {
	for _, tt := range []struct {
		freedom int
		x       float64
	}{{1, 3.84146}, {2, 5.99146}, {3, 7.81473}, {4, 9.48773}, {9, 16.91898}, {30, 43.77297}} {
		if got := beyondChiSquared(tt.x, tt.freedom); math.Abs(got-0.05) > 1e-5 {
			t.Errorf("beyond %v of %d degrees: %v, want 0.05", tt.x, tt.freedom, got)
		}
	}
}

func TestDiffer(t *testing.T) {
	// M. Hollander and D. A. Wolfe (1973), p. 116, as in R's kruskal.test.
	x := []float64{2.9, 3.0, 2.5, 2.6, 3.2, 3.8, 2.7, 4.0, 2.4, 2.8, 3.4, 3.7, 2.2, 2.0}
	of := []int32{0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2}
	if p := Group(x, of).Differ(); math.Abs(p-0.67996) > 1e-4 {
		t.Errorf("p = %v, want 0.67996", p)
	}
	// With ties, by hand: ranks 11 and 25, H = 4.0833 / 0.92857.
	if p := Group([]float64{1, 1, 2, 2, 2, 3, 3, 4}, []int32{0, 0, 0, 0, 1, 1, 1, 1}).Differ(); math.Abs(p-0.03599) > 1e-5 {
		t.Errorf("p = %v, want 0.03599", p)
	}
	for _, g := range []Groups{{}, Group([]float64{1, 2}, []int32{0, 0}), Group([]float64{1, 1, 1}, []int32{0, 1, 2})} {
		if p := g.Differ(); p != 1 {
			t.Errorf("p = %v of nothing that could differ", p)
		}
	}
}

func TestGroupLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		positive := rapid.Float64Range(0.01, 1e4)
		x := rapid.SliceOfN(positive, 1, 60).Draw(t, "x")
		y := rapid.SliceOfN(positive, len(x), len(x)).Draw(t, "y")
		of := rapid.SliceOfN(rapid.Int32Range(0, 7), len(x), len(x)).Draw(t, "groups")
		before := slices.Clone(x)
		q := rapid.SampledFrom([]float64{0.5, 0.9}).Draw(t, "q")
		a, b := Group(x, of), Group(y, of)
		if !slices.Equal(x, before) {
			t.Fatal("the argument was changed")
		}
		iv, plain := a.Interval(q, 0.95), Order(x).Interval(q, 0.95)
		if iv.Lo > plain.Lo || iv.Hi < plain.Hi {
			t.Fatalf("%v is narrower than %v, which ignores groups", iv, plain)
		}
		if a.N() < MinGroups && iv != plain {
			t.Fatalf("of %d groups: %v, want %v", a.N(), iv, plain)
		}
		order := rapid.Permutation(indexes(len(x))).Draw(t, "order")
		var px, doubled []float64
		var pof []int32
		for _, i := range order {
			px, pof, doubled = append(px, x[i]), append(pof, of[i]), append(doubled, 2*x[i])
		}
		if again := Group(px, pof).Interval(q, 0.95); again != iv {
			t.Fatalf("depends on the order: %v, %v", again, iv)
		}
		if d := Group(doubled, pof).Interval(q, 0.95); iv.Finite() && (relative(d.Lo, 2*iv.Lo) > 1e-9 || relative(d.Hi, 2*iv.Hi) > 1e-9) {
			t.Fatalf("interval of the doubled values %v, of the values %v", d, iv)
		}
		r, _ := GroupRatio(a, b, q, 0.95)
		back, _ := GroupRatio(b, a, q, 0.95)
		if r.Finite() && (relative(r.Lo, 1/back.Hi) > 1e-9 || relative(r.Hi, 1/back.Lo) > 1e-9) {
			t.Fatalf("swapping the sides does not invert: %v, %v", r, back)
		}
		// A draw of each group once is all values, in whatever order they lie.
		ones := make([]int32, len(a.size))
		for i := range ones {
			ones[i] = 1
		}
		want, _ := Order(x).Quantile(q)
		if got, _ := a.quantile(q, ones); got != want {
			t.Fatalf("the quantile of each group once is %v, of all values %v", got, want)
		}
		// And twice each is what a slice with every value twice has.
		for i := range ones {
			ones[i] = 2
		}
		want, _ = Order(append(slices.Clone(x), x...)).Quantile(q)
		if got, _ := a.quantile(q, ones); got != want {
			t.Fatalf("the quantile of each group twice is %v, of all values twice %v", got, want)
		}
	})
}

// TestGroupsBelowZero: what may be negative has an interval, too, and it moves
// with the values.
func TestGroupsBelowZero(t *testing.T) {
	var x, shifted []float64
	var of []int32
	r := rand.New(rand.NewPCG(2, 2))
	for g := range 5 {
		for range 10 {
			v := float64(g) - 2 + r.NormFloat64()
			x, shifted, of = append(x, v), append(shifted, v-100), append(of, int32(g))
		}
	}
	iv, down := Group(x, of).Interval(0.5, 0.95), Group(shifted, of).Interval(0.5, 0.95)
	if !iv.Finite() || iv.Lo > -1 || iv.Hi < 1 {
		t.Errorf("interval %v", iv)
	}
	if math.Abs(iv.Lo-100-down.Lo) > 1e-9 || math.Abs(iv.Hi-100-down.Hi) > 1e-9 {
		t.Errorf("interval %v, of values less 100 %v", iv, down)
	}
}

func indexes(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// TestGroupCoverage draws sessions that differ from one another, by nothing and
// by up to twice what environments within differ by, and asks whether intervals
// hold the quantile of all that might have been drawn; the ratio of two sides
// of the same sessions is 1, whether they move both alike or each on its own.
// Intervals that ignore sessions do not cover.
func TestGroupCoverage(t *testing.T) {
	repetitions := repetitions(t)
	betweens, sizes := []float64{1}, []int{3, 5}
	if os.Getenv("BENCH_CHECK_STATS") != "" {
		betweens, sizes = []float64{0, 0.5, 1, 2}, []int{3, 5, 10, 40}
	}
	const within, members = 0.2, 20
	for _, between := range betweens {
		for _, groups := range sizes {
			r := rand.New(rand.NewPCG(uint64(groups), uint64(100*between)))
			var covered, plain, ratio [2]float64
			own := 0.0
			for range repetitions {
				var x, y, z []float64
				var of []int32
				for g := range groups {
					level, another := between*within*r.NormFloat64(), between*within*r.NormFloat64()
					for range members {
						x = append(x, math.Exp(level+within*r.NormFloat64()))
						y = append(y, math.Exp(level+within*r.NormFloat64()))
						z = append(z, math.Exp(another+within*r.NormFloat64()))
						of = append(of, int32(g))
					}
				}
				a, b := Group(x, of), Group(y, of)
				if got, _ := GroupRatio(a, Group(z, of), 0.5, 0.95); got.Lo <= 1 && 1 <= got.Hi {
					own++
				}
				for i, q := range []float64{0.5, 0.9} {
					truth := math.Exp(math.Hypot(within, between*within) * probit(q))
					if iv := a.Interval(q, 0.95); iv.Lo <= truth && truth <= iv.Hi {
						covered[i]++
					}
					if iv := a.all.Interval(q, 0.95); iv.Lo <= truth && truth <= iv.Hi {
						plain[i]++
					}
					if got, _ := GroupRatio(a, b, q, 0.95); got.Lo <= 1 && 1 <= got.Hi {
						ratio[i]++
					}
				}
			}
			n := float64(repetitions)
			if own/n < floor(0.94, repetitions) {
				t.Errorf("between %v times within, %d groups: the ratio of medians that sessions move apart covers %.3f", between, groups, own/n)
			}
			for i, q := range []float64{0.5, 0.9} {
				t.Logf("between %v times within, %d groups, q = %v: covers %.3f, ratio %.3f; ignoring groups %.3f", between, groups, q, covered[i]/n, ratio[i]/n, plain[i]/n)
				if covered[i]/n < floor(0.94, repetitions) || ratio[i]/n < floor(0.95, repetitions) {
					t.Errorf("between %v times within, %d groups, q = %v: covers %.3f, the ratio %.3f", between, groups, q, covered[i]/n, ratio[i]/n)
				}
				if between >= 1 && plain[i]/n > 0.8 {
					t.Errorf("intervals that ignore groups cover %.3f: this test shows nothing", plain[i]/n)
				}
			}
		}
	}
}
