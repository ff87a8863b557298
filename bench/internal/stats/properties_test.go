package stats

import (
	"bufio"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
)

// repetitions is how many runs of a cell are simulated: 300, or what
// BENCH_CHECK_STATS says.
func repetitions(t *testing.T) int {
	s := os.Getenv("BENCH_CHECK_STATS")
	if s == "" {
		return 300
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 300 {
		t.Fatalf("BENCH_CHECK_STATS=%q: a number of at least 300", s)
	}
	return n
}

// sizes are the n of the cells: to 100, or to 500 in make check-stats.
func sizes() []int {
	if os.Getenv("BENCH_CHECK_STATS") != "" {
		return []int{6, 10, 15, 20, 36, 50, 100, 200, 500}
	}
	return []int{6, 10, 20, 50, 100}
}

type population struct {
	name string
	draw func(*rand.Rand) float64
	// truth is the quantile of the population.
	truth func(q float64) float64
}

// populations to draw from: made up ones, those with ties, and real ones.
func populations(t *testing.T) []population {
	lognormal := population{"lognormal", func(r *rand.Rand) float64 { return 4 * math.Exp(0.25*r.NormFloat64()) }, func(q float64) float64 { return 4 * math.Exp(0.25*probit(q)) }}
	heavy := population{"heavy tailed", func(r *rand.Rand) float64 { return 4 * math.Pow(1-r.Float64(), -1/1.5) }, func(q float64) float64 { return 4 * math.Pow(1-q, -1/1.5) }}
	modes := func(v float64) float64 { // distribution function of two modes
		cdf := func(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }
		return 0.9*cdf(math.Log(v/4)/0.1) + 0.1*cdf(math.Log(v/12)/0.1)
	}
	bimodal := population{"bimodal", func(r *rand.Rand) float64 {
		v := 4 * math.Exp(0.1*r.NormFloat64())
		if r.Float64() < 0.1 {
			v *= 3
		}
		return v
	}, func(q float64) float64 {
		lo, hi := 1.0, 100.0
		for range 100 {
			if mid := (lo + hi) / 2; modes(mid) < q {
				lo = mid
			} else {
				hi = mid
			}
		}
		return lo
	}}
	list := []population{lognormal, bimodal, heavy}
	for _, step := range []float64{0.01, 1} {
		list = append(list, population{"lognormal in steps of " + strconv.FormatFloat(step, 'g', -1, 64),
			func(r *rand.Rand) float64 { return math.Round(lognormal.draw(r)/step) * step },
			func(q float64) float64 { return math.Round(lognormal.truth(q)/step) * step }})
	}
	return append(list, published(t)...)
}

// published are Init Durations seen on AWS; a run draws from them with
// replacement.
func published(t *testing.T) []population {
	f, err := os.Open("testdata/lambda-perf.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []population
	for in := bufio.NewScanner(f); in.Scan(); {
		fields := strings.Split(in.Text(), ",")
		if len(fields) != 5 || fields[0] == "base" || strings.HasPrefix(fields[0], "#") {
			continue
		}
		var x []float64
		for _, s := range strings.Fields(fields[4]) {
			v, err := strconv.ParseFloat(s, 64)
			if err != nil {
				t.Fatal(err)
			}
			x = append(x, v)
		}
		o := Order(x)
		list = append(list, population{strings.Join(fields[:4], " "),
			func(r *rand.Rand) float64 { return x[r.IntN(len(x))] },
			func(q float64) float64 { return o.x[int(math.Ceil(q*float64(len(o.x))))-1] }})
	}
	if len(list) < 4 {
		t.Fatalf("%d published populations", len(list))
	}
	return list
}

func TestCoverage(t *testing.T) {
	repetitions := repetitions(t)
	for _, p := range populations(t) {
		for _, n := range sizes() {
			r := rand.New(rand.NewPCG(1, uint64(n)))
			var quantile [2]int
			var ratio, alarms [2]int
			for range repetitions {
				a, b := Order(draw(r, p.draw, n)), Order(draw(r, p.draw, n))
				for i, q := range []float64{0.5, 0.9} {
					if iv, truth := a.Interval(q, 0.95), p.truth(q); iv.Lo <= truth && truth <= iv.Hi {
						quantile[i]++
					}
					got, _ := RatioOf(a, b, q, 0.95)
					if got.Lo <= 1 && 1 <= got.Hi {
						ratio[i]++
					}
					if v, _ := Judge(got, 0.05); v == Less || v == Greater {
						alarms[i]++
					}
				}
			}
			for i, q := range []float64{0.5, 0.9} {
				if share := float64(quantile[i]) / float64(repetitions); share < floor(0.95, repetitions) {
					t.Errorf("%s, n = %d, q = %v: interval covers %.3f", p.name, n, q, share)
				}
				share := float64(ratio[i]) / float64(repetitions)
				if n >= 10 && share < floor(0.94, repetitions) {
					t.Errorf("%s, n = %d, q = %v: interval of the ratio covers %.3f", p.name, n, q, share)
				}
				most := 0.05 + 3*math.Sqrt(0.05*0.95/float64(repetitions))
				if share := float64(alarms[i]) / float64(repetitions); share > most {
					t.Errorf("%s, n = %d, q = %v: false alarms in %.3f", p.name, n, q, share)
				}
			}
		}
	}
}

// TestWarmCoverage draws invocations of environments that differ from one
// another by once and twice what invocations within differ by: intervals over
// one value an environment cover, those over all invocations do not.
func TestWarmCoverage(t *testing.T) {
	const environments, invocations = 30, 5
	repetitions := repetitions(t)
	for _, between := range []float64{1, 2} {
		r := rand.New(rand.NewPCG(9, uint64(between)))
		units, pooled := 0, 0
		for range repetitions {
			var one, all []float64
			for range environments {
				level := between * 0.1 * r.NormFloat64()
				x := draw(r, func(r *rand.Rand) float64 { return math.Exp(level + 0.1*r.NormFloat64()) }, invocations)
				m, _ := Order(x).Median()
				one, all = append(one, m), append(all, x...)
			}
			if iv := Order(one).Interval(0.5, 0.95); iv.Lo <= 1 && 1 <= iv.Hi {
				units++
			}
			if iv := Order(all).Interval(0.5, 0.95); iv.Lo <= 1 && 1 <= iv.Hi {
				pooled++
			}
		}
		if share := float64(units) / float64(repetitions); share < floor(0.95, repetitions) {
			t.Errorf("between %v times within: covers %.3f", between, share)
		}
		if share := float64(pooled) / float64(repetitions); share > 0.92 {
			t.Errorf("pooled invocations cover %.3f: this test shows nothing", share)
		}
	}
}

// TestPower asks that a difference of 20 % between 50 and 50 values with a
// log-spread of 0.25 is seen.
func TestPower(t *testing.T) {
	repetitions := repetitions(t)
	r := rand.New(rand.NewPCG(5, 5))
	greater, significant := 0, 0
	for range repetitions {
		a := Order(draw(r, func(r *rand.Rand) float64 { return 1.2 * math.Exp(0.25*r.NormFloat64()) }, 50))
		b := Order(draw(r, func(r *rand.Rand) float64 { return math.Exp(0.25 * r.NormFloat64()) }, 50))
		ratio, _ := RatioOf(a, b, 0.5, 0.95)
		if v, _ := Judge(ratio, 0.05); v == Greater {
			greater++
		}
		if w, _ := MannWhitneyU(a, b); w.P < 0.05 {
			significant++
		}
	}
	word, p := float64(greater)/float64(repetitions), float64(significant)/float64(repetitions)
	t.Logf("the word in %.3f, p < .05 in %.3f", word, p)
	if word < floor(0.78, repetitions) || p < floor(0.90, repetitions) {
		t.Errorf("a 20 %% difference gets the word in %.3f and p < .05 in %.3f", word, p)
	}
}
