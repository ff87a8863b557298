package cli

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runfile"
	"coldbench/bench/internal/stats"
)

// TestForesight: what a plan is said to show follows from the newest run that
// fits, from its class and strategy alone, an environment counted once.
func TestForesight(t *testing.T) {
	runs := t.TempDir()
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	known := func(variant string) coldstart.Config {
		return coldstart.Config{Variant: variant, MemoryMB: 512, Arch: "amd64"}
	}
	write := func(engine string, spread float64) string {
		at = at.Add(time.Hour)
		h := runfile.Header{Backend: "local", Engine: engine, Plan: plan.Plan{Strategy: "new-sandbox"}}
		for _, v := range []string{"a", "b"} {
			h.Configs = append(h.Configs, runfile.Config{Variant: v, MemorySizeMB: 512, Arch: "amd64"})
		}
		w, err := runfile.CreateIn(runs, at, h)
		if err != nil {
			t.Fatal(err)
		}
		take := func(s coldstart.Sample, total float64) {
			at = at.Add(time.Second)
			s.At, s.Metrics.DurationMs = at, &total
			if err := w.Sample(s); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 21 {
			for _, v := range []string{"a", "b"} {
				zero, total := 0.0, 10*math.Exp(spread*float64(i-10))
				s := coldstart.Sample{Config: known(v), Round: i, Environment: fmt.Sprint(v, i), Start: coldstart.Cold, Class: coldstart.ClassCold, Strategy: "new-sandbox", Metrics: coldstart.Metrics{InitDurationMs: &zero}}
				take(s, total)
				other := s
				other.Strategy = "burst"
				take(other, 1e6)
				other.Strategy, other.Class = s.Strategy, coldstart.ClassFirstAfterDeploy
				take(other, 1e6)
				warm := s
				warm.Start, warm.Class, warm.Metrics.InitDurationMs = coldstart.Warm, coldstart.ClassWarm, nil
				for _, k := range []float64{0.5, 1, 50} { // their median is the middle one
					take(warm, k*total)
				}
				warm.Class = coldstart.ClassFirstWarm
				take(warm, 1e6)
			}
		}
		if err := w.End(at, runfile.StoppedPlan, nil); err != nil {
			t.Fatal(err)
		}
		return strings.TrimSuffix(filepath.Base(w.Path()), runfile.Ext)
	}
	x, err := experienced(runs, func(runfile.Header) bool { return true })
	if err != nil || x.run != "" || !strings.Contains(x.foresee(measure{measureFlags: measureFlags{runs: 50}}, nil), "no earlier run") {
		t.Fatalf("of nothing: %+v, %v", x, err)
	}
	id := write("sandbox", 0.02)
	write("docker", 0.2)
	x, err = experienced(runs, func(h runfile.Header) bool { return h.Engine == "sandbox" })
	if err != nil || x.run != id || x.cold[known("a")].N() != 21 || x.warm[known("a")].N() != 21 {
		t.Fatalf("%+v, %v", x, err)
	}
	for _, of := range []map[coldstart.Config]stats.Ordered{x.cold, x.warm} {
		if m, _ := of[known("b")].Median(); m != 10 {
			t.Errorf("the median is %g, want 10", m)
		}
	}
	if took := x.pace(len(x.cold) * 21 * 7); took < 4*time.Minute || took > 6*time.Minute {
		t.Errorf("as many again take %s", took)
	}

	m := measure{measureFlags: measureFlags{runs: 50, warmRuns: 2}}
	times, _ := stats.Detectable(x.cold[known("a")], x.cold[known("b")], 50, 0.95, 0.8)
	width, _ := x.cold[known("a")].HalfWidth(50, 0.95)
	share := percent(times - 1)
	for _, c := range []struct {
		m       measure
		configs []planned
		want    string
	}{
		{m, compared([]planned{{known: known("a")}, {known: known("b")}}, ""), "b: a difference from a, 4 times of 5, of " + share + " or more cold, " + share + " or more warm\n"},
		{m, compared([]planned{{known: known("a")}, {known: known("b")}}, "b"), "a: a difference from b, 4 times of 5, of " + share},
		{m, compared([]planned{{known: known("a")}}, ""), "a: to within about " + percent(width) + " cold, " + percent(width) + " warm\n"},
		{measure{measureFlags: measureFlags{runs: 50, cold: true}}, compared([]planned{{known: known("a")}}, ""), percent(width) + " cold\n"},
		{measure{measureFlags: measureFlags{runs: 50, warmRuns: 2, warm: true}}, compared([]planned{{known: known("a")}}, ""), "about " + percent(width) + " warm\n"},
		{measure{measureFlags: measureFlags{runs: 50, warmRuns: 1, warm: true}}, compared([]planned{{known: known("a")}}, ""), "not known"},
		{m, compared([]planned{{known: known("a")}, {known: known("new")}}, ""), "new, against a: not known"},
		{measure{measureFlags: measureFlags{runs: 5}}, nil, "an interval needs 6 cold starts"},
	} {
		if text := x.foresee(c.m, c.configs); !strings.Contains(text, c.want) {
			t.Errorf("%q is not in\n%s", c.want, text)
		}
	}
}

// A config is compared with the baseline of its own size and architecture.
func TestComparedByPlan(t *testing.T) {
	var configs []planned
	for _, v := range []string{"a", "b"} {
		for _, size := range []int{128, 512} {
			configs = append(configs, planned{known: coldstart.Config{Variant: v, MemoryMB: size, Arch: "amd64"}})
		}
	}
	got := compared(configs, "b")
	if len(got) != 2 || got[0].title != "a 128 MB" || got[0].from.title != "b 128 MB" || got[1].from.title != "b 512 MB" {
		t.Errorf("%+v", got)
	}
}
