package analysis

import (
	"math/rand/v2"
	"testing"

	"coldbench/bench/internal/coldstart"
)

// TestSplitOfInit: init is taken apart where every environment tells when the
// function's own code began, and only there.
func TestSplitOfInit(t *testing.T) {
	run := taken(rand.New(rand.NewPCG(4, 4)), "r1", 0, nil, "steady")
	for _, start := range []float64{1, 2, 4} {
		cold(run, "steady", coldstart.ClassCold, 10, 1)
		run.Samples[len(run.Samples)-1].Phases.ProcessStartMs = &start
	}
	p := section(run).Series[0].Phases
	if p.PlatformMs == nil || *p.PlatformMs != 2 || p.ProcessMs == nil || *p.ProcessMs != 8 {
		t.Errorf("split %v %v, want 2 and 8", p.PlatformMs, p.ProcessMs)
	}
	if l, ok := line(section(run), "init process", "cold", 0); !ok || *l.Median.Value != 8 {
		t.Errorf("the table of the process's part: %v, %+v", ok, l)
	}
	cold(run, "steady", coldstart.ClassCold, 10, 1)
	if p := section(run).Series[0].Phases; p.PlatformMs != nil || p.ProcessMs != nil {
		t.Error("split although an environment does not tell")
	}
}

// On AWS the process's age splits init: an init done ahead is left out, a part
// that is negative stays so, and a function that does not say has no table.
func TestSplitOfInitOnAWS(t *testing.T) {
	run := newRun("a", "b")
	run.Header.Backend, run.Header.Engine = "aws", "eu-west-1"
	start := func(variant string, init, uptime float64, proof ...string) {
		cold(run, variant, coldstart.ClassCold, init, 1)
		s := &run.Samples[len(run.Samples)-1]
		s.Proof = proof
		if uptime > 0 {
			s.Function = &coldstart.Function{InstanceID: "i", ProcessUptimeMs: &uptime}
		}
	}
	for range 3 {
		start("a", 50, 20)
		start("b", 12, 20)
	}
	start("a", 50, 90_000, coldstart.ProofProactiveInit)
	s := section(run)
	for i, want := range []float64{30, -8} {
		l, _ := line(s, "init platform", "cold", i)
		p := s.Series[i].Phases
		if l.Median.Value == nil || *l.Median.Value != want || l.N != 3 || l.Missing != 1-i || p.PlatformMs == nil || *p.PlatformMs != want || *p.ProcessMs != 20 {
			t.Errorf("column %d: %+v, phases %v; want %v", i, l, p.PlatformMs, want)
		}
	}
	for i := range run.Samples {
		run.Samples[i].Function = nil
	}
	s = section(run)
	if _, ok := line(s, "init platform", "cold", 0); ok || s.Series[0].Phases.PlatformMs != nil {
		t.Error("init is split by nothing")
	}
}

// TestExtensionsTable lists the functions that have extensions, and is left out
// without any.
func TestExtensionsTable(t *testing.T) {
	run := newRun("with", "without")
	for range 3 {
		cold(run, "with", coldstart.ClassCold, 10, 1)
		took := 4.0
		run.Samples[len(run.Samples)-1].Phases.ExtensionsMs = &took
		cold(run, "without", coldstart.ClassCold, 10, 1)
	}
	s := section(run)
	if l, ok := line(s, "init extensions", "cold", 0); !ok || *l.Median.Value != 4 {
		t.Errorf("%v, %+v", ok, l)
	}
	if l, ok := line(s, "init extensions", "cold", 1); ok {
		t.Errorf("a function without extensions: %+v", l)
	}
	for i := range run.Samples {
		run.Samples[i].Phases.ExtensionsMs = nil
	}
	if l, ok := line(section(run), "init extensions", "cold", 0); ok {
		t.Errorf("a table of nothing: %+v", l)
	}
}
