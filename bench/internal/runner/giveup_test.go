package runner

import (
	"errors"
	"fmt"
	"testing"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
)

func TestHopelessConfigIsGivenUp(t *testing.T) {
	fail := &coldstart.InvocationError{Reason: coldstart.ReasonExit, Output: "panic: no", Err: errors.New("exit status 2")}
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
			p := Job{Plan: plan.Plan{Runs: 30}, Configs: configs("a", "b", "c")}
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
	res, err := take(t, w, Job{Plan: plan.Plan{Runs: 50}, Configs: configs("a", "b", "c", "d")}, m, Options{})
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
			return &coldstart.InvocationError{Reason: coldstart.ReasonEngine, Err: errors.New("no such image")}
		}
		return nil
	}
	res, err := take(t, w, Job{Plan: plan.Plan{Runs: 10}, Configs: configs("a", "b")}, m, Options{})
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
	res, err := take(t, w, Job{Plan: plan.Plan{Runs: 50}, Configs: configs("a")}, m, Options{})
	if !errors.Is(err, busy) || res.Samples != 7 || len(res.Warnings) != 4 {
		t.Fatalf("result %+v, %v", res, err)
	}
}

// An environment that says so ends the run at once: what comes after it would
// be left behind, too.
func TestEnvironmentThatMayNotBeClosedEndsTheRun(t *testing.T) {
	w, m := newWorld(), &memory{}
	denied := fmt.Errorf("%w: no permission", coldstart.ErrAbort)
	w.close = func(_ coldstart.Config, n int) error {
		if n == 2 {
			return denied
		}
		return nil
	}
	res, err := take(t, w, Job{Plan: plan.Plan{Runs: 50}, Configs: configs("a")}, m, Options{})
	if !errors.Is(err, denied) || res.Samples != 2 || res.Stopped != StoppedInterrupted {
		t.Fatalf("result %+v, %v", res, err)
	}
}
