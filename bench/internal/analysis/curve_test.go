package analysis

import (
	"math"
	"slices"
	"strings"
	"testing"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/runfile"
)

// redeployed makes a run of k deployments, each followed by n cold starts; value
// says how long the one at a position of a deployment took, in milliseconds.
func redeployed(k, n int, value func(deployment, position int) float64) *runfile.Run {
	run := newRun("a")
	run.Header.Backend, run.Header.Engine = "aws", "eu-west-1"
	run.Header.Plan.Runs, run.Header.Plan.Redeploy, run.Header.Plan.Strategy = k*n, k, "code-update"
	for d := 1; d <= k; d++ {
		for p := 0; p <= n; p++ {
			class, strategy := coldstart.ClassCold, "config-update"
			if p == 0 {
				class, strategy = coldstart.ClassFirstAfterDeploy, "code-update"
			}
			cold(run, "a", class, value(d, p)-1, 1)
			s := &run.Samples[len(run.Samples)-1]
			s.Strategy, s.Deployment = strategy, &coldstart.Deployment{Number: d, Position: p}
		}
	}
	return run
}

// The cold starts of a column are put in their order after the deployments; the
// first ones are among no others, and none is left out for its strategy.
func TestCurve(t *testing.T) {
	run := redeployed(7, 3, func(d, p int) float64 { return []float64{1000, 60, 50, 40}[p] + float64(d) })
	s := section(run)
	if len(s.Curves) != 1 || len(s.Curves[0].Points) != 4 {
		t.Fatalf("curves %+v", s.Curves)
	}
	c := s.Curves[0]
	for i, want := range []float64{1004, 64, 54, 44} {
		p := c.Points[i]
		if p.From != i || p.To != i || p.N != 7 || p.Total.Value == nil || *p.Total.Value != want || *p.Init.Value != want-1 || *p.Total.Low != want-3 || *p.Total.High != want+3 {
			t.Errorf("point %d: %+v", i, p)
		}
	}
	// 21 later ones, of which 54 is the one in the middle.
	if c.Later != 21 || c.Again != 0 || c.Factor.Value == nil || math.Abs(*c.Factor.Value-1004.0/54) > 1e-9 || !c.Factor.Bounded() || *c.Factor.Low < 15 || *c.Factor.High > 27 {
		t.Errorf("factor %+v of %d later ones", c.Factor, c.Later)
	}
	if l, ok := line(s, "total", "cold", 0); !ok || l.N != 21 {
		t.Errorf("the cold row holds %d", l.N)
	}
	if len(s.Deploy) != 7 {
		t.Errorf("%d first cold starts", len(s.Deploy))
	}
	for _, w := range s.Warnings {
		if strings.Contains(w, "left out") {
			t.Error(w)
		}
	}
	if !slices.ContainsFunc(s.Notes, func(n string) bool { return strings.Contains(n, "follow 7 deployments of each config") }) {
		t.Errorf("notes %q", s.Notes)
	}
	if !strings.Contains(s.Command, "--redeploy 7") || strings.Contains(s.Command, "--strategy") {
		t.Errorf("command %s", s.Command)
	}
	first := 0
	for _, x := range s.Series {
		if x.Class == string(coldstart.ClassFirstAfterDeploy) {
			first = len(x.TotalMs)
		}
	}
	if first != 7 {
		t.Errorf("%d first cold starts for plots", first)
	}
}

// What was not forced as its class is in such a run is another strategy's; an
// init inside the invocation is no point; what has no number is none.
func TestCurveLeavesOut(t *testing.T) {
	run := redeployed(2, 4, func(d, p int) float64 { return 10 })
	at := func(d, p int) *coldstart.Sample { return &run.Samples[(d-1)*5+p] }
	at(1, 1).Strategy = "burst"
	at(1, 2).Class, at(1, 2).Metrics.InitDurationMs = coldstart.ClassSuppressedInit, nil
	at(1, 3).Metrics.DurationMs = nil
	at(1, 4).Deployment.Again = true
	at(2, 0).Class, at(2, 0).Metrics.InitDurationMs = coldstart.ClassSuppressedInit, nil
	at(2, 3).Deployment.Again = true
	at(2, 4).Deployment.Again = true
	s := section(run)
	c := s.Curves[0]
	var n []int
	for _, p := range c.Points {
		n = append(n, p.N)
	}
	if want := []int{1, 1, 1, 0}; !slices.Equal(n, want) || c.Later != 2 || c.Again != 3 {
		t.Errorf("n %v, %d later, %d again; want %v", n, c.Later, c.Again, want)
	}
	if v := c.Points[3].Total.Value; v != nil {
		t.Errorf("a point without a cold start has %v", *v)
	}
	if c.Factor.Value == nil || c.Factor.Bounded() {
		t.Errorf("factor %+v", c.Factor)
	}
	text := strings.Join(append(s.Notes, s.Warnings...), "\n")
	for _, want := range []string{"3 cold starts that the run took when it was resumed", "interval from 6 deployments on", `1 cold start forced by "burst"`, "1 first cold start after a deployment ran the init inside the invocation, left out"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	// They are cold starts all the same.
	if l, _ := line(s, "total", "cold", 0); l.N != 2+3 {
		t.Errorf("the cold row holds %d", l.N)
	}
}

// A long curve ends in one point for all the rest, however far it goes.
func TestLongCurve(t *testing.T) {
	run := redeployed(1, 14, func(d, p int) float64 { return 10 + float64(p) })
	run.Samples[14].Deployment.Position = math.MaxInt
	points := section(run).Curves[0].Points
	if len(points) != 12 {
		t.Fatalf("%d points", len(points))
	}
	if last := points[11]; last.From != 11 || last.To != math.MaxInt32 || last.N != 4 || *last.Total.Value != 22.5 {
		t.Errorf("%+v", last)
	}
}

func TestNoCurve(t *testing.T) {
	run := newRun("a", "b")
	cold(run, "a", coldstart.ClassFirstAfterDeploy, 9, 1)
	cold(run, "a", coldstart.ClassCold, 9, 1)
	if s := section(run); s.Curves == nil || len(s.Curves) != 0 || len(s.Deploy) != 1 || slices.ContainsFunc(s.Series, func(x Series) bool { return x.Class == "first-after-deploy" }) {
		t.Errorf("%+v", s.Curves)
	}
	warm := redeployed(2, 2, func(int, int) float64 { return 10 })
	warm.Header.Plan.Only = "warm"
	if s := section(warm); len(s.Curves) != 0 {
		t.Errorf("%+v", s.Curves)
	}
	none := redeployed(2, 2, func(int, int) float64 { return 10 })
	none.Samples = nil
	if s := section(none); len(s.Curves) != 0 {
		t.Errorf("%+v", s.Curves)
	}
}

// Two runs that deploy images are compared by the cold starts after them.
func TestCompareRedeployed(t *testing.T) {
	was := redeployed(7, 3, func(d, p int) float64 { return 50 + float64(d+p) })
	is := redeployed(7, 3, func(d, p int) float64 { return 100 + float64(d+p) })
	c, err := Compare(was, is, CompareOptions{})
	if err != nil || len(c.Lines) == 0 || c.Lines[0].Class != "cold" || c.Lines[0].NewN != 21 {
		t.Fatalf("%+v, %v", c, err)
	}
	other := newRun("a")
	other.Header.Backend, other.Header.Engine, other.Header.Plan.Strategy = "aws", "eu-west-1", "config-update"
	cold(other, "a", coldstart.ClassCold, 9, 1)
	if _, err := Compare(other, is, CompareOptions{}); err == nil {
		t.Error("cold starts after deployments are like any")
	}
}

// A cold start of no deployment, which a foreign file may hold, takes no place of
// the others.
func TestCurveWithoutADeployment(t *testing.T) {
	run := redeployed(2, 2, func(d, p int) float64 { return float64(10*d + p) })
	run.Samples[1].Deployment = nil
	c := section(run).Curves[0]
	if p := c.Points[1]; p.N != 1 || *p.Total.Value != 21 {
		t.Errorf("%+v", p)
	}
	if p := c.Points[2]; p.N != 2 || *p.Total.Value != 17 {
		t.Errorf("%+v", p)
	}
}

// The deployments of sessions are one curve.
func TestCurveOfSessions(t *testing.T) {
	one := redeployed(3, 2, func(d, p int) float64 { return float64(10*d + p) })
	two := redeployed(3, 2, func(d, p int) float64 { return float64(10*d + p + 100) })
	two.Header.ID, two.Header.Started = "r2", runfile.Stamp(start.AddDate(0, 0, 1))
	r := New([]Input{{Run: two}, {Run: one}})
	if len(r.Sections) != 1 || len(r.Sections[0].Curves) != 1 {
		t.Fatalf("%d sections", len(r.Sections))
	}
	c := r.Sections[0].Curves[0]
	for i, p := range c.Points {
		if want := float64(30+110)/2 + float64(i); p.N != 6 || *p.Total.Value != want {
			t.Errorf("point %d: %d, %v, want 6, %v", i, p.N, *p.Total.Value, want)
		}
	}
	if !c.Factor.Bounded() || c.Later != 12 {
		t.Errorf("%+v of %d later ones", c.Factor, c.Later)
	}
	if notes := strings.Join(r.Sections[0].Notes, "\n"); !strings.Contains(notes, "follow 6 deployments") {
		t.Errorf("notes %s", notes)
	}
}
