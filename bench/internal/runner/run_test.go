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
)

// world is a backend whose every step is written down.
type world struct {
	now   time.Time
	slept []time.Duration
	log   []string
	// open is the number of environments that are running.
	open, starts int
	// start and invoke say what comes of the n-th start or invocation of a
	// configuration, counted from 1; nil for all well.
	start, invoke func(c coldstart.Config, n int) error
	close         func(c coldstart.Config, n int) error
	count         map[string]int
}

func newWorld() *world {
	return &world{now: time.Unix(1e9, 0), count: map[string]int{}}
}

func (w *world) Now() time.Time { return w.now }

func (w *world) Sleep(ctx context.Context, d time.Duration) error {
	w.slept = append(w.slept, d)
	w.now = w.now.Add(max(d, 0))
	return ctx.Err()
}

func (w *world) logf(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

func (w *world) nth(what string, c coldstart.Config) int {
	w.count[what+c.Variant]++
	return w.count[what+c.Variant]
}

func (w *world) targets(cs []coldstart.Config) map[coldstart.Config]coldstart.Target {
	m := map[coldstart.Config]coldstart.Target{}
	for _, c := range cs {
		m[c] = target{w, c}
	}
	return m
}

type target struct {
	w *world
	c coldstart.Config
}

func (t target) Close() error { return nil }

func (t target) Start(ctx context.Context) (coldstart.Environment, coldstart.Sample, error) {
	if t.w.open != 0 {
		t.w.logf("OVERLAP %s", t.c.Variant)
	}
	n := t.w.nth("start", t.c)
	t.w.now = t.w.now.Add(10 * time.Millisecond)
	if t.w.start != nil {
		if err := t.w.start(t.c, n); err != nil {
			return nil, coldstart.Sample{}, err
		}
	}
	t.w.open++
	t.w.starts++
	t.w.logf("start %s", t.c.Variant)
	d, i := 1.0, 2.0
	e := &environment{t: t, name: fmt.Sprintf("e%d", t.w.starts), invocation: 1}
	return e, coldstart.Sample{
		Environment: e.name, Invocation: 1, Start: coldstart.Cold, Class: coldstart.ClassCold,
		Metrics: coldstart.Metrics{DurationMs: &d, InitDurationMs: &i},
	}, nil
}

type environment struct {
	t          target
	name       string
	invocation int
	closed     bool
}

func (e *environment) Invoke(ctx context.Context) (coldstart.Sample, error) {
	w := e.t.w
	w.now = w.now.Add(time.Millisecond)
	n := w.nth("invoke", e.t.c)
	e.invocation++
	if w.invoke != nil {
		if err := w.invoke(e.t.c, n); err != nil {
			return coldstart.Sample{}, err
		}
	}
	w.logf("invoke %s", e.t.c.Variant)
	d := 0.5
	return coldstart.Sample{
		Environment: e.name, Invocation: e.invocation, Start: coldstart.Warm,
		Metrics: coldstart.Metrics{DurationMs: &d},
	}, nil
}

func (e *environment) Close() error {
	w := e.t.w
	if !e.closed {
		e.closed = true
		w.open--
		w.logf("close %s", e.t.c.Variant)
	}
	if w.close != nil {
		return w.close(e.t.c, w.nth("close", e.t.c))
	}
	return nil
}

// memory is a sink.
type memory struct {
	samples  []coldstart.Sample
	rejects  []coldstart.Attempt
	failures []coldstart.Attempt
	reasons  []coldstart.Reason
	seqs     []int
	// full makes the record with that number fail.
	full  int
	taken func()
}

var errFull = errors.New("no space left on device")

func (m *memory) take(seq int) error {
	if m.full > 0 && len(m.seqs)+1 >= m.full {
		return errFull
	}
	m.seqs = append(m.seqs, seq)
	if m.taken != nil {
		m.taken()
	}
	return nil
}

func (m *memory) Sample(s coldstart.Sample) error {
	if err := m.take(s.Seq); err != nil {
		return err
	}
	m.samples = append(m.samples, s)
	return nil
}

func (m *memory) Reject(a coldstart.Attempt, _ *coldstart.NotProved) error {
	m.rejects = append(m.rejects, a)
	return m.take(a.Seq)
}

func (m *memory) Failure(a coldstart.Attempt, f *coldstart.Failure) error {
	m.failures = append(m.failures, a)
	m.reasons = append(m.reasons, f.Reason)
	return m.take(a.Seq)
}

func configs(names ...string) []coldstart.Config {
	var cs []coldstart.Config
	for _, n := range names {
		cs = append(cs, coldstart.Config{Variant: n, MemoryMB: 512, Arch: "amd64"})
	}
	return cs
}

// take runs a plan in a world.
func take(t *testing.T, w *world, p Plan, m *memory, o Options) (Result, error) {
	t.Helper()
	o.Clock = w
	res, err := Run(t.Context(), p, w.targets(p.Configs), m, o)
	if w.open != 0 {
		t.Errorf("%d environments are left running", w.open)
	}
	for _, l := range w.log {
		if strings.HasPrefix(l, "OVERLAP") {
			t.Error("an environment was started beside another")
		}
	}
	for i, s := range m.seqs {
		if s != m.seqs[0]+i {
			t.Errorf("record %d has seq %d", i, s)
		}
	}
	return res, err
}

func TestRoundsHoldEachConfigOnce(t *testing.T) {
	w, m := newWorld(), &memory{}
	p := Plan{Configs: configs("a", "b", "c"), Runs: 20, WarmRuns: 2, Seed: 7, Pause: 40 * time.Millisecond}
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
	_, err := take(t, w, Plan{Configs: configs("a"), Runs: 1, WarmRuns: 1, Pause: 40 * time.Millisecond}, m, Options{})
	if err != nil || !slices.Equal(w.slept, []time.Duration{25 * time.Millisecond}) {
		t.Errorf("paused for %v, %v", w.slept, err)
	}
}

func TestFirstAfterDeployIsBesideTheRuns(t *testing.T) {
	w, m := newWorld(), &memory{}
	p := Plan{Configs: configs("a", "b", "c"), Runs: 2, WarmRuns: 1}
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
	p := Plan{Configs: configs("a"), Runs: 1, FirstAfterDeploy: map[coldstart.Config]bool{configs("a")[0]: true}}
	targets := w.targets(p.Configs)
	targets[p.Configs[0]] = suppressed{targets[p.Configs[0]]}
	if _, err := Run(t.Context(), p, targets, m, Options{Clock: w}); err != nil || len(m.samples) != 2 {
		t.Fatal(m.samples, err)
	}
	for _, s := range m.samples {
		if s.Class != coldstart.ClassSuppressedInit {
			t.Errorf("round %d has class %s", s.Round, s.Class)
		}
	}
}

func notCold(reason string) error { return &coldstart.NotProved{Want: coldstart.Cold, Reason: reason} }

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
			return &coldstart.NotProved{Want: coldstart.Warm, Reason: "wrong-request"}
		case 3:
			return &coldstart.NotProved{Want: coldstart.Warm, Reason: "not-warm"}
		}
		return nil
	}
	res, err := take(t, w, Plan{Configs: configs("a"), Runs: 1, WarmRuns: 3, Retries: 2}, m, Options{})
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
	res, err := take(t, w, Plan{Configs: configs("a"), Runs: 5, Retries: 3}, m, Options{})
	if err != nil || res.Stopped != StoppedGaveUp || res.Unproved != 3 || res.Rejects != 12 || res.Failures != 0 {
		t.Fatalf("result %+v, %v", res, err)
	}
	if len(res.GaveUp) != 1 || !errors.Is(res.GaveUp[0].Last.Err, coldstart.ErrNotCold) {
		t.Errorf("gave up %v", res.GaveUp)
	}
}

func TestFailuresAreNotTakenAgain(t *testing.T) {
	w, m := newWorld(), &memory{}
	bad := &coldstart.Failure{Reason: coldstart.ReasonTimeout, Output: "tick", Err: errors.New("3 s passed")}
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
	res, err := take(t, w, Plan{Configs: configs("a", "b", "c"), Runs: 10, WarmRuns: 3, Retries: 3}, m, Options{})
	// Without a cold start there are no warm ones either; nor after a warm one
	// that failed.
	if err != nil || res.Stopped != StoppedPlan || res.Failures != 3 || len(res.GaveUp) != 0 || res.Samples != 120-2*4-3 {
		t.Fatalf("result %+v, %v", res, err)
	}
}

func TestHopelessConfigIsGivenUp(t *testing.T) {
	fail := &coldstart.Failure{Reason: coldstart.ReasonExit, Output: "panic: no", Err: errors.New("exit status 2")}
	for _, c := range []struct {
		name             string
		fails            func(n int) bool
		failed, attempts int
	}{
		{"first three", func(n int) bool { return true }, 3, 3},
		{"more than a third", func(n int) bool { return n > 7 }, 4, 11},
		{"every other", func(n int) bool { return n%2 == 0 }, 5, 10},
		{"two at first", func(n int) bool { return n <= 2 }, 0, 0},
		{"a third is not more", func(n int) bool { return n%3 == 0 }, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, m := newWorld(), &memory{}
			w.start = func(cf coldstart.Config, n int) error {
				if cf.Variant == "b" && c.fails(n) {
					return fail
				}
				return nil
			}
			p := Plan{Configs: configs("a", "b", "c"), Runs: 30}
			res, err := take(t, w, p, m, Options{})
			if err != nil || res.Stopped != StoppedPlan {
				t.Fatalf("result %+v, %v", res, err)
			}
			if w.count["starta"] != 30 || w.count["startc"] != 30 {
				t.Error("the others were not measured")
			}
			if c.failed == 0 {
				if len(res.GaveUp) != 0 {
					t.Errorf("gave up %v", res.GaveUp)
				}
				return
			}
			if len(res.GaveUp) != 1 {
				t.Fatalf("gave up %v", res.GaveUp)
			}
			g := res.GaveUp[0]
			if g.Config != p.Configs[1] || g.Failed != c.failed || g.Attempts != c.attempts || g.Last.Output != "panic: no" {
				t.Errorf("gave up %+v, want %d of %d", g, c.failed, c.attempts)
			}
			if w.count["startb"] != c.attempts {
				t.Errorf("%d starts of what was given up", w.count["startb"])
			}
		})
	}
}

func TestDeadEngineEndsTheRun(t *testing.T) {
	w, m := newWorld(), &memory{}
	gone := errors.New("connection refused")
	w.start = func(_ coldstart.Config, n int) error {
		if n > 10 {
			return gone
		}
		return nil
	}
	res, err := take(t, w, Plan{Configs: configs("a", "b", "c", "d"), Runs: 50}, m, Options{})
	if !errors.Is(err, gone) || res.Stopped != StoppedGaveUp || res.Samples != 40 || res.Failures != 4 || len(m.samples) != 40 {
		t.Fatalf("result %+v, %v", res, err)
	}
	if m.reasons[0] != coldstart.ReasonEngine {
		t.Errorf("reason %q", m.reasons[0])
	}
}

// An engine that fails one configuration works for the others.
func TestEngineFailuresOfOneConfig(t *testing.T) {
	w, m := newWorld(), &memory{}
	w.start = func(c coldstart.Config, n int) error {
		if c.Variant == "b" {
			return &coldstart.Failure{Reason: coldstart.ReasonEngine, Err: errors.New("no such image")}
		}
		return nil
	}
	res, err := take(t, w, Plan{Configs: configs("a", "b"), Runs: 10}, m, Options{})
	if err != nil || res.Stopped != StoppedPlan || len(res.GaveUp) != 1 || res.Samples != 10 {
		t.Fatalf("result %+v, %v", res, err)
	}
}

func TestLeakingBackendEndsTheRun(t *testing.T) {
	w, m := newWorld(), &memory{}
	busy := errors.New("device or resource busy")
	w.close = func(_ coldstart.Config, n int) error {
		if n == 1 || n > 4 {
			return busy
		}
		return nil
	}
	res, err := take(t, w, Plan{Configs: configs("a"), Runs: 50}, m, Options{})
	if !errors.Is(err, busy) || res.Samples != 7 || len(res.Warnings) != 4 {
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
				return &coldstart.Failure{Reason: coldstart.ReasonExit}
			}
			return nil
		}
		res, err := take(t, w, Plan{Configs: configs("a", "b"), Runs: 20, WarmRuns: 1, Retries: 1}, m, Options{})
		if !errors.Is(err, errFull) || res.Stopped != StoppedGaveUp || res.Samples+res.Rejects+res.Failures != full-1 {
			t.Errorf("full at %d: result %+v, %v", full, res, err)
		}
	}
}

func TestInterruptAtEveryStep(t *testing.T) {
	p := Plan{Configs: configs("a", "b"), Runs: 2, WarmRuns: 2, Pause: time.Millisecond}
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
		res, err := Run(ctx, p, w.targets(p.Configs), m, Options{Clock: w})
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

// A run that is interrupted anywhere and resumed has the cold starts that it
// would have had, in the same order.
func TestResumeHasTheSameRounds(t *testing.T) {
	p := Plan{Configs: configs("a", "b", "c"), Runs: 4, WarmRuns: 1, Seed: 3, Retries: 1}
	p.FirstAfterDeploy = map[coldstart.Config]bool{p.Configs[1]: true}
	trouble := func(w *world) {
		w.start = func(c coldstart.Config, n int) error {
			if c.Variant == "c" && n == 2 {
				return &coldstart.Failure{Reason: coldstart.ReasonExit}
			}
			return nil
		}
	}
	colds := func(m *memory) (out []string) {
		for _, s := range m.samples {
			if s.Start == coldstart.Cold {
				out = append(out, fmt.Sprint(s.Round, s.Config.Variant))
			}
		}
		return out
	}
	whole := &memory{}
	w := newWorld()
	trouble(w)
	all, err := take(t, w, p, whole, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut <= len(whole.seqs); cut++ {
		past := Past{}
		for _, s := range whole.samples {
			if s.Seq <= cut {
				past.Samples = append(past.Samples, s)
			}
		}
		for _, a := range whole.failures {
			if a.Seq <= cut {
				past.Failures = append(past.Failures, a)
			}
		}
		w, m := newWorld(), &memory{samples: slices.Clone(past.Samples)}
		if len(past.Failures) == 0 {
			w.start = func(c coldstart.Config, n int) error {
				if c.Variant == "c" && n == 2-len(colds(&memory{samples: only(past.Samples, "c")})) {
					return &coldstart.Failure{Reason: coldstart.ReasonExit}
				}
				return nil
			}
		}
		q := p
		q.Past = past
		res, err := take(t, w, q, m, Options{})
		if err != nil || res.Stopped != StoppedPlan || res.Failures != all.Failures {
			t.Fatalf("cut at %d: %+v, %v", cut, res, err)
		}
		if got, want := colds(m), colds(whole); !slices.Equal(got, want) {
			t.Errorf("cut at %d: cold starts\n%v, want\n%v", cut, got, want)
		}
		if len(m.seqs) > 0 && m.seqs[0] != cut+1 {
			t.Errorf("cut at %d: goes on with seq %d", cut, m.seqs[0])
		}
	}
}

func only(ss []coldstart.Sample, variant string) (out []coldstart.Sample) {
	for _, s := range ss {
		if s.Config.Variant == variant {
			out = append(out, s)
		}
	}
	return out
}

func TestResumeGoesOnWithAttempts(t *testing.T) {
	p := Plan{Configs: configs("a"), Runs: 2, Retries: 2}
	reject := func(round, seq, attempt int) coldstart.Attempt {
		return coldstart.Attempt{Config: p.Configs[0], Round: round, Seq: seq, Attempt: attempt, Want: coldstart.Cold}
	}
	p.Past.Rejects = []coldstart.Attempt{reject(1, 1, 1), reject(1, 2, 2), reject(1, 3, 3), reject(2, 4, 1)}
	w, m := newWorld(), &memory{}
	res, err := take(t, w, p, m, Options{})
	if err != nil || res.Unproved != 1 || res.Rejects != 4 || res.Samples != 1 || m.samples[0].Attempt != 2 || m.samples[0].Round != 2 || m.samples[0].Seq != 5 {
		t.Errorf("result %+v, %v, samples %+v", res, err, m.samples)
	}
}

type atLeast int

func (n atLeast) Enough(v []float64) bool { return len(v) >= int(n) && v[0] == 3 }

func TestRuleEndsTheRun(t *testing.T) {
	w, m := newWorld(), &memory{}
	w.start = func(c coldstart.Config, n int) error {
		if c.Variant == "b" && n == 3 {
			return &coldstart.Failure{Reason: coldstart.ReasonExit}
		}
		return nil
	}
	p := Plan{Configs: configs("a", "b"), Runs: 100, WarmRuns: 1}
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
	ok := Plan{Configs: configs("a", "b"), Runs: 1}
	for name, change := range map[string]func(p *Plan){
		"no configs":      func(p *Plan) { p.Configs = nil },
		"no runs":         func(p *Plan) { p.Runs = 0 },
		"negative warm":   func(p *Plan) { p.WarmRuns = -1 },
		"negative pause":  func(p *Plan) { p.Pause = -1 },
		"twice":           func(p *Plan) { p.Configs = configs("a", "a") },
		"not opened":      func(p *Plan) { p.Configs = configs("a", "x") },
		"negative retry":  func(p *Plan) { p.Retries = -1 },
		"all in order":    func(p *Plan) {},
		"and round 0 too": func(p *Plan) { p.FirstAfterDeploy = map[coldstart.Config]bool{} },
	} {
		w, p := newWorld(), ok
		change(&p)
		_, err := Run(t.Context(), p, w.targets(configs("a", "b")), &memory{}, Options{Clock: w})
		if good := strings.HasPrefix(name, "all") || strings.HasPrefix(name, "and"); good != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && len(w.log) > 0 {
			t.Errorf("%s: something was started", name)
		}
	}
}
