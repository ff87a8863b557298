package analysis

import (
	"encoding/json"
	"strings"
	"testing"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runfile"
)

// A rehearsal is never shown as AWS.
func TestRehearsalIsNotAWS(t *testing.T) {
	run := func(rehearsal string) *runfile.Run {
		return &runfile.Run{Header: runfile.Header{
			ID: "x", Started: "2026-11-24T08:00:00.000000Z", Backend: "aws", Engine: "eu-west-1", Rehearsal: rehearsal,
			Plan:    plan.Plan{Runs: 5, WarmRuns: 2, Strategy: "config-update"},
			Configs: []runfile.Config{{Config: coldstart.Config{Variant: "a", MemoryMB: 512, Arch: "amd64"}, Function: &runfile.FunctionRef{Name: "p-a"}}},
		}}
	}
	for _, c := range []struct{ rehearsal, title, heading, row, command string }{
		{"", "Cold and warm starts on AWS", "AWS, eu-west-1", "AWS, cold start", "bench aws a=p-a --region eu-west-1"},
		{"rehearsal, not AWS", "Rehearsal of AWS, not AWS", "Rehearsal of AWS (rehearsal, not AWS)", "Rehearsal, cold start", "bench aws a --rehearse --region eu-west-1"},
		{"endpoint h:1, not AWS", "Rehearsal of AWS, not AWS", "Rehearsal of AWS (endpoint h:1, not AWS)", "Rehearsal, cold start", "bench aws a=p-a --region eu-west-1"},
	} {
		r := New([]Input{{Run: run(c.rehearsal)}})
		s := r.Sections[0]
		if r.Title != c.title || s.Heading != c.heading || s.Headline[0].Label != c.row || !strings.HasPrefix(s.Command, c.command) {
			t.Errorf("%q: %q, %q, %q, %q", c.rehearsal, r.Title, s.Heading, s.Headline[0].Label, s.Command)
		}
		text, _ := json.Marshal(r)
		if c.rehearsal != "" && strings.Contains(string(text), "on AWS in") {
			t.Errorf("%q: %s", c.rehearsal, text)
		}
	}
	rehearsed := run("rehearsal, not AWS")
	rehearsed.Header.ID = "y"
	if n := len(New([]Input{{Run: run("")}, {Run: rehearsed}}).Sections); n != 2 {
		t.Errorf("%d sections, want one of AWS and one rehearsed", n)
	}
}
