package backendtest_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"coldbench/bench/internal/backend/backendtest"
	"coldbench/bench/internal/backend/fake"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/lambdalog"
)

// wrong is a backend that is right but for what it is told to do wrong.
type wrong struct {
	*fake.Backend
	// start makes a start of inner.
	start func(ctx context.Context, t *wrongTarget) (coldstart.Environment, coldstart.Sample, error)
	// change changes each sample; n counts them from 1.
	change func(s *coldstart.Sample, n int)
	close  func(e coldstart.Environment) error
	n      int
}

func (w *wrong) Open(ctx context.Context, c coldstart.Config, img coldstart.Image, o coldstart.Options) (coldstart.Target, error) {
	t, err := w.Backend.Open(ctx, c, img, o)
	return &wrongTarget{Target: t, w: w}, err
}

func (w *wrong) changed(s coldstart.Sample, err error) (coldstart.Sample, error) {
	if err == nil && w.change != nil {
		w.n++
		w.change(&s, w.n)
	}
	return s, err
}

type wrongTarget struct {
	coldstart.Target
	w    *wrong
	kept coldstart.Environment
}

func (t *wrongTarget) Start(ctx context.Context) (coldstart.Environment, coldstart.Sample, error) {
	var env coldstart.Environment
	var s coldstart.Sample
	var err error
	if t.w.start != nil {
		env, s, err = t.w.start(ctx, t)
	} else {
		env, s, err = t.Target.Start(ctx)
	}
	s, err = t.w.changed(s, err)
	if err != nil {
		return nil, s, err
	}
	return &wrongEnvironment{env, t.w}, s, nil
}

type wrongEnvironment struct {
	coldstart.Environment
	w *wrong
}

func (e *wrongEnvironment) Invoke(ctx context.Context) (coldstart.Sample, error) {
	return e.w.changed(e.Environment.Invoke(ctx))
}

func (e *wrongEnvironment) Close() error {
	if e.w.close != nil {
		return e.w.close(e.Environment)
	}
	return e.Environment.Close()
}

// reprint changes a sample's REPORT, so that line and numbers agree.
func reprint(s *coldstart.Sample, change func(r *lambdalog.Report)) {
	r, err := lambdalog.ParseReport(s.Raw)
	if err != nil {
		panic(err)
	}
	change(&r)
	s.Raw = r.Text()
	r, err = lambdalog.ParseReport(s.Raw)
	if err != nil {
		panic(err)
	}
	s.Metrics, s.RequestID = coldstart.Metrics(r.Metrics), r.RequestID
}

func bill(by float64) func(s *coldstart.Sample, n int) {
	return func(s *coldstart.Sample, n int) {
		reprint(s, func(r *lambdalog.Report) { *r.Metrics.BilledDurationMs += by })
	}
}

// cold makes a warm sample look like a cold one.
func fakeCold(s *coldstart.Sample) {
	ms := 2.0
	s.Start, s.Class, s.Invocation = coldstart.Cold, coldstart.ClassCold, 1
	s.Phases.ProvisionMs = &ms
	reprint(s, func(r *lambdalog.Report) {
		r.Metrics.InitDurationMs = &ms
		*r.Metrics.BilledDurationMs += 2
	})
}

func wrongBackends() map[string]struct {
	wrong wrong
	// finds names a check that has to fail, says a word of what it says.
	finds, says string
} {
	var last coldstart.Sample
	type w = struct {
		wrong       wrong
		finds, says string
	}
	leak := func(coldstart.Environment) error { return nil }
	return map[string]w{
		"cold that is warm": {wrong{start: func(ctx context.Context, t *wrongTarget) (coldstart.Environment, coldstart.Sample, error) {
			if t.kept == nil {
				env, s, err := t.Target.Start(ctx)
				if err == nil {
					t.kept = keep{env}
				}
				return env, s, err
			}
			s, err := t.kept.Invoke(ctx)
			if err == nil {
				fakeCold(&s)
			}
			return t.kept, s, err
		}, close: leak}, "cold", "not cold"},
		"warm that is cold": {wrong{change: func(s *coldstart.Sample, n int) {
			if s.Start == coldstart.Warm {
				f := *s.Function
				f.InstanceID, f.Invocation = fmt.Sprint("i", n), 1
				s.Function = &f
			}
		}}, "warm", "served as invocation 1 of instance"},
		"billed one too few":  {wrong{change: bill(-1)}, "cold", "billed"},
		"billed two too many": {wrong{change: bill(2)}, "warm", "billed"},
		"billed without init": {wrong{change: func(s *coldstart.Sample, n int) { reprint(s, withoutInitBill) }}, "cold", "billed"},
		"init missing": {wrong{change: func(s *coldstart.Sample, n int) {
			reprint(s, func(r *lambdalog.Report) { r.Metrics.InitDurationMs = nil })
		}}, "cold", "without Init Duration"},
		"init and duration mixed": {wrong{change: mixed}, "phases hold what they last", "sleeps 150 and 60"},
		"runtime beside its extensions": {wrong{change: func(s *coldstart.Sample, n int) {
			if s.Metrics.InitDurationMs != nil {
				reprint(s, func(r *lambdalog.Report) {
					*r.Metrics.BilledDurationMs -= 300
					*r.Metrics.InitDurationMs -= 300
				})
			}
		}}, "init holds the registration", "the extension sleeps 300 ms"},
		"extension's end a timeout": {wrong{start: func(ctx context.Context, t *wrongTarget) (coldstart.Environment, coldstart.Sample, error) {
			env, s, err := t.Target.Start(ctx)
			if f := (*coldstart.InvocationError)(nil); errors.As(err, &f) {
				f.Reason, f.Err = coldstart.ReasonTimeout, errors.New("task timed out")
			}
			return env, s, err
		}}, "extension that exits in an invocation", `want "exit status 7"`},
		"report of another request": {wrong{change: func(s *coldstart.Sample, n int) {
			now := *s
			if last.Raw != "" {
				s.Raw, s.Metrics = last.Raw, last.Metrics
			}
			last = now
		}}, "warm", "has the REPORT of"},
		"one request id for all": {wrong{change: func(s *coldstart.Sample, n int) {
			reprint(s, func(r *lambdalog.Report) { r.RequestID = "11111111-2222-4333-8444-555555555555" })
		}}, "cold", "two samples of request"},
		"numbers not of the line": {wrong{change: func(s *coldstart.Sample, n int) { *s.Metrics.DurationMs += 0.25 }}, "warm", "the metrics are not those of"},
		"another memory size": {wrong{change: func(s *coldstart.Sample, n int) {
			reprint(s, func(r *lambdalog.Report) { *r.Metrics.MemorySizeMB = 512 })
		}}, "memory sizes", "memory size 512"},
		"no proof":     {wrong{change: func(s *coldstart.Sample, n int) { s.Proof = nil }}, "warm", "without proof"},
		"no provision": {wrong{change: func(s *coldstart.Sample, n int) { s.Phases.ProvisionMs = nil }}, "cold", "without provision"},
		"zero for missing memory": {wrong{change: func(s *coldstart.Sample, n int) {
			reprint(s, func(r *lambdalog.Report) { *r.Metrics.MaxMemoryUsedMB = 0 })
		}}, "cold", "without Max Memory Used"},
		"no strategy": {wrong{change: func(s *coldstart.Sample, n int) { s.Strategy = "" }}, "cold", "without strategy"},
		"started on another clock": {wrong{change: func(s *coldstart.Sample, n int) {
			f, at := *s.Function, int64(5)
			f.StartedAtNs = &at
			s.Function = &f
		}}, "cold", "the function started at 5"},
		"close that leaks": {wrong{close: leak}, "close twice", "left behind"},
		"close that fails the second time": {wrong{close: func(e coldstart.Environment) error {
			if e, ok := e.(*once); ok && e.closed {
				return errors.New("no such container")
			}
			return e.Close()
		}, start: startOnce}, "close twice", "no such container"},
		"suppressed init called cold": {wrong{change: func(s *coldstart.Sample, n int) {
			if s.Class == coldstart.ClassSuppressedInit {
				s.Class = coldstart.ClassCold
			}
		}}, "init that fails once", "suppressed init"},
		"failure without reason": {wrong{start: func(ctx context.Context, t *wrongTarget) (coldstart.Environment, coldstart.Sample, error) {
			env, s, err := t.Target.Start(ctx)
			if f := (*coldstart.InvocationError)(nil); errors.As(err, &f) {
				err = errors.New("it failed")
			}
			return env, s, err
		}}, "exit 3", "is no Failure"},
		"everything is a timeout": {wrong{start: func(ctx context.Context, t *wrongTarget) (coldstart.Environment, coldstart.Sample, error) {
			env, s, err := t.Target.Start(ctx)
			if f := (*coldstart.InvocationError)(nil); errors.As(err, &f) {
				f.Reason = coldstart.ReasonTimeout
			}
			return env, s, err
		}}, "out of memory", `reason "timeout"`},
		"cancel without saying so": {wrong{start: func(ctx context.Context, t *wrongTarget) (coldstart.Environment, coldstart.Sample, error) {
			env, s, err := t.Target.Start(ctx)
			if ctx.Err() != nil {
				err = errors.New("EOF")
			}
			return env, s, err
		}}, "canceled in init", "does not say that the context ended"},
		"dead after a crash": {wrong{start: func(ctx context.Context, t *wrongTarget) (coldstart.Environment, coldstart.Sample, error) {
			if t.w.n < 0 {
				return nil, coldstart.Sample{}, errors.New("connection reset")
			}
			env, s, err := t.Target.Start(ctx)
			if f := (*coldstart.InvocationError)(nil); errors.As(err, &f) && f.Reason == coldstart.ReasonExit {
				t.w.n = -100
			}
			return env, s, err
		}}, "exit 3", "after exit 3"},
	}
}

// keep is an environment that is closed by nobody.
type keep struct{ coldstart.Environment }

func (keep) Close() error { return nil }

// once is an environment that knows whether it was closed.
type once struct {
	coldstart.Environment
	closed bool
}

func (o *once) Close() error { o.closed = true; return o.Environment.Close() }

func startOnce(ctx context.Context, t *wrongTarget) (coldstart.Environment, coldstart.Sample, error) {
	env, s, err := t.Target.Start(ctx)
	if err != nil {
		return nil, s, err
	}
	return &once{Environment: env}, s, nil
}

func withoutInitBill(r *lambdalog.Report) {
	if i := r.Metrics.InitDurationMs; i != nil {
		*r.Metrics.BilledDurationMs = max(1, *r.Metrics.BilledDurationMs-float64(int(*i)))
	}
}

func mixed(s *coldstart.Sample, n int) {
	if s.Metrics.InitDurationMs == nil {
		return
	}
	reprint(s, func(r *lambdalog.Report) {
		i, d := *r.Metrics.InitDurationMs, *r.Metrics.DurationMs
		*r.Metrics.InitDurationMs, *r.Metrics.DurationMs = 0.5, i+d-0.5
	})
}

func suite(b coldstart.Backend, f *fake.Backend) backendtest.Suite {
	img := coldstart.Image{ID: "sha256:fake", Arch: runtime.GOARCH, Entrypoint: []string{"/bootstrap"}}
	return backendtest.Suite{
		Backend:    b,
		Image:      img,
		Extensions: img,
		Broken:     coldstart.Image{ID: "sha256:broken", Arch: runtime.GOARCH, Entrypoint: img.Entrypoint, Environment: []string{"BENCH_TEST_FIRST=launch"}},
		Leftovers:  f.Running,
		Clock:      f.Clock,
		Lacks: map[backendtest.Ability]string{
			backendtest.CanStream: "nothing is run", backendtest.CanIsolate: "nothing is run", backendtest.CanCount: "nothing is run",
		},
	}
}

// A contract that a wrong backend passes is none.
func TestWrongBackendsFail(t *testing.T) {
	for name, c := range wrongBackends() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := fake.New(fake.Options{Seed: 1})
			w := c.wrong
			w.Backend = f
			var failed []string
			found := false
			for _, o := range backendtest.Check(t.Context(), suite(&w, f), c.finds) {
				for _, err := range o.Errs {
					found = found || o.Name == c.finds && strings.Contains(err.Error(), c.says)
				}
				if len(o.Errs) > 0 {
					failed = append(failed, fmt.Sprintf("%s: %v", o.Name, o.Errs[0]))
				}
			}
			if !found {
				t.Errorf("check %q does not say %q; what failed:\n%s", c.finds, c.says, strings.Join(failed, "\n"))
			}
		})
	}
}

// And a right one passes, through the same decorator.
func TestRightBackendPasses(t *testing.T) {
	f := fake.New(fake.Options{Seed: 2})
	var names []string
	for _, o := range backendtest.Check(t.Context(), suite(&wrong{Backend: f}, f)) {
		if len(o.Errs) > 0 {
			t.Errorf("%s: %v", o.Name, o.Errs)
		}
		names = append(names, o.Name)
	}
	slices.Sort(names)
	if len(names) < 20 || len(slices.Compact(names)) != len(names) {
		t.Errorf("checks %q", names)
	}
}
