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
	cold(run, "steady", coldstart.ClassCold, 10, 1)
	if p := section(run).Series[0].Phases; p.PlatformMs != nil || p.ProcessMs != nil {
		t.Error("split although an environment does not tell")
	}
}
