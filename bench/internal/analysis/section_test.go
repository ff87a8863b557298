package analysis

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runfile"
)

func TestColumnTitles(t *testing.T) {
	config := func(v string, mb int, arch string, standIn bool) runfile.Config {
		return runfile.Config{Config: coldstart.Config{Variant: v, MemoryMB: mb, Arch: arch}, Image: runfile.Image{StandIn: standIn}}
	}
	tests := []struct {
		configs []runfile.Config
		want    string
	}{
		{[]runfile.Config{config("a", 512, "amd64", false), config("b", 512, "amd64", true)}, "a, b (stand-in base)"},
		{[]runfile.Config{config("a", 128, "amd64", false), config("a", 512, "amd64", true)}, "a 128 MB, a 512 MB (stand-in base)"},
		{[]runfile.Config{config("a", 128, "amd64", false), config("a", 128, "arm64", false)}, "a amd64, a arm64"},
		{[]runfile.Config{config("a", 128, "amd64", false), config("a", 256, "arm64", false)}, "a 128 MB amd64, a 256 MB arm64"},
		{nil, ""},
	}
	for _, tt := range tests {
		columns, index := columnsOf(runfile.Header{Configs: tt.configs})
		var titles []string
		for i, c := range columns {
			titles = append(titles, c.Title)
			if index[tt.configs[i].Config] != i {
				t.Errorf("%s: index %v", c.Title, index)
			}
		}
		if got := strings.Join(titles, ", "); got != tt.want {
			t.Errorf("titles %q, want %q", got, tt.want)
		}
	}
}

func TestSectionsAreTheNewestFirst(t *testing.T) {
	at := func(id, engine string, hour int) Input {
		run := newRun("a")
		run.Header.Host.Fingerprint = id // another host: no sessions of one another
		run.Header.ID, run.Header.Engine, run.Header.Started = id, engine, runfile.Stamp(start.Add(time.Duration(hour)*time.Hour))
		return Input{Run: run}
	}
	inputs := []Input{at("d1", "docker", 1), at("s1", "sandbox", 2), {}, at("d2", "docker", 3), at("s0", "sandbox", 0)}
	var ids []string
	for _, s := range New(inputs).Sections {
		ids = append(ids, s.Run)
	}
	if !slices.Equal(ids, []string{"d2", "s1", "d1", "s0"}) {
		t.Errorf("sections: %v", ids)
	}
	if inputs[0].Run.Header.ID != "d1" {
		t.Error("the argument was sorted")
	}
}

func TestImagesAgainstPrevious(t *testing.T) {
	previous := newRun("same", "changed")
	previous.Header.ID = "r0"
	previous.Header.Configs[1].Image.ImageID = "sha256:before"
	run := newRun("same", "changed", "new")
	run.Header.Reference = "r0"
	changes := func(in Input) string {
		var list []string
		for _, i := range New([]Input{in}).Sections[0].Images {
			list = append(list, i.Change)
		}
		return strings.Join(list, ",")
	}
	if got := changes(Input{Run: run, Reference: previous}); got != "same,changed,new" {
		t.Errorf("changes: %s", got)
	}
	if s := New([]Input{{Run: run, Reference: previous}}).Sections[0]; !contains(s.Notes, "(r0): changed.") {
		t.Errorf("the change is in no note: %q", s.Notes)
	}
	if got := changes(Input{Run: run}); got != ",," {
		t.Errorf("without the previous run: %s", got)
	}
	for i := range run.Header.Configs[:2] {
		run.Header.Configs[i].Image.ContentID, run.Header.Configs[i].SetupID = "sha256:c", "s"
		previous.Header.Configs[i].Image.ContentID, previous.Header.Configs[i].SetupID = "sha256:c", "s"
	}
	previous.Header.Configs[0].SetupID = "t"
	if got := changes(Input{Run: run, Reference: previous}); got != "setup changed,same,new" {
		t.Errorf("changes of content and setup: %s", got)
	}
	s := New([]Input{{Run: run, Reference: previous}}).Sections[0]
	if !contains(s.Notes, "environment changed since the previous run (r0): same.") || !contains(s.Notes, "the same content as in the previous run (r0): changed.") {
		t.Errorf("notes %q", s.Notes)
	}
	previous.Header.ID = "another"
	if got := changes(Input{Run: run, Reference: previous}); got != ",," {
		t.Errorf("against another run than the header names: %s", got)
	}
}

func TestCompare(t *testing.T) {
	fill := func(variants map[string]float64, n int) *runfile.Run {
		run := newRun("base", "slow", "fast", "alike")
		for i := range n {
			for _, v := range []string{"base", "slow", "fast", "alike"} {
				cold(run, v, coldstart.ClassCold, variants[v]*(1+0.001*float64(i)), 0)
			}
		}
		return run
	}
	speeds := map[string]float64{"base": 10, "slow": 15, "fast": 5, "alike": 10.01}
	verdicts := func(s Section, q float64) string {
		var list []string
		for _, c := range s.Comparisons {
			if c.Quantile == q {
				list = append(list, s.Columns[c.Column].Variant+" "+c.Verdict)
			}
		}
		return strings.Join(list, ", ")
	}
	s := section(fill(speeds, 40))
	if got := verdicts(s, 0.5); got != "slow slower, fast faster, alike same" {
		t.Errorf("at the median: %s", got)
	}
	if got := verdicts(s, 0.9); got != "slow slower, fast faster, alike same" {
		t.Errorf("at p90: %s", got)
	}
	if got := verdicts(s, 0.99); got != "" {
		t.Errorf("at p99 of 40: %s", got)
	}
	s = section(fill(speeds, 5))
	if got := verdicts(s, 0.5); got != "slow unclear, fast unclear, alike unclear" {
		t.Errorf("of 5: %s", got)
	}
	run := fill(speeds, 40)
	run.Header.Plan.Baseline = "slow"
	if got := verdicts(section(run), 0.5); got != "base faster, fast faster, alike faster" {
		t.Errorf("with another baseline: %s", got)
	}
	run.Header.Plan.Baseline = "gone"
	if s := section(run); len(s.Comparisons) != 0 || !contains(s.Notes, "the baseline gone was not measured") {
		t.Errorf("with a missing baseline: %v, %q", s.Comparisons, s.Notes)
	}
}

// TestSweepComparesLikeWithLike: a config is compared with the baseline at its
// own memory size, never across sizes.
func TestSweepComparesLikeWithLike(t *testing.T) {
	run := newRun()
	for _, mb := range []int{128, 512} {
		for _, v := range []string{"a", "b"} {
			run.Header.Configs = append(run.Header.Configs, runfile.Config{Config: coldstart.Config{Variant: v, MemoryMB: mb, Arch: "amd64"}})
			for i := range 10 {
				cold(run, v, coldstart.ClassCold, float64(mb+i), 1)
				run.Samples[len(run.Samples)-1].Config.MemoryMB = mb
			}
		}
	}
	s := section(run)
	if len(s.Comparisons) != 2 {
		t.Fatalf("%d comparisons, want 2", len(s.Comparisons))
	}
	for _, c := range s.Comparisons {
		if a, b := s.Columns[c.Column], s.Columns[c.Baseline]; a.MemoryMB != b.MemoryMB || *c.Ratio.Value != 1 {
			t.Errorf("%s against %s: %v", a.Title, b.Title, *c.Ratio.Value)
		}
	}
}

func TestOnly(t *testing.T) {
	for only, want := range map[string]string{"": "cold,warm", "cold": "cold", "warm": "warm"} {
		run := newRun("a")
		cold(run, "a", coldstart.ClassCold, 2, 1)
		invoke(run, coldstart.ClassWarm, 1)
		run.Header.Plan.Only = only
		s := section(run)
		var rows []string
		for _, r := range s.Headline {
			rows = append(rows, r.Class)
		}
		if got := strings.Join(rows, ","); got != want {
			t.Errorf("only %q: rows %s", only, got)
		}
		for _, table := range s.Metrics {
			for _, l := range table.Lines {
				if !strings.Contains(want, l.Class) {
					t.Errorf("only %q: %s has a line of %s", only, table.Metric, l.Class)
				}
			}
		}
	}
}

func TestAlerts(t *testing.T) {
	failure := runfile.Failure{Tried: runfile.Tried{Config: coldstart.Config{Variant: "a", MemoryMB: 512, Arch: "amd64"}, At: runfile.Stamp(start)}, Reason: coldstart.ReasonExit, Error: "status 1"}
	tests := []struct {
		name              string
		colds, fails      int
		end               *runfile.End
		want              string
		problems, samples int
	}{
		{name: "complete", colds: 4, end: &runfile.End{Stopped: "plan"}},
		{name: "cut", colds: 2, want: "did not end"},
		{name: "interrupted", colds: 2, end: &runfile.End{Stopped: "interrupted"}, want: "interrupted"},
		{name: "precise", colds: 2, end: &runfile.End{Stopped: "precision"}},
		{name: "none", fails: 3, end: &runfile.End{Stopped: "gave-up"}, want: "could not be measured: 3 attempts failed"},
		{name: "given up", colds: 2, fails: 1, end: &runfile.End{Stopped: "plan"}, want: "given up after 1 failure: it has 2 of 4"},
		{name: "short", colds: 3, end: &runfile.End{Stopped: "plan"}, want: "3 of the 4"},
		{name: "mended", colds: 4, fails: 2, end: &runfile.End{Stopped: "plan"}, want: "2 invocations failed"},
	}
	for _, tt := range tests {
		run := newRun("a")
		run.Header.Plan.Runs, run.End = 4, tt.end
		for range tt.colds {
			cold(run, "a", coldstart.ClassCold, 2, 1)
		}
		for range tt.fails {
			run.Failures = append(run.Failures, failure)
		}
		s := section(run)
		if got := strings.Join(s.Alerts, "\n"); !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if tt.fails > 0 && (len(s.Problems) != 1 || s.Problems[0].Count != tt.fails || s.Problems[0].Example != "status 1") {
			t.Errorf("%s: problems %+v", tt.name, s.Problems)
		}
	}
}

func TestNotes(t *testing.T) {
	run := newRun("a", "b")
	run.Header.Configs[1].Image.StandIn = true
	run.Header.Limits.CPU = "not limited: no cgroup"
	run.Header.Warnings = []string{"one", "one", "two"}
	for i := range 12 {
		cold(run, "a", coldstart.ClassCold, float64(2*(i*5%12)), 1)
		cold(run, "b", coldstart.ClassCold, float64(2*(i*5%12)), 1)
	}
	s := section(run)
	for _, part := range []string{"CPU: not limited: no cgroup.", "Stand-in base"} {
		if !contains(s.Notes, part) {
			t.Errorf("no note of %q: %q", part, s.Notes)
		}
	}
	if contains(s.Notes, "whole milliseconds") {
		t.Error("12 different Billed Durations are called few")
	}
	if contains(s.Notes, "Memory: ") {
		t.Error("a limit that is enforced has a note")
	}
	if !slices.Equal(s.Warnings, []string{"one", "two"}) {
		t.Errorf("warnings %q", s.Warnings)
	}
	few := newRun("a")
	cold(few, "a", coldstart.ClassCold, 2, 1)
	if !contains(section(few).Notes, "whole milliseconds") {
		t.Error("one Billed Duration has no note")
	}
}

func TestAudit(t *testing.T) {
	sample := func(class coldstart.Class, m coldstart.Metrics) coldstart.Sample {
		return coldstart.Sample{Class: class, Metrics: m}
	}
	tests := []struct {
		name string
		s    coldstart.Sample
		odd  bool
	}{
		{"cold", sample(coldstart.ClassCold, coldstart.Metrics{InitDurationMs: ms(2.4), DurationMs: ms(0.7), BilledDurationMs: ms(4)}), false},
		{"one more", sample(coldstart.ClassCold, coldstart.Metrics{InitDurationMs: ms(2.4), DurationMs: ms(0.7), BilledDurationMs: ms(5)}), false},
		{"one less", sample(coldstart.ClassCold, coldstart.Metrics{InitDurationMs: ms(2.4), DurationMs: ms(0.7), BilledDurationMs: ms(3)}), true},
		{"two more", sample(coldstart.ClassCold, coldstart.Metrics{InitDurationMs: ms(2.4), DurationMs: ms(0.7), BilledDurationMs: ms(6)}), true},
		{"init not billed", sample(coldstart.ClassCold, coldstart.Metrics{InitDurationMs: ms(2.4), DurationMs: ms(0.7), BilledDurationMs: ms(1)}), true},
		{"printed too high", sample(coldstart.ClassCold, coldstart.Metrics{InitDurationMs: ms(2.01), DurationMs: ms(1), BilledDurationMs: ms(3)}), false},
		{"warm", sample(coldstart.ClassWarm, coldstart.Metrics{DurationMs: ms(0.7), BilledDurationMs: ms(1)}), false},
		{"whole", sample(coldstart.ClassWarm, coldstart.Metrics{DurationMs: ms(3), BilledDurationMs: ms(3)}), false},
		{"restored", sample(coldstart.ClassCold, coldstart.Metrics{RestoreDurationMs: ms(400), BilledRestoreDurationMs: ms(182), DurationMs: ms(2338.66), BilledDurationMs: ms(2521)}), false},
		{"suppressed", sample(coldstart.ClassSuppressedInit, coldstart.Metrics{DurationMs: ms(11000.2), BilledDurationMs: ms(11001)}), false},
		{"no billed", sample(coldstart.ClassCold, coldstart.Metrics{InitDurationMs: ms(2), DurationMs: ms(1)}), false},
		{"no init", sample(coldstart.ClassCold, coldstart.Metrics{DurationMs: ms(1), BilledDurationMs: ms(9)}), false},
	}
	for _, tt := range tests {
		var odd oddBills
		odd.add(&tt.s)
		if got := odd.text(); (got != "") != tt.odd {
			t.Errorf("%s: %q", tt.name, got)
		}
	}
	var many oddBills
	for i := range 5 {
		s := tests[2].s
		s.Seq = i
		many.add(&s)
	}
	if got := many.text(); !strings.Contains(got, "in 5 samples: ") || strings.Count(got, "seq") != 3 {
		t.Errorf("five: %q", got)
	}
}

func TestCommand(t *testing.T) {
	run := newRun("a", "it's")
	run.Header.Plan.Pause, run.Header.Plan.Timeout, run.Header.Plan.CPU = plan.Millis{Duration: 40 * time.Millisecond}, plan.Seconds{Duration: 3 * time.Second}, "none"
	want := `bench local a 'it'\''s' --engine docker --cpu none --runs 1 --warm-runs 5 --memory 512 --arch amd64 --pause 40ms --timeout 3s --retries 0 --seed 1`
	if got := run.Header.Command(); got != want {
		t.Errorf("command:\n%s\nwant:\n%s", got, want)
	}
}

func BenchmarkMillionSamples(b *testing.B) {
	run := newRun()
	for c := range 10 {
		run.Header.Configs = append(run.Header.Configs, runfile.Config{Config: coldstart.Config{Variant: fmt.Sprint("v", c), MemoryMB: 512, Arch: "amd64"}})
	}
	run.Samples = make([]coldstart.Sample, 0, 1_000_000)
	for i := range 100_000 {
		cold(run, fmt.Sprint("v", i%10), coldstart.ClassCold, 2+float64(i%977)/977, 0.5)
		invoke(run, coldstart.ClassWarm, 1, 2, 3, 1, 2, 3, 1, 2, 3.5)
	}
	b.ReportAllocs()
	for b.Loop() {
		New([]Input{{Run: run}})
	}
}

// TestWhatHasNoBaselineIsNamed: a dash in the place of a verdict has a reason.
func TestWhatHasNoBaselineIsNamed(t *testing.T) {
	for _, c := range []struct {
		sizes []int
		want  string
	}{
		{[]int{512, 512, 256}, "Compared with nothing, for the baseline a was not measured at the same memory size and architecture: c 256 MB."},
		{[]int{512, 256, 256}, "Compared with nothing, for the baseline a was not measured at the same memory size and architecture: b 256 MB, c 256 MB."},
		{[]int{512, 512, 512}, ""},
	} {
		run := newRun("a", "b", "c")
		cold(run, "a", coldstart.ClassCold, 3, 1)
		for i := range run.Header.Configs {
			run.Header.Configs[i].MemoryMB = c.sizes[i]
		}
		notes := section(run).Notes
		if c.want == "" && contains(notes, "Compared with nothing") || c.want != "" && !contains(notes, c.want) || contains(notes, "Nothing is compared") {
			t.Errorf("%v: no %q in %q", c.sizes, c.want, notes)
		}
	}
}
