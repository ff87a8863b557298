package analysis

import (
	"math"
	"slices"
	"strings"
	"testing"

	"coldbench/bench/internal/coldstart"
)

// TestNoiseFloor: what is said of the control is what its comparison holds, and
// on AWS that it is no second deployment.
func TestNoiseFloor(t *testing.T) {
	for _, backend := range []string{"local", "aws"} {
		run := newRun("scratch", "scratch-control", "other")
		run.Header.Backend, run.Header.Plan.Control = backend, "scratch-control"
		for i := range 40 {
			v := 10 + math.Sin(float64(i))
			cold(run, "scratch", coldstart.ClassCold, v, 1)
			cold(run, "scratch-control", coldstart.ClassCold, v*1.02+0.02, 1)
			cold(run, "other", coldstart.ClassCold, 2*v, 1)
		}
		s := section(run)
		i := slices.IndexFunc(s.Notes, func(n string) bool { return strings.HasPrefix(n, "Noise floor: ") })
		if i < 0 {
			t.Fatalf("%s: no noise floor in %q", backend, s.Notes)
		}
		note := s.Notes[i]
		j := slices.IndexFunc(s.Comparisons, func(c ColumnComparison) bool { return s.Columns[c.Column].Control && c.Quantile == 0.5 })
		r := s.Comparisons[j].Ratio
		if s.Comparisons[j].Verdict == "unclear" && s.Comparisons[j].Needed != 0 {
			t.Errorf("%s: %d cold starts are said to tell equals apart", backend, s.Comparisons[j].Needed)
		}
		want := "scratch-control cold by " + percent(*r.Value) + " (95 %: " + percent(*r.Low) + " to " + percent(*r.High) + ")"
		if *r.Value < 1.01 || *r.Value > 1.03 || !strings.Contains(note, want) || strings.Contains(note, "other") {
			t.Errorf("%s: %q does not say %q alone", backend, note, want)
		}
		if strings.Contains(note, "deployment") != (backend == "aws") {
			t.Errorf("%s: %q", backend, note)
		}
	}
	run := newRun("scratch", "other")
	for range 8 {
		cold(run, "scratch", coldstart.ClassCold, 1, 1)
		cold(run, "other", coldstart.ClassCold, 1, 1)
	}
	if text := strings.Join(section(run).Notes, "\n"); strings.Contains(text, "Noise floor") {
		t.Errorf("a noise floor without a control: %s", text)
	}
}
