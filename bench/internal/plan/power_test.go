package plan

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/stats"
)

func known(variant string) coldstart.Config {
	return coldstart.Config{Variant: variant, MemoryMB: 512, Arch: "amd64"}
}

// experience is of 21 environments each of a and b, whose median is 10 ms.
func experience(spread float64) *Experience {
	x := NewExperience("the-run", "new-sandbox")
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	take := func(s coldstart.Sample, total float64) {
		at = at.Add(time.Second)
		s.At, s.Metrics.DurationMs = at, &total
		x.Add(&s)
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
	return x
}

// What a plan is said to show follows from the class and strategy asked for, an
// environment counted once.
func TestExperienceCountsEnvironments(t *testing.T) {
	x := experience(0.02)
	for _, class := range []coldstart.Class{coldstart.ClassCold, coldstart.ClassWarm} {
		values := x.values(known("b"), class)
		if m, _ := values.Median(); m != 10 || values.N() != 21 {
			t.Errorf("%s: the median of %d is %g, want 10 of 21", class, values.N(), m)
		}
	}
	if took := x.Pace(2 * 21 * 7); took < 4*time.Minute || took > 6*time.Minute {
		t.Errorf("as many again take %s", took)
	}
	if took := new(Experience).Pace(100); took != 0 {
		t.Errorf("without a run: %s", took)
	}
}

func TestPower(t *testing.T) {
	x := experience(0.02)
	p := Plan{Runs: 50, WarmRuns: 2}
	values := x.values(known("a"), coldstart.ClassCold)
	times, _ := stats.Detectable(values, values, 50, 0.95, 0.8)
	width, _ := values.HalfWidth(50, 0.95)
	share := percent(times - 1)
	alone := p.Contrasts([]coldstart.Config{known("a")})
	for _, c := range []struct {
		p         Plan
		x         *Experience
		contrasts []Contrast
		want      string
	}{
		{p, x, p.Contrasts([]coldstart.Config{known("a"), known("b")}), "b: a difference from a, 4 times of 5, of " + share + " or more cold, " + share + " or more warm\n"},
		{p, x, Plan{Baseline: "b"}.Contrasts([]coldstart.Config{known("a"), known("b")}), "a: a difference from b, 4 times of 5, of " + share},
		{p, x, WithItself([]coldstart.Config{known("a")}, "what it was before"), "a: a difference from what it was before, 4 times of 5, of " + share},
		{p, x, alone, "a: to within about " + percent(width) + " cold, " + percent(width) + " warm\n"},
		{Plan{Runs: 50, WarmRuns: 2, Only: "cold"}, x, alone, percent(width) + " cold\n"},
		{Plan{Runs: 50, WarmRuns: 2, Only: "warm"}, x, alone, "about " + percent(width) + " warm\n"},
		{Plan{Runs: 50, WarmRuns: 1, Only: "warm"}, x, alone, "not known"},
		{p, x, p.Contrasts([]coldstart.Config{known("a"), known("new")}), "new, against a: not known"},
		{Plan{Runs: 5}, x, nil, "an interval needs 6 cold starts"},
		{p, &Experience{}, alone, "no earlier run"},
	} {
		if text := c.p.Power(c.x, c.contrasts); !strings.Contains(text, c.want) {
			t.Errorf("%q is not in\n%s", c.want, text)
		}
	}
}

// A config is compared with the baseline of its own size and architecture.
func TestContrasts(t *testing.T) {
	var configs []coldstart.Config
	for _, v := range []string{"a", "b"} {
		for _, size := range []int{128, 512} {
			configs = append(configs, coldstart.Config{Variant: v, MemoryMB: size, Arch: "amd64"})
		}
	}
	got := Plan{Baseline: "b"}.Contrasts(configs)
	if len(got) != 2 || got[0].Title != "a 128 MB" || got[0].From.Title != "b 128 MB" || got[1].From.Title != "b 512 MB" {
		t.Errorf("%+v", got)
	}
	if got := (Plan{}).Contrasts(nil); got != nil {
		t.Errorf("of nothing: %+v", got)
	}
}

func TestNames(t *testing.T) {
	got := Names([]coldstart.Config{{Variant: "a", MemoryMB: 128, Arch: "amd64"}, {Variant: "a", MemoryMB: 128, Arch: "arm64"}})
	if strings.Join(got, ", ") != "a amd64, a arm64" {
		t.Errorf("%q", got)
	}
}
