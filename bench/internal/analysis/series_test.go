package analysis

import (
	"math/rand/v2"
	"testing"

	"coldbench/bench/internal/coldstart"
)

func TestOdditiesAreNamedAndKept(t *testing.T) {
	run := taken(rand.New(rand.NewPCG(4, 4)), "r1", 40, nil, "steady")
	for i := range 40 {
		cold(run, "steady", coldstart.ClassCold, 3+float64(i)/10, 1)
	}
	cold(run, "steady", coldstart.ClassCold, 90, 1)
	s := section(run)
	for _, part := range []string{"rose over the run", "1 outlier far from the rest"} {
		if !contains(s.Warnings, part) {
			t.Errorf("no warning of %q: %q", part, s.Warnings)
		}
	}
	if l, _ := line(s, "total", "cold", 0); l.N != 81 {
		t.Errorf("n = %d: an outlier was removed", l.N)
	}
	if len(s.Series) != 1 || len(s.Series[0].TotalMs) != 81 || len(s.Series[0].Rounds) != 81 || s.Series[0].TotalMs[80] != 91 {
		t.Errorf("series %+v", s.Series)
	}
	if p := s.Series[0].Phases; p.ProvisionMs != nil || p.InitMs == nil {
		t.Errorf("phases %+v", p)
	}
}
