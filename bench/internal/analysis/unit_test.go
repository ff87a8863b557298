package analysis

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/runfile"
)

// TestEnvironmentIsTheUnit: three slow invocations of one environment and one
// fast one of another are two values, not four.
func TestEnvironmentIsTheUnit(t *testing.T) {
	run := newRun("a")
	cold(run, "a", coldstart.ClassCold, 2, 1)
	invoke(run, coldstart.ClassFirstWarm, 7)
	invoke(run, coldstart.ClassWarm, 3, 9, 3)
	cold(run, "a", coldstart.ClassCold, 2, 1)
	invoke(run, coldstart.ClassWarm, 1)
	l, ok := line(section(run), "total", "warm", 0)
	if !ok || l.N != 2 || l.Invocations != 4 {
		t.Fatalf("n = %d, invocations = %d, want 2 and 4", l.N, l.Invocations)
	}
	if *l.Min != 1 || *l.Max != 3 || *l.Median.Value != 2 {
		t.Errorf("min, median, max = %v, %v, %v, want 1, 2, 3", *l.Min, *l.Median.Value, *l.Max)
	}
}

func TestClassesAreNeverPooled(t *testing.T) {
	run := newRun("a")
	cold(run, "a", coldstart.ClassFirstAfterDeploy, 100, 1)
	cold(run, "a", coldstart.ClassCold, 2, 1)
	invoke(run, coldstart.ClassFirstWarm, 0.5)
	invoke(run, coldstart.ClassWarm, 0.25)
	cold(run, "a", coldstart.ClassSuppressedInit, 0, 700)
	s := section(run)
	for class, want := range map[string]float64{"cold": 3, "first-warm": 0.5, "warm": 0.25, "suppressed-init": 700} {
		l, ok := line(s, "total", class, 0)
		if !ok || l.N != 1 || *l.Median.Value != want {
			t.Errorf("%s: %+v, want one value, %v", class, l, want)
		}
	}
	if _, ok := line(s, "total", "first-after-deploy", 0); ok {
		t.Error("first-after-deploy is in a metric's table")
	}
	if len(s.Deploy) != 1 || *s.Deploy[0].InitMs != 100 {
		t.Errorf("first after deploy: %+v", s.Deploy)
	}
	for class := range map[string]bool{"warm": true, "suppressed-init": true} {
		if _, ok := line(s, "init", class, 0); ok {
			t.Errorf("%s has a line of init, which it can't have", class)
		}
	}
	if got := *s.Headline[0].Cells[0].Median.Value; got != 3 {
		t.Errorf("headline's cold start is %v, want 3", got)
	}
}

func TestStrategiesAreNeverPooled(t *testing.T) {
	run := newRun("a")
	cold(run, "a", coldstart.ClassCold, 2, 1)
	cold(run, "a", coldstart.ClassCold, 50, 1)
	run.Samples[1].Strategy = "burst"
	s := section(run)
	if l, _ := line(s, "total", "cold", 0); l.N != 1 || *l.Max != 3 {
		t.Errorf("%+v", l)
	}
	if !contains(s.Warnings, `"burst"`) {
		t.Errorf("no warning: %q", s.Warnings)
	}
}

func TestMissingIsNotZero(t *testing.T) {
	run := newRun("a", "b")
	cold(run, "a", coldstart.ClassCold, 2, 1)
	cold(run, "a", coldstart.ClassCold, 2, 1)
	run.Samples[1].Metrics = coldstart.Metrics{}
	cold(run, "a", coldstart.ClassCold, math.NaN(), math.NaN())
	s := section(run)
	for _, metric := range []string{"total", "init", "duration"} {
		if l, _ := line(s, metric, "cold", 0); l.N != 1 || l.Invocations != 1 || l.Missing != 2 || *l.Min == 0 {
			t.Errorf("%s: %+v", metric, l)
		}
	}
	for _, metric := range []string{"total", "provision", "max memory"} {
		l, ok := line(s, metric, "cold", 1)
		if !ok || l.N != 0 || l.Min != nil || l.Median.Value != nil || l.P99.Value != nil || l.MAD != nil {
			t.Errorf("%s of a config without samples: %+v", metric, l)
		}
	}
	if c := s.Headline[0].Cells[1]; c.Median.Value != nil {
		t.Errorf("headline of a config without samples: %v", *c.Median.Value)
	}
	if _, err := json.Marshal(s); err != nil {
		t.Error(err)
	}
}

func TestFewValuesHaveNoInterval(t *testing.T) {
	run := newRun("a")
	for i := range 6 {
		if l, ok := line(section(run), "total", "cold", 0); ok && l.Median.Bounded() {
			t.Errorf("%d values have an interval", i)
		}
		cold(run, "a", coldstart.ClassCold, 2+float64(i), 1)
	}
	l, _ := line(section(run), "total", "cold", 0)
	if !l.Median.Bounded() || *l.Median.Low != 3 || *l.Median.High != 8 {
		t.Errorf("6 values: %+v", l.Median)
	}
	if l.P90.Bounded() || l.P99.Bounded() {
		t.Error("6 values bound p90 or p99")
	}
}

// TestOrderOfSamplesDoesNotMatter shuffles a run and asks for the same report;
// and that the run is left as it was.
func TestOrderOfSamplesDoesNotMatter(t *testing.T) {
	run := newRun("a", "b")
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 30 {
		for _, v := range []string{"a", "b"} {
			cold(run, v, coldstart.ClassCold, 1+rnd.Float64(), rnd.Float64())
			invoke(run, coldstart.ClassWarm, rnd.Float64(), rnd.Float64(), rnd.Float64())
		}
	}
	want, before := marshal(t, section(run)), marshal(t, run)
	if got := marshal(t, run); got != before {
		t.Error("the run was changed")
	}
	rnd.Shuffle(len(run.Samples), func(i, j int) { run.Samples[i], run.Samples[j] = run.Samples[j], run.Samples[i] })
	if got := marshal(t, section(run)); got != want {
		t.Errorf("the report depends on the order of samples:\n%s\n%s", got, want)
	}
}

// TestSameReportOfTheFile writes a run and reads it again: the report that a
// run prints is the one that is made of its file later.
func TestSameReportOfTheFile(t *testing.T) {
	run := newRun("a")
	for i := range 20 {
		cold(run, "a", coldstart.ClassCold, 2+0.37*float64(i), 0.61)
		invoke(run, coldstart.ClassWarm, 0.5, 0.33)
	}
	for i := range run.Samples {
		run.Samples[i].Seq = i + 1
	}
	run.Header.Plan.Runs = 20
	path := t.TempDir() + "/r1.jsonl"
	w, err := runfile.Create(path, run.Header)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range run.Samples {
		if err := w.Sample(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.End(start, "plan", nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	read, err := runfile.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	run.End = read.End
	if got, want := marshal(t, section(read)), marshal(t, section(run)); got != want {
		t.Errorf("of the file:\n%s\nof the run:\n%s", got, want)
	}
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func contains(texts []string, part string) bool {
	for _, t := range texts {
		if strings.Contains(t, part) {
			return true
		}
	}
	return false
}

// TestScannedIsTheSame: a report of samples that were handed over one by one is
// that of a run that holds them, with environments whose invocations are mixed,
// and values that were not measured.
func TestScannedIsTheSame(t *testing.T) {
	run := newRun("a", "b")
	r := rand.New(rand.NewPCG(6, 6))
	for i := range 40 {
		cold(run, []string{"a", "b"}[i%2], coldstart.ClassCold, 3+r.Float64(), 1)
		invoke(run, coldstart.ClassWarm, r.Float64(), r.Float64(), r.Float64())
		if i%7 == 0 {
			run.Samples[len(run.Samples)-1].Metrics.DurationMs = nil
		}
	}
	r.Shuffle(len(run.Samples), func(i, j int) { run.Samples[i], run.Samples[j] = run.Samples[j], run.Samples[i] })
	bare := *run
	bare.Samples = nil
	var samples Samples
	for _, s := range run.Samples {
		samples.Add(&s)
	}
	want, err := json.Marshal(New([]Input{{Run: run}}))
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(New([]Input{{Run: &bare, Samples: &samples}}))
	if err != nil || string(got) != string(want) {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
	if l, _ := line(section(run), "total", "warm", 0); l.N != 20 || l.Invocations+l.Missing != 60 || l.Missing != 3 {
		t.Errorf("%+v", l)
	}
}

// TestTheLastWereNotMeasured: values that end before the samples do are missing,
// of single invocations and of several.
func TestTheLastWereNotMeasured(t *testing.T) {
	run := newRun("a")
	for range 3 {
		cold(run, "a", coldstart.ClassCold, 2, 1)
		invoke(run, coldstart.ClassWarm, 1, 3)
	}
	for i := range run.Samples {
		if s := &run.Samples[i]; i >= 5 && (i != 6 || s.Class != coldstart.ClassCold) {
			s.Metrics.DurationMs = nil
		}
	}
	s := section(run)
	if l, _ := line(s, "total", "warm", 0); l.N != 2 || l.Invocations != 3 || l.Missing != 3 || *l.Median.Value != 1.5 {
		t.Errorf("warm: %d environments, %d invocations, %d missing, %+v", l.N, l.Invocations, l.Missing, l.Median)
	}
	run.Samples[6].Metrics.DurationMs = nil
	if l, _ := line(section(run), "total", "cold", 0); l.N != 2 || l.Missing != 1 {
		t.Errorf("cold: %d environments, %d missing", l.N, l.Missing)
	}
}
