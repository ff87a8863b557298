package runner_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"coldbench/bench/internal/backend/fake"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/committed"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runfile"
	"coldbench/bench/internal/runner"
)

// watched is a target that notes environments that run side by side.
type watched struct {
	coldstart.Target
	b       *fake.Backend
	overlap *[]string
}

func (w watched) Start(ctx context.Context) (coldstart.Environment, coldstart.Sample, error) {
	*w.overlap = append(*w.overlap, w.b.Running()...)
	return w.Target.Start(ctx)
}

// measure takes a run of the fake backend into a file and returns what is in it.
func measure(t *testing.T, o fake.Options, p runner.Job, interruptAt int) *runfile.Run {
	t.Helper()
	dir := t.TempDir()
	started := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	h := runfile.Header{Tool: "bench test", Backend: "local", Engine: "fake", Plan: p.Plan}
	b := fake.New(o)
	var overlap []string
	targets := map[coldstart.Config]coldstart.Target{}
	for i, c := range p.Configs {
		img := coldstart.Image{ID: fmt.Sprint("sha256:", i), Arch: runtime.GOARCH}
		if c.Variant == "broken" {
			img.Environment = []string{`BENCH_TEST_EVENT={"do":"exit","code":3}`}
		}
		h.Configs = append(h.Configs, runfile.Config{Config: coldstart.Config{Variant: c.Variant, MemoryMB: c.MemoryMB, Arch: c.Arch}, Image: runfile.Image{ImageID: img.ID}})
		target, err := b.Open(t.Context(), c, img, coldstart.Options{Payload: []byte(`{}`), Timeout: 3 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		targets[c] = watched{target, b, &overlap}
	}
	w, err := runfile.CreateIn(dir, started, h)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	p.Targets = targets
	res, err := runner.Run(ctx, p, w, runner.Options{Progress: func(runner.Progress) {
		if n++; n == interruptAt {
			cancel()
		}
	}})
	if err := errors.Join(err, w.End(started, string(res.Stopped), res.Warnings), w.Close()); err != nil {
		t.Fatal(err)
	}
	path := w.Path()
	if interruptAt > 0 {
		if res.Stopped != runner.StoppedInterrupted {
			t.Fatalf("not interrupted: %+v", res)
		}
		w, past, err := runfile.Resume(path, h, started)
		if err != nil {
			t.Fatal(err)
		}
		q := p
		q.Past = past.Past()
		res, err = runner.Run(t.Context(), q, w, runner.Options{})
		if err := errors.Join(err, w.End(started, string(res.Stopped), res.Warnings), w.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if len(overlap) > 0 || len(b.Running()) > 0 {
		t.Errorf("environments ran side by side: %q; are left: %q", overlap, b.Running())
	}
	run, err := runfile.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// interleaved checks what every run file promises of its order: each round
// holds each configuration once, at least nine tenths of the rounds have
// another order than the one before, and the samples of an environment stand
// together.
func interleaved(t *testing.T, run *runfile.Run, configs, rounds int) [][]coldstart.Config {
	t.Helper()
	order := make([][]coldstart.Config, rounds+1)
	closed, last := map[string]bool{}, ""
	for _, s := range run.Samples {
		if s.Environment != last {
			if closed[s.Environment] {
				t.Errorf("environment %s was invoked after the next was started", s.Environment)
			}
			closed[last], last = true, s.Environment
		}
		if s.Start == coldstart.Cold && s.Round > 0 {
			order[s.Round] = append(order[s.Round], s.Config)
		}
	}
	alike := 0
	for r := 1; r <= rounds; r++ {
		if len(order[r]) != configs {
			t.Errorf("round %d holds %v", r, order[r])
		}
		for i, c := range order[r] {
			if slices.Contains(order[r][:i], c) {
				t.Errorf("round %d holds %v twice", r, c)
			}
		}
		if r > 1 && slices.Equal(order[r], order[r-1]) {
			alike++
		}
	}
	if alike*10 > rounds {
		t.Errorf("%d of %d rounds are like the one before", alike, rounds)
	}
	return order
}

func configs(names ...string) (out []coldstart.Config) {
	for _, n := range names {
		out = append(out, coldstart.Config{Variant: n, MemoryMB: 512, Arch: runtime.GOARCH})
	}
	return out
}

func TestRunFileIsInterleaved(t *testing.T) {
	p := runner.Job{Plan: plan.Plan{Runs: 40, WarmRuns: 2, Seed: 11}, Configs: configs("scratch", "al2", "debug")}
	p.FirstAfterDeploy = map[coldstart.Config]bool{p.Configs[1]: true}
	one := measure(t, fake.Options{Seed: 1}, p, 0)
	if len(one.Samples) != 40*9+1 || len(one.Warnings) != 0 || one.End.Stopped != runfile.StoppedPlan {
		t.Fatalf("%d samples, %q, end %+v", len(one.Samples), one.Warnings, one.End)
	}
	first := interleaved(t, one, 3, 40)
	if again := interleaved(t, measure(t, fake.Options{Seed: 2}, p, 0), 3, 40); !slices.EqualFunc(first, again, slices.Equal) {
		t.Error("the same seed gave another order")
	}
	p.Seed = 12
	if other := interleaved(t, measure(t, fake.Options{Seed: 1}, p, 0), 3, 40); slices.EqualFunc(first, other, slices.Equal) {
		t.Error("another seed gave the same order")
	}
	p.Seed = 11
	for _, at := range []int{1, 2, 17, 100} {
		if resumed := interleaved(t, measure(t, fake.Options{Seed: 1}, p, at), 3, 40); !slices.EqualFunc(first, resumed, slices.Equal) {
			t.Errorf("interrupted at step %d and resumed, the run has another order", at)
		}
	}
}

// The published runs are as their headers say: what was measured for real was
// measured in the order that follows from the seed.
func TestPublishedRunsAreInterleaved(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(committed.Files(t, filepath.Join("..", "..", ".."), "results"), "results", "runs", "*"+runfile.Ext))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Skip("no runs are published in results/runs")
	}
	for _, path := range paths {
		run, err := runfile.Open(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if run.End == nil || run.End.Stopped != runfile.StoppedPlan || len(run.Failures) > 0 || len(run.Header.Configs) < 3 {
			continue // cut off, or some rounds have holes
		}
		n, rounds := len(run.Header.Configs), run.Header.Plan.Runs
		for r, got := range interleaved(t, run, n, rounds) {
			if r == 0 {
				continue
			}
			for i, c := range runner.Order(run.Header.Plan.Seed, r, n) {
				if want := run.Header.Configs[c].Config; i >= len(got) || got[i] != want {
					t.Errorf("%s: round %d is %v, want %v at %d", path, r, got, want, i)
					break
				}
			}
		}
	}
}

// What goes wrong is in the file, and the counts add up.
func TestRunFileOfTrouble(t *testing.T) {
	p := runner.Job{Plan: plan.Plan{Runs: 20, WarmRuns: 1, Retries: 3}, Configs: configs("scratch", "broken", "debug")}
	run := measure(t, fake.Options{StaleEvery: 6}, p, 0)
	if len(run.Failures) != 3 || len(run.Rejects) == 0 || len(run.Warnings) != 0 {
		t.Fatalf("%d failures, %d rejects, %q", len(run.Failures), len(run.Rejects), run.Warnings)
	}
	for _, f := range run.Failures {
		if f.Variant != "broken" || f.Reason != coldstart.ReasonExit || f.Output != "exiting\n" || f.Report == "" {
			t.Errorf("failure %+v", f)
		}
	}
	for _, r := range run.Rejects {
		if r.Reason != "not-cold" || r.Report == "" {
			t.Errorf("reject %+v", r)
		}
	}
	n := map[string]int{}
	for _, s := range run.Samples {
		n[s.Config.Variant]++
	}
	if n["scratch"] != 40 || n["debug"] != 40 || n["broken"] != 0 {
		t.Errorf("samples %v", n)
	}
}
