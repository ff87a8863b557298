package analysis

import (
	"bufio"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/runfile"
)

// repetitions is how many families of comparisons a test simulates: few, or as
// many as BENCH_CHECK_STATS says (make check-stats).
func repetitions(few int) int {
	if n, err := strconv.Atoi(os.Getenv("BENCH_CHECK_STATS")); err == nil {
		return n
	}
	return few
}

// alarms makes families of comparisons in which nothing changed but the images'
// IDs, and fails where a gate at 0 % trips in more than 5 % of them.
func alarms(t *testing.T, name string, repetitions int, family func(how CompareOptions) (*Comparison, error)) {
	t.Helper()
	gate, tripped := 0.0, 0
	for range repetitions {
		c, err := family(CompareOptions{FailOver: &gate})
		if err != nil {
			t.Fatal(err)
		}
		if c.Gate.Judged == 0 {
			t.Fatalf("%s: nothing was judged", name)
		}
		if c.Gate.Tripped > 0 {
			tripped++
		}
	}
	most := 0.05 + 3*math.Sqrt(0.05*0.95/float64(repetitions))
	share := float64(tripped) / float64(repetitions)
	t.Logf("%s: tripped in %.3f of %d", name, share, repetitions)
	if share > most {
		t.Errorf("%s: tripped in %.3f, more than %.3f", name, share, most)
	}
}

// TestFalseAlarms compares two halves of one distribution, the host drifting by
// 10 % between them.
func TestFalseAlarms(t *testing.T) {
	for _, controls := range []int{1, 2} {
		for _, n := range []int{20, 50} {
			r := rand.New(rand.NewPCG(3, uint64(n)))
			variants := []string{"a", "b", "c", "d"}
			drift := map[string]float64{"a": 1.1, "b": 1.1, "c": 1.1, "d": 1.1}
			alarms(t, fmt.Sprintf("%d controls, n = %d", controls, n), repetitions(200), func(how CompareOptions) (*Comparison, error) {
				base, now := taken(r, "base", n, nil, variants...), taken(r, "now", n, drift, variants...)
				for _, v := range variants[controls:] {
					change(now, v)
				}
				return Compare(base, now, how)
			})
		}
	}
}

// TestFalseAlarmsOfPublished compares random halves of cold starts that were seen
// on AWS: two runs with a control, and one run that measured both images.
func TestFalseAlarmsOfPublished(t *testing.T) {
	published := publishedColdStarts(t)
	var variants []string
	for i := range published {
		variants = append(variants, fmt.Sprint("series ", i))
	}
	for _, n := range []int{20, 50, 150} {
		r := rand.New(rand.NewPCG(5, uint64(n)))
		// halves fills two runs with n values of each series, or one run with the
		// values of both images.
		halves := func(base, now *runfile.Run, suffix string) {
			for i, x := range published {
				order := r.Perm(len(x))
				for k := range n {
					cold(base, variants[i]+suffix, coldstart.ClassCold, x[order[k]], 1)
					cold(now, variants[i], coldstart.ClassCold, x[order[len(x)-1-k]], 1)
				}
			}
		}
		alarms(t, fmt.Sprintf("published, two runs, n = %d", n), repetitions(50), func(how CompareOptions) (*Comparison, error) {
			base, now := newRun(variants...), newRun(variants...)
			halves(base, now, "")
			for _, v := range variants[1:] {
				change(now, v)
			}
			return Compare(base, now, how)
		})
		alarms(t, fmt.Sprintf("published, in turns, n = %d", n), repetitions(50), func(how CompareOptions) (*Comparison, error) {
			run := newRun(variants...)
			run.Header.Plan.Against = "base"
			for _, v := range variants {
				c := run.Header.Configs[0]
				c.Variant, c.Before = runfile.NameBefore(v), v
				run.Header.Configs = append(run.Header.Configs, c)
			}
			halves(run, run, "@before")
			return CompareBefore(run, how)
		})
	}
}

// TestFalseAlarmsOfBursts compares runs whose cold starts are alike within a burst.
func TestFalseAlarmsOfBursts(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	const bursts, each = 10, 10
	burst := func() *runfile.Run {
		run := newRun("a", "b", "c")
		run.Header.Plan.Burst, run.Header.Plan.Runs = each, bursts*each
		for i := range bursts {
			for _, v := range []string{"a", "b", "c"} {
				common := math.Exp(0.3 * r.NormFloat64())
				for k := range each {
					cold(run, v, coldstart.ClassCold, 50*common*math.Exp(0.1*r.NormFloat64()), 1)
					run.Samples[len(run.Samples)-1].Round = i*each + k + 1
				}
			}
		}
		return run
	}
	alarms(t, "bursts", repetitions(60), func(how CompareOptions) (*Comparison, error) {
		base, now := burst(), burst()
		change(now, "b")
		change(now, "c")
		how.Metrics = []string{"cold.total"}
		return Compare(base, now, how)
	})
}

// publishedColdStarts are the Init Durations that package stats tests with.
func publishedColdStarts(t *testing.T) [][]float64 {
	f, err := os.Open("../stats/testdata/lambda-perf.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list [][]float64
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
		list = append(list, x)
	}
	if len(list) < 4 {
		t.Fatalf("%d series", len(list))
	}
	return list
}
