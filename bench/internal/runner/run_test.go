package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
)

func TestRoundsHoldEachConfigOnce(t *testing.T) {
	w, m := newWorld(), &memory{}
	p := Job{Plan: plan.Plan{Runs: 20, WarmRuns: 2, Seed: 7, Pause: plan.Millis{Duration: 40 * time.Millisecond}}, Configs: configs("a", "b", "c")}
	var last Progress
	res, err := take(t, w, p, m, Options{Progress: func(p Progress) {
		if p.Done < last.Done || p.Done > p.Total {
			t.Errorf("progress went from %+v to %+v", last, p)
		}
		last = p
	}})
	if err != nil || res.Stopped != StoppedPlan || res.Samples != 180 || res.Rounds != 20 {
		t.Fatalf("result %+v, %v", res, err)
	}
	if last.Done != 180 || last.Total != 180 || last.Samples != 180 {
		t.Errorf("last progress %+v", last)
	}
	order := map[int][]string{}
	for i, s := range m.samples {
		if s.Seq != i+1 || s.Attempt != 1 || s.At.IsZero() {
			t.Fatalf("sample %d: %+v", i, s)
		}
		want := []coldstart.Class{coldstart.ClassCold, coldstart.ClassFirstWarm, coldstart.ClassWarm}[i%3]
		if s.Class != want || s.Config != m.samples[i-i%3].Config || s.Environment != m.samples[i-i%3].Environment {
			t.Fatalf("sample %d is %s %s of %s, want %s", i, s.Config, s.Class, s.Environment, want)
		}
		if s.Start == coldstart.Cold {
			order[s.Round] = append(order[s.Round], s.Config.Variant)
		}
	}
	for r := 1; r <= 20; r++ {
		var want []string
		for _, i := range Order(7, r, 3) {
			want = append(want, p.Configs[i].Variant)
		}
		if !slices.Equal(order[r], want) {
			t.Errorf("round %d is %v, want %v", r, order[r], want)
		}
	}
	// No pause before a cold start, the whole pause before each warm one.
	if len(w.slept) != 120 {
		t.Fatalf("%d pauses", len(w.slept))
	}
	for _, d := range w.slept {
		if d != 40*time.Millisecond {
			t.Fatalf("paused for %v", d)
		}
	}
}

func TestPauseCountsFromTheEnd(t *testing.T) {
	w, m := newWorld(), &memory{}
	m.taken = func() { w.now = w.now.Add(15 * time.Millisecond) } // a slow disk
	_, err := take(t, w, Job{Plan: plan.Plan{Runs: 1, WarmRuns: 1, Pause: plan.Millis{Duration: 40 * time.Millisecond}}, Configs: configs("a")}, m, Options{})
	if err != nil || !slices.Equal(w.slept, []time.Duration{25 * time.Millisecond}) {
		t.Errorf("paused for %v, %v", w.slept, err)
	}
}

func TestFirstAfterDeployIsBesideTheRuns(t *testing.T) {
	w, m := newWorld(), &memory{}
	p := Job{Plan: plan.Plan{Runs: 2, WarmRuns: 1}, Configs: configs("a", "b", "c")}
	p.FirstAfterDeploy = map[coldstart.Config]bool{p.Configs[0]: true, p.Configs[2]: true}
	var last Progress
	res, err := take(t, w, p, m, Options{Progress: func(p Progress) { last = p }})
	if err != nil || res.Samples != 2+12 || last.Done != 14 || last.Total != 14 {
		t.Fatalf("result %+v, %v, progress %+v", res, err, last)
	}
	n := map[coldstart.Class]int{}
	for _, s := range m.samples {
		n[s.Class]++
		if (s.Round == 0) != (s.Class == coldstart.ClassFirstAfterDeploy) {
			t.Errorf("round %d has class %s", s.Round, s.Class)
		}
	}
	if n[coldstart.ClassFirstAfterDeploy] != 2 || n[coldstart.ClassCold] != 6 || n[coldstart.ClassFirstWarm] != 6 {
		t.Errorf("classes %v", n)
	}
}

// suppressed makes each sample of a target one whose init was suppressed.
type suppressed struct{ coldstart.Target }

func (s suppressed) Start(ctx context.Context) (coldstart.Environment, coldstart.Sample, error) {
	env, sample, err := s.Target.Start(ctx)
	sample.Class = coldstart.ClassSuppressedInit
	return env, sample, err
}

// A first start whose init was suppressed is not like other first starts.
func TestSuppressedInitStaysThat(t *testing.T) {
	w, m := newWorld(), &memory{}
	p := Job{Plan: plan.Plan{Runs: 1}, Configs: configs("a"), FirstAfterDeploy: map[coldstart.Config]bool{configs("a")[0]: true}}
	targets := w.targets(p.Configs)
	targets[p.Configs[0]] = suppressed{targets[p.Configs[0]]}
	p.Targets = targets
	if _, err := Run(t.Context(), p, m, Options{Clock: w}); err != nil || len(m.samples) != 2 {
		t.Fatal(m.samples, err)
	}
	for _, s := range m.samples {
		if s.Class != coldstart.ClassSuppressedInit {
			t.Errorf("round %d has class %s", s.Round, s.Class)
		}
	}
}

func notCold(reason coldstart.ProofReason) error {
	return &coldstart.ProofError{Want: coldstart.Cold, Reason: reason}
}

func TestRejectsAreTakenAgain(t *testing.T) {
	w, m := newWorld(), &memory{}
	w.start = func(c coldstart.Config, n int) error {
		if n <= 2 {
			return notCold("throttled")
		}
		return nil
	}
	w.invoke = func(c coldstart.Config, n int) error {
		switch n {
		case 1:
			return &coldstart.ProofError{Want: coldstart.Warm, Reason: "wrong-request"}
		case 3:
			return &coldstart.ProofError{Want: coldstart.Warm, Reason: "not-warm"}
		}
		return nil
	}
	res, err := take(t, w, Job{Plan: plan.Plan{Runs: 1, WarmRuns: 3, Retries: 2}, Configs: configs("a")}, m, Options{})
	if err != nil || res.Rejects != 4 || res.Samples != 2 || res.Unproved != 1 || res.Failures != 0 {
		t.Fatalf("result %+v, %v", res, err)
	}
	if s := m.samples[0]; s.Attempt != 3 || s.Seq != 3 {
		t.Errorf("cold sample is attempt %d, seq %d", s.Attempt, s.Seq)
	}
	// The second invocation was not proved: this is the third.
	if s := m.samples[1]; s.Attempt != 2 || s.Class != coldstart.ClassWarm {
		t.Errorf("warm sample is attempt %d, class %s", s.Attempt, s.Class)
	}
}

func TestWrappedSentinelIsAReject(t *testing.T) {
	w, m := newWorld(), &memory{}
	w.start = func(_ coldstart.Config, n int) error { return fmt.Errorf("some backend: %w", coldstart.ErrNotCold) }
	res, err := take(t, w, Job{Plan: plan.Plan{Runs: 5, Retries: 3}, Configs: configs("a")}, m, Options{})
	if err != nil || res.Stopped != StoppedGaveUp || res.Unproved != 3 || res.Rejects != 12 || res.Failures != 0 {
		t.Fatalf("result %+v, %v", res, err)
	}
	if len(res.GaveUp) != 1 || !errors.Is(res.GaveUp[0].Last.Err, coldstart.ErrNotCold) {
		t.Errorf("gave up %v", res.GaveUp)
	}
}

func TestFailuresAreNotTakenAgain(t *testing.T) {
	w, m := newWorld(), &memory{}
	bad := &coldstart.InvocationError{Reason: coldstart.ReasonTimeout, Output: "tick", Err: errors.New("3 s passed")}
	w.start = func(c coldstart.Config, n int) error {
		if c.Variant == "b" && n%5 == 0 {
			return bad
		}
		return nil
	}
	w.invoke = func(c coldstart.Config, n int) error {
		if c.Variant == "c" && n == 4 {
			return bad
		}
		return nil
	}
	res, err := take(t, w, Job{Plan: plan.Plan{Runs: 10, WarmRuns: 3, Retries: 3}, Configs: configs("a", "b", "c")}, m, Options{})
	// Without a cold start there are no warm ones either; nor after a warm one
	// that failed.
	if err != nil || res.Stopped != StoppedPlan || res.Failures != 3 || len(res.GaveUp) != 0 || res.Samples != 120-2*4-3 {
		t.Fatalf("result %+v, %v", res, err)
	}
}

func TestSinkErrorEndsTheRun(t *testing.T) {
	for full := 1; full <= 12; full++ {
		w, m := newWorld(), &memory{full: full}
		w.start = func(_ coldstart.Config, n int) error {
			switch n {
			case 1:
				return notCold("not-cold")
			case 3:
				return &coldstart.InvocationError{Reason: coldstart.ReasonExit}
			}
			return nil
		}
		res, err := take(t, w, Job{Plan: plan.Plan{Runs: 20, WarmRuns: 1, Retries: 1}, Configs: configs("a", "b")}, m, Options{})
		if !errors.Is(err, errFull) || res.Stopped != StoppedGaveUp || res.Samples+res.Rejects+res.Failures != full-1 {
			t.Errorf("full at %d: result %+v, %v", full, res, err)
		}
	}
}

func TestInterruptAtEveryStep(t *testing.T) {
	p := Job{Plan: plan.Plan{Runs: 2, WarmRuns: 2, Pause: plan.Millis{Duration: time.Millisecond}}, Configs: configs("a", "b")}
	for step := 1; step <= 20; step++ {
		w, m := newWorld(), &memory{}
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		tick := func(coldstart.Config, int) error {
			if n++; n == step {
				cancel()
				return ctx.Err()
			}
			return nil
		}
		w.start, w.invoke = tick, tick
		p.Targets = w.targets(p.Configs)
		res, err := Run(ctx, p, m, Options{Clock: w})
		cancel()
		want := Result{Stopped: StoppedInterrupted, Samples: step - 1}
		if step > 12 {
			want = Result{Stopped: StoppedPlan, Samples: 12}
		}
		if err != nil || res.Stopped != want.Stopped || res.Samples != want.Samples || res.Failures != 0 || len(m.samples) != want.Samples {
			t.Errorf("step %d: result %+v, %v", step, res, err)
		}
		if w.open != 0 {
			t.Errorf("step %d: an environment is left running", step)
		}
	}
}

type atLeast int

func (n atLeast) Enough(v []float64) bool { return len(v) >= int(n) && v[0] == 3 }

func TestRuleEndsTheRun(t *testing.T) {
	w, m := newWorld(), &memory{}
	w.start = func(c coldstart.Config, n int) error {
		if c.Variant == "b" && n == 3 {
			return &coldstart.InvocationError{Reason: coldstart.ReasonExit}
		}
		return nil
	}
	p := Job{Plan: plan.Plan{Runs: 100, WarmRuns: 1}, Configs: configs("a", "b")}
	res, err := take(t, w, p, m, Options{Rule: atLeast(20)})
	if err != nil || res.Stopped != StoppedPrecision || res.Rounds != 21 {
		t.Errorf("result %+v, %v", res, err)
	}
	p.Past.Samples = m.samples[:60]
	if res, err = take(t, newWorld(), p, &memory{}, Options{Rule: atLeast(20)}); err != nil || res.Stopped != StoppedPrecision || res.Rounds > 21 {
		t.Errorf("resumed: result %+v, %v", res, err)
	}
}

func TestBadPlans(t *testing.T) {
	ok := Job{Plan: plan.Plan{Runs: 1}, Configs: configs("a", "b")}
	for name, change := range map[string]func(p *Job){
		"no configs":      func(p *Job) { p.Configs = nil },
		"no runs":         func(p *Job) { p.Runs = 0 },
		"negative warm":   func(p *Job) { p.WarmRuns = -1 },
		"negative pause":  func(p *Job) { p.Pause.Duration = -1 },
		"twice":           func(p *Job) { p.Configs = configs("a", "a") },
		"not opened":      func(p *Job) { p.Configs = configs("a", "x") },
		"negative retry":  func(p *Job) { p.Retries = -1 },
		"all in order":    func(p *Job) {},
		"and round 0 too": func(p *Job) { p.FirstAfterDeploy = map[coldstart.Config]bool{} },
	} {
		w, p := newWorld(), ok
		change(&p)
		p.Targets = w.targets(configs("a", "b"))
		_, err := Run(t.Context(), p, &memory{}, Options{Clock: w})
		if good := strings.HasPrefix(name, "all") || strings.HasPrefix(name, "and"); good != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && len(w.log) > 0 {
			t.Errorf("%s: something was started", name)
		}
	}
}
