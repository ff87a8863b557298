package plan

import (
	"math"
	"testing"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/price"
)

func functions(names ...string) []Function {
	var list []Function
	for _, name := range names {
		list = append(list, Function{
			Config: coldstart.Config{Variant: name, MemoryMB: 1024, Arch: "amd64"},
			Name:   "p-" + name, Timeout: 3 * time.Second, Capacity: 10, Updated: true,
		})
	}
	return list
}

func TestEffort(t *testing.T) {
	for _, c := range []struct {
		p    Plan
		want Effort
	}{
		{Plan{Runs: 50, Strategy: "config-update", Parallel: 4}, Effort{102, 2, 250 * time.Second}},
		{Plan{Runs: 50, Strategy: "config-update", Parallel: 1}, Effort{102, 2, 500 * time.Second}},
		{Plan{Runs: 50, Strategy: "code-update", Parallel: 4, Redeploy: 10}, Effort{126, 2, 550 * time.Second}},
		{Plan{Runs: 50, Strategy: "burst", Parallel: 4, Burst: 50}, Effort{12, 2, 25 * time.Second}}, // five bursts of ten each
		{Plan{Runs: 3, Strategy: "idle", Parallel: 4, Idle: Seconds{time.Minute}}, Effort{0, 2, 3 * time.Minute}},
	} {
		if got := c.p.Effort(functions("a", "b")); got != c.want {
			t.Errorf("%+v: %+v, want %+v", c.p, got, c.want)
		}
	}
	alias := functions("a")
	alias[0].Updated = false
	if got := (Plan{Runs: 50, Strategy: "burst", Parallel: 4, Burst: 50}).Effort(alias); got.Updates != 0 {
		t.Errorf("bursts of an alias update nothing: %+v", got)
	}
}

// An earlier run on AWS says better than a guess what an invocation is billed.
func TestCost(t *testing.T) {
	x := NewExperience("the-run", "config-update")
	cold, warm := 120.0, 3.0
	x.Add(&coldstart.Sample{Config: coldstart.Config{Variant: "a"}, Metrics: coldstart.Metrics{InitDurationMs: &cold, BilledDurationMs: &cold}})
	x.Add(&coldstart.Sample{Config: coldstart.Config{Variant: "a"}, Metrics: coldstart.Metrics{BilledDurationMs: &warm}})
	const second, request = 0.0000166667, 0.0000002 // of 1 GB
	for _, c := range []struct {
		p    Plan
		of   string
		want float64
	}{
		{Plan{Runs: 100}, "a", 100 * (0.12*second + request)},
		{Plan{Runs: 100, WarmRuns: 2}, "a", 100*(0.12*second+request) + 200*(0.003*second+request)},
		{Plan{Runs: 100, WarmRuns: 2}, "b", 100*(2*second+request) + 200*(0.2*second+request)},
		{Plan{Runs: 100, Redeploy: 10}, "a", 100*(0.12*second+request) + 10*(2*second+request)},
	} {
		got, err := c.p.Cost(functions(c.of), price.Default(), "us-east-1", x)
		if err != nil || math.Abs(got-c.want) > 1e-6 {
			t.Errorf("%+v of %s: %g USD, %v, want %g", c.p, c.of, got, err, c.want)
		}
	}
	if cost, err := (Plan{Runs: 1}).Cost(functions("a"), price.Default(), "xx-nowhere-1", x); err == nil || !math.IsNaN(cost) {
		t.Errorf("%g USD in a region without prices", cost)
	}
}
