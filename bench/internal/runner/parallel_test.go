package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
)

// crowd is a backend whose starts may overlap: it notes how many do.
type crowd struct {
	mu sync.Mutex
	// now counts what is running by function, at is the most at one time, most
	// that of each function.
	now, most map[string]int
	at, all   int
	order     []string
	bursts    []int
	starts    int
	// gate is waited for in every start; nil for none.
	gate func(c coldstart.Config)
	fail func(n int) error
}

type member struct {
	w        *crowd
	c        coldstart.Config
	function string
}

func newCrowd() *crowd { return &crowd{now: map[string]int{}, most: map[string]int{}} }

func (m member) Close() error { return nil }

func (m member) Start(ctx context.Context) (coldstart.Environment, coldstart.Sample, error) {
	w := m.w
	w.mu.Lock()
	w.order = append(w.order, m.c.Variant)
	w.now[m.function]++
	w.all++
	w.at = max(w.at, w.all)
	w.most[m.function] = max(w.most[m.function], w.now[m.function])
	w.starts++
	n, fail, gate := w.starts, w.fail, w.gate
	w.mu.Unlock()
	if gate != nil {
		gate(m.c)
	}
	if fail != nil {
		if err := fail(n); err != nil {
			m.end()
			return nil, coldstart.Sample{}, err
		}
	}
	return m, m.sample(n), nil
}

func (m member) sample(n int) coldstart.Sample {
	d, i := 1.0, 2.0
	return coldstart.Sample{Environment: fmt.Sprint(n), Invocation: 1, Start: coldstart.Cold, Class: coldstart.ClassCold, Metrics: coldstart.Metrics{DurationMs: &d, InitDurationMs: &i}}
}

func (m member) end() {
	m.w.mu.Lock()
	m.w.now[m.function]--
	m.w.all--
	m.w.mu.Unlock()
}

// Burst makes at most four starts at once.
func (m member) Burst(_ context.Context, n int) ([]coldstart.Started, error) {
	w := m.w
	w.mu.Lock()
	defer w.mu.Unlock()
	n = min(n, 4)
	w.bursts = append(w.bursts, n)
	var made []coldstart.Started
	for range n {
		w.starts++
		if w.fail != nil {
			if err := w.fail(w.starts); err != nil {
				made = append(made, coldstart.Started{Err: err})
				continue
			}
		}
		made = append(made, coldstart.Started{Environment: quietEnvironment{}, Sample: m.sample(w.starts)})
	}
	return made, nil
}

type quietEnvironment struct{}

func (quietEnvironment) Invoke(context.Context) (coldstart.Sample, error) {
	return coldstart.Sample{}, errors.New("not to be invoked")
}
func (quietEnvironment) Close() error { return nil }

// member is its own environment, which ends when it is closed.
func (m member) Invoke(context.Context) (coldstart.Sample, error) {
	s := m.sample(0)
	s.Invocation, s.Start = 2, coldstart.Warm
	s.Metrics.InitDurationMs = nil
	return s, nil
}

type ended struct{ member }

func (e ended) Close() error { e.end(); return nil }

type endingTarget struct{ member }

func (t endingTarget) Start(ctx context.Context) (coldstart.Environment, coldstart.Sample, error) {
	env, s, err := t.member.Start(ctx)
	if err != nil {
		return nil, s, err
	}
	return ended{env.(member)}, s, nil
}

// kept keeps what a run yields.
type kept struct {
	samples  []coldstart.Sample
	rejects  []coldstart.Attempt
	failures []coldstart.Attempt
}

func (k *kept) Sample(s coldstart.Sample) error {
	k.samples = append(k.samples, s)
	return nil
}

func (k *kept) Deployed(coldstart.Deployed) error { return nil }

func (k *kept) Reject(a coldstart.Attempt, _ *coldstart.ProofError) error {
	k.rejects = append(k.rejects, a)
	return nil
}

func (k *kept) Failure(a coldstart.Attempt, _ *coldstart.InvocationError) error {
	k.failures = append(k.failures, a)
	return nil
}

func crowdConfigs(names ...string) []coldstart.Config {
	var list []coldstart.Config
	for _, n := range names {
		list = append(list, coldstart.Config{Variant: n, MemoryMB: 512, Arch: "amd64"})
	}
	return list
}

func TestParallelConfigsOverlapAndSharedOnesTakeTurns(t *testing.T) {
	w := newCrowd()
	// A start of a config of its own ends only when the other one's has begun:
	// without overlap the test would stop here.
	var meet sync.WaitGroup
	meet.Add(2)
	met := map[string]bool{}
	w.gate = func(c coldstart.Config) {
		w.mu.Lock()
		first := !met[c.Variant] && (c.Variant == "b" || c.Variant == "c")
		met[c.Variant] = true
		w.mu.Unlock()
		if first {
			meet.Done()
			meet.Wait()
		}
	}
	configs := crowdConfigs("a128", "a512", "b", "c")
	function := map[string]string{"a128": "a", "a512": "a"}
	targets, shares := map[coldstart.Config]coldstart.Target{}, map[coldstart.Config]string{}
	for _, c := range configs {
		f := function[c.Variant]
		shares[c] = f
		if f == "" {
			f = c.Variant
		}
		targets[c] = endingTarget{member{w, c, f}}
	}
	sink := &kept{}
	res, err := Run(context.Background(), Job{Plan: plan.Plan{Runs: 20, WarmRuns: 1, Seed: 3, Parallel: 3}, Configs: configs, Shares: shares, Targets: targets}, sink, Options{})
	if err != nil || res.Samples != 160 || res.Stopped != StoppedPlan || len(sink.samples) != 160 {
		t.Fatalf("%+v, %v, %d kept", res, err, len(sink.samples))
	}
	if w.at < 2 || w.at > 3 {
		t.Errorf("%d starts at one time, want 2 or 3", w.at)
	}
	for f, n := range w.most {
		if n != 1 {
			t.Errorf("%d starts of function %s at one time", n, f)
		}
	}
	seen := map[int]bool{}
	for _, s := range sink.samples {
		if seen[s.Seq] || s.Seq < 1 || s.Seq > 160 {
			t.Fatalf("seq %d twice or out of range", s.Seq)
		}
		seen[s.Seq] = true
	}
}

func TestOneErrorEndsAParallelRound(t *testing.T) {
	w := newCrowd()
	stop := fmt.Errorf("%w: credentials expired", coldstart.ErrAbort)
	w.fail = func(n int) error {
		if n == 5 {
			return stop
		}
		return nil
	}
	configs := crowdConfigs("a", "b", "c")
	targets := map[coldstart.Config]coldstart.Target{}
	for _, c := range configs {
		targets[c] = endingTarget{member{w, c, c.Variant}}
	}
	sink := &kept{}
	res, err := Run(context.Background(), Job{Plan: plan.Plan{Runs: 20, Parallel: 3}, Configs: configs, Targets: targets}, sink, Options{})
	if !errors.Is(err, coldstart.ErrAbort) || res.Stopped != StoppedInterrupted {
		t.Fatalf("%+v, %v", res, err)
	}
	if len(sink.failures)+len(sink.rejects) != 0 || len(sink.samples) < 3 || len(sink.samples) > 6 {
		t.Errorf("%d samples, %d failures, %d rejects", len(sink.samples), len(sink.failures), len(sink.rejects))
	}
	if w.all != 0 {
		t.Errorf("%d environments are left", w.all)
	}
}

func TestBurstTakesRoundsAtOnce(t *testing.T) {
	w := newCrowd()
	w.fail = func(n int) error {
		switch n {
		case 2, 3:
			return &coldstart.ProofError{Want: coldstart.Cold, Reason: "not-cold"}
		case 9:
			return &coldstart.InvocationError{Reason: coldstart.ReasonExit}
		}
		return nil
	}
	configs := crowdConfigs("a")
	targets := map[coldstart.Config]coldstart.Target{configs[0]: member{w, configs[0], "a"}}
	sink := &kept{}
	var last Progress
	res, err := Run(context.Background(), Job{Plan: plan.Plan{Runs: 10, Burst: 6, Retries: 2}, Configs: configs, Targets: targets}, sink, Options{Progress: func(p Progress) { last = p }})
	if err != nil || res.Samples != 9 || res.Rejects != 2 || res.Failures != 1 || res.Rounds != 10 {
		t.Fatalf("%+v, %v", res, err)
	}
	// Six rounds: four, of which two are not proved; the two and the two left;
	// then the last four rounds.
	if want := []int{4, 4, 4}; !slices.Equal(w.bursts, want) {
		t.Errorf("bursts of %v, want %v", w.bursts, want)
	}
	var rounds []int
	for _, s := range sink.samples {
		rounds = append(rounds, s.Round)
	}
	rounds = append(rounds, sink.failures[0].Round)
	slices.Sort(rounds)
	if want := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}; !slices.Equal(rounds, want) {
		t.Errorf("rounds %v, want %v", rounds, want)
	}
	if last.Done != 10 || last.Total != 10 {
		t.Errorf("progress %+v", last)
	}
	for _, a := range sink.rejects {
		if a.Attempt != 1 {
			t.Errorf("reject %+v", a)
		}
	}
}

func TestBurstGoesOnWhereARunWasCut(t *testing.T) {
	w := newCrowd()
	configs := crowdConfigs("a")
	targets := map[coldstart.Config]coldstart.Target{configs[0]: member{w, configs[0], "a"}}
	past := plan.Past{}
	for _, round := range []int{1, 3, 4} {
		past.Samples = append(past.Samples, coldstart.Sample{Config: configs[0], Round: round, Seq: round, Start: coldstart.Cold, Class: coldstart.ClassCold})
	}
	sink := &kept{}
	res, err := Run(context.Background(), Job{Plan: plan.Plan{Runs: 6, Burst: 6}, Configs: configs, Past: past, Targets: targets}, sink, Options{})
	if err != nil || res.Samples != 6 || len(sink.samples) != 3 || !slices.Equal(w.bursts, []int{3}) {
		t.Fatalf("%+v, %v, %d new, bursts %v", res, err, len(sink.samples), w.bursts)
	}
}

func TestPlansThatCannotBurst(t *testing.T) {
	w := newWorld()
	configs := crowdConfigs("a")
	for _, p := range []Job{
		{Plan: plan.Plan{Runs: 4, Burst: 2}},
		{Plan: plan.Plan{Runs: 4, Burst: 2, WarmRuns: 1}},
		{Plan: plan.Plan{Runs: 4, Parallel: -1}},
	} {
		p.Configs, p.Targets = configs, w.targets(configs)
		if _, err := Run(context.Background(), p, &kept{}, Options{Clock: w}); err == nil {
			t.Errorf("%+v was run", p)
		}
	}
	if len(w.log) != 0 {
		t.Errorf("started: %q", w.log)
	}
}
