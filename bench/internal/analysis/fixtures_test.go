package analysis

import (
	"fmt"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runfile"
)

var start = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// newRun makes a run without samples.
func newRun(variants ...string) *runfile.Run {
	run := &runfile.Run{Path: "results/runs/r1.jsonl", Header: runfile.Header{
		ID: "r1", Started: runfile.Stamp(start), Backend: "local", Engine: "docker",
		Plan:   plan.Plan{Runs: 1, WarmRuns: 5, Seed: 1, MemoryMB: []int{512}, Arch: []string{"amd64"}, Strategy: "new-container"},
		Limits: coldstart.Limits{CPU: "quota", Memory: "limit", MaxMemoryUsed: "cgroup-peak"},
	}, End: &runfile.End{Stopped: "plan"}}
	for _, v := range variants {
		run.Header.Configs = append(run.Header.Configs, runfile.Config{Config: coldstart.Config{Variant: v, MemoryMB: 512, Arch: "amd64"}, Image: runfile.Image{ImageID: "sha256:" + v}})
	}
	return run
}

func ms(v float64) *float64 { return &v }

// cold adds a cold start of the next round; invoke warm invocations to the
// environment of the newest.
func cold(run *runfile.Run, variant string, class coldstart.Class, init, duration float64) {
	n := len(run.Samples) + 1
	s := coldstart.Sample{
		Config: coldstart.Config{Variant: variant, MemoryMB: 512, Arch: "amd64"}, Round: n, Seq: n, Attempt: 1, At: start,
		Environment: fmt.Sprintf("e%d", n), Invocation: 1, Start: coldstart.Cold, Class: class, Strategy: "new-container",
		Metrics: coldstart.Metrics{InitDurationMs: ms(init), DurationMs: ms(duration), BilledDurationMs: ms(ceil(init + duration))},
	}
	if class == coldstart.ClassSuppressedInit {
		s.Metrics.InitDurationMs, s.Metrics.BilledDurationMs = nil, ms(ceil(duration))
	}
	run.Samples = append(run.Samples, s)
}

func invoke(run *runfile.Run, class coldstart.Class, durations ...float64) {
	last := run.Samples[len(run.Samples)-1]
	for i, d := range durations {
		s := last
		s.Seq, s.Invocation, s.Start, s.Class, s.Strategy = last.Seq+1+i, last.Invocation+1+i, coldstart.Warm, class, ""
		s.Metrics = coldstart.Metrics{DurationMs: ms(d), BilledDurationMs: ms(ceil(d))}
		run.Samples = append(run.Samples, s)
	}
}

func ceil(v float64) float64 {
	n := float64(int(v))
	if n < v {
		n++
	}
	return n
}

// section is the report's only one.
func section(run *runfile.Run) Section { return New([]Input{{Run: run}}).Sections[0] }

// line finds a line of a metric's table.
func line(s Section, metric, class string, column int) (Line, bool) {
	for _, t := range s.Metrics {
		for _, l := range t.Lines {
			if t.Metric == metric && l.Class == class && l.Column == column {
				return l, true
			}
		}
	}
	return Line{}, false
}
