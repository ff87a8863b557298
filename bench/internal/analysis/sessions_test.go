package analysis

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/runfile"
)

// sessionsOf makes runs of two variants whose times differ from run to run by
// the factors, b being always 1.5 times as slow as a.
func sessionsOf(n int, factors ...float64) []Input {
	var inputs []Input
	for i, f := range factors {
		r := rand.New(rand.NewPCG(uint64(i), 8))
		run := taken(r, fmt.Sprintf("r%d", i+1), n, map[string]float64{"a": f, "b": 1.5 * f}, "a", "b")
		run.Header.Started = fmt.Sprintf("2026-03-0%dT05:06:07Z", i+1)
		run.Header.Plan.Seed = uint64(i)
		run.Path = "results/runs/" + run.Header.ID + ".jsonl"
		inputs = append(inputs, Input{Run: run})
	}
	return inputs
}

func TestSessionsAreOneSection(t *testing.T) {
	inputs := sessionsOf(40, 1, 1.3, 0.8)
	inputs[2].Run.Failures = []runfile.Failure{{Tried: runfile.Tried{Config: coldstart.Config{Variant: "a", MemoryMB: 512, Arch: "amd64"}}, Reason: coldstart.ReasonExit}}
	inputs = append(inputs, inputs[0]) // given twice
	r := New(inputs)
	if len(r.Sections) != 1 {
		t.Fatalf("%d sections", len(r.Sections))
	}
	s := r.Sections[0]
	if s.Run != "r3" || len(s.Sessions) != 3 || s.Sessions[0].Run != "r1" || s.Sessions[2].File != "r3.jsonl" {
		t.Errorf("run %s, sessions %+v", s.Run, s.Sessions)
	}
	l, _ := line(s, "total", "cold", 0)
	if l.N != 120 || l.Sessions != 3 || l.Bursts != 0 {
		t.Errorf("%d environments of %d sessions, %d bursts; want 120 of 3", l.N, l.Sessions, l.Bursts)
	}
	// One session of 120 that differ as these do has an interval of some 20 %.
	if !l.Median.Bounded() || *l.Median.High / *l.Median.Low < 1.6 {
		t.Errorf("interval %v to %v does not hold what sessions differ by", *l.Median.Low, *l.Median.High)
	}
	if l.P90.Bounded() {
		t.Error("p90 of three sessions that differ is known")
	}
	// What a session does to both variants cancels out. A tail that is not known is
	// not compared.
	if len(s.Comparisons) != 1 {
		t.Errorf("%d comparisons: %+v", len(s.Comparisons), s.Comparisons)
	}
	for _, c := range s.Comparisons {
		if c.Quantile == 0.5 && (c.Verdict != "slower" || *c.Ratio.High / *c.Ratio.Low > 1.6 || c.Needed != 0) {
			t.Errorf("%s %v to %v, needed %d", c.Verdict, *c.Ratio.Low, *c.Ratio.High, c.Needed)
		}
	}
	rounds := s.Series[0].Rounds
	if rounds[0] != 1 || rounds[40] <= rounds[39] || len(rounds) != 120 {
		t.Errorf("rounds do not go on: %v", rounds)
	}
	if len(s.Problems) != 1 || s.Problems[0].Count != 1 {
		t.Errorf("problems %+v", s.Problems)
	}
	for _, want := range []string{"3 sessions are drawn again"} {
		if !contains(s.Notes, want) {
			t.Errorf("no note of %q: %q", want, s.Notes)
		}
	}
	if !strings.Contains(s.Caption, "in 3 sessions from 2026-03-01") || !strings.Contains(s.Command, "--runs 40") {
		t.Errorf("caption %q, command %q", s.Caption, s.Command)
	}
	for _, table := range s.Metrics {
		if table.Metric == "total" && !contains(table.Notes, "The sessions differ by more than chance, cold: their medians go from") {
			t.Errorf("sessions that differ are not named: %q", table.Notes)
		}
	}
	want, _ := json.Marshal(r)
	inputs[0], inputs[1], inputs[2] = inputs[2], inputs[0], inputs[1]
	if got, _ := json.Marshal(New(inputs)); string(got) != string(want) {
		t.Error("the report depends on the order of the sessions")
	}
}

// TestOneOfTheSessionsDidNotEnd: what happened to one is said of all.
func TestOneOfTheSessionsDidNotEnd(t *testing.T) {
	for want, end := range map[string]*runfile.End{"One of the runs did not end": nil, "One of the runs was interrupted": {Stopped: runfile.StoppedInterrupted}} {
		for i := range 3 {
			inputs := sessionsOf(10, 1, 1, 1)
			inputs[i].Run.End = end
			if s := New(inputs).Sections[0]; !contains(s.Alerts, want) {
				t.Errorf("session %d: %q, want %q", i, s.Alerts, want)
			}
		}
	}
}

func TestTwoSessionsAreTooFew(t *testing.T) {
	s := New(sessionsOf(40, 1, 1.3)).Sections[0]
	l, _ := line(s, "total", "cold", 0)
	if l.N != 80 || l.Sessions != 2 || !contains(s.Notes, "2 sessions are too few") {
		t.Errorf("%d of %d sessions, %q", l.N, l.Sessions, s.Notes)
	}
}

// TestUnlikeRunsStayApart: what was measured otherwise is no session, and the
// section says why.
func TestUnlikeRunsStayApart(t *testing.T) {
	tests := []struct {
		why    string
		change func(*runfile.Header)
	}{
		{"", func(h *runfile.Header) { h.Plan.Seed, h.Plan.Runs, h.Tool = 7, 90, "bench v9" }},
		{"the image of a/512MB/amd64 is another one", func(h *runfile.Header) {
			h.Configs[0].Image = runfile.Image{ImageID: "sha256:other", ContentID: "sha256:d"}
		}},
		{"", func(h *runfile.Header) { h.Configs[0].Image.ImageID, h.Configs[1].Image.ContentID = "sha256:other", "" }},
		{"the image of b/512MB/amd64 is another one", func(h *runfile.Header) { h.Configs[1].Image.ImageID, h.Configs[1].Image.ContentID = "sha256:other", "" }},
		{"the image of a/512MB/amd64 is another one", func(h *runfile.Header) { h.Configs[0].Image = runfile.Image{} }},
		{"entrypoint, command, working directory or environment of a/512MB/amd64 differ", func(h *runfile.Header) { h.Configs[0].SetupID = "other" }},
		{"its host is another one", func(h *runfile.Header) { h.Host.Fingerprint = "other" }},
		{"the engine's version is 2, not 1", func(h *runfile.Header) { h.Host.EngineVersion = "2" }},
		{"the engine's storage driver is overlay2, not vfs", func(h *runfile.Header) { h.Facts = &coldstart.EngineFacts{StorageDriver: "overlay2"} }},
		{"", func(h *runfile.Header) { h.Facts = &coldstart.EngineFacts{Runtime: "runc"} }},
		{"its plan is another one", func(h *runfile.Header) { h.Plan.WarmRuns = 9 }},
		{"its configs are others", func(h *runfile.Header) { h.Configs = h.Configs[:1] }},
		{"its limits are others", func(h *runfile.Header) { h.Limits.CPU = "not limited: no cgroup" }},
	}
	for _, tt := range tests {
		inputs := sessionsOf(10, 1, 1)
		for _, in := range inputs {
			in.Run.Header.Host.EngineVersion = "1"
			for i := range in.Run.Header.Configs {
				c := &in.Run.Header.Configs[i]
				c.SetupID, c.Image.ContentID = "s", "sha256:c"+c.Variant
			}
			in.Run.Header.Facts = &coldstart.EngineFacts{StorageDriver: "vfs"}
		}
		tt.change(&inputs[0].Run.Header)
		s := New(inputs).Sections
		switch {
		case tt.why == "" && len(s) != 1:
			t.Errorf("%d sections of runs that are alike: %q", len(s), s[1].Notes)
		case tt.why != "" && (len(s) != 2 || !contains(s[1].Notes, "Not a session of run r2: "+tt.why+".") || len(s[0].Sessions)+len(s[1].Sessions) > 0):
			t.Errorf("%d sections, want two, %q", len(s), tt.why)
		}
	}
}

func TestSessionsNoteAnotherImageID(t *testing.T) {
	inputs := sessionsOf(10, 1, 1)
	for i, in := range inputs {
		in.Run.Header.Configs[1].Image = runfile.Image{ImageID: string(rune('a' + i)), ContentID: "sha256:c"}
	}
	if s := New(inputs).Sections; len(s) != 1 || !contains(s[0].Notes, "Another image ID, but the same content: b.") {
		t.Errorf("%d sections, notes %q", len(s), s[0].Notes)
	}
}

// burst is a run of bursts whose times differ from burst to burst.
func burst(each, bursts int) Input {
	r := rand.New(rand.NewPCG(3, 3))
	run := newRun("a", "b")
	run.Header.Plan.Burst, run.Header.Plan.Runs = each, each*bursts
	for b := range bursts {
		level := math.Exp(0.3 * r.NormFloat64())
		for i := range each {
			for _, v := range []string{"a", "b"} {
				cold(run, v, coldstart.ClassCold, 3*level*math.Exp(0.1*r.NormFloat64()), 1)
				run.Samples[len(run.Samples)-1].Round = b*each + i + 1
			}
		}
	}
	return Input{Run: run}
}

func TestBurstsAreTheUnit(t *testing.T) {
	in := burst(10, 5)
	s := New([]Input{in}).Sections[0]
	l, _ := line(s, "total", "cold", 0)
	if l.N != 50 || l.Bursts != 5 || l.Sessions != 0 || !contains(s.Notes, "the bursts are drawn again") {
		t.Errorf("%d environments of %d bursts, %q", l.N, l.Bursts, s.Notes)
	}
	in.Run.Header.Plan.Burst = 0
	alone, _ := line(New([]Input{in}).Sections[0], "total", "cold", 0)
	if wide, narrow := *l.Median.High / *l.Median.Low, *alone.Median.High / *alone.Median.Low; wide < 1.2*narrow {
		t.Errorf("with bursts %v, without %v", wide, narrow)
	}
	if s := New([]Input{burst(10, 2)}).Sections[0]; !contains(s.Notes, "2 bursts, too few") {
		t.Errorf("no note of too few bursts: %q", s.Notes)
	}
}

// TestBurstsOfSessions: with two sessions, bursts of both are what is drawn.
func TestBurstsOfSessions(t *testing.T) {
	a, b := burst(10, 4), burst(10, 3)
	b.Run.Header.ID, b.Run.Header.Started = "r2", "2026-03-09T05:06:07Z"
	s := New([]Input{a, b}).Sections
	if len(s) != 1 {
		t.Fatalf("%d sections", len(s))
	}
	if l, _ := line(s[0], "total", "cold", 0); l.Bursts != 7 || l.Sessions != 2 {
		t.Errorf("%d bursts of %d sessions, want 7 of 2", l.Bursts, l.Sessions)
	}
}

// What was noticed of the machine in any session is said of all, and the busiest
// of them named; a session that did not end leaves all without an end.
func TestEndOfSessions(t *testing.T) {
	inputs := sessionsOf(8, 1, 1, 1)
	for i, busy := range []float64{0.4, 0.1} {
		inputs[i].Run.End = &runfile.End{Stopped: runfile.StoppedPlan, Warnings: []string{fmt.Sprintf("session %d was not quiet", i+1)}, Host: &runfile.HostLoad{BusyShare: &busy, WaitedS: float64(i + 1)}}
	}
	stolen := 0.2
	inputs[2].Run.End = &runfile.End{Stopped: runfile.StoppedInterrupted, Host: &runfile.HostLoad{StolenShare: &stolen}}
	s := New(inputs).Sections[0]
	text := strings.Join(s.Warnings, "\n")
	if !strings.Contains(text, "session 1 was not quiet") || !strings.Contains(text, "session 2 was not quiet") || !strings.Contains(strings.Join(s.Alerts, "\n"), "interrupted") {
		t.Errorf("warnings %q, alerts %q", s.Warnings, s.Alerts)
	}
	facts := map[string]string{}
	for _, f := range s.Method {
		facts[f.Name] = f.Value
	}
	if !strings.HasPrefix(facts["Other programs"], "40.0 % of the CPUs' time in 1.0 s") || !strings.HasPrefix(facts["Stolen by the hypervisor"], "20.0 %") {
		t.Errorf("%q, %q", facts["Other programs"], facts["Stolen by the hypervisor"])
	}
	if o := New(inputs).Overview(); !strings.Contains(o.Captions[0], "in 3 sessions from 2026-03-01 05:06 UTC to 2026-03-03 05:06 UTC") {
		t.Errorf("caption %q", o.Captions[0])
	}
	inputs[0].Run.End = nil
	if s := New(inputs).Sections[0]; !strings.Contains(strings.Join(s.Alerts, "\n"), "did not end") {
		t.Errorf("alerts %q", s.Alerts)
	}
}

// TestCopiesAndNamesakes: of a run and a copy that was cut short the whole one
// counts, in whatever order they come; runs of two hosts that began in one second
// are two.
func TestCopiesAndNamesakes(t *testing.T) {
	whole := sessionsOf(40, 1)[0]
	short := *whole.Run
	short.Path, short.Samples, short.End = "a.jsonl", whole.Run.Samples[:30], nil
	elsewhere := *whole.Run
	elsewhere.Header.Host.Fingerprint = "another"
	for _, inputs := range [][]Input{{whole, {Run: &short}, {Run: &elsewhere}}, {{Run: &elsewhere}, {Run: &short}, whole}} {
		r := New(inputs)
		if len(r.Sections) != 2 {
			t.Fatalf("%d sections", len(r.Sections))
		}
		for _, s := range r.Sections {
			if l, _ := line(s, "total", "cold", 0); l.N != 40 {
				t.Errorf("%d cold starts of 40", l.N)
			}
		}
	}
}
