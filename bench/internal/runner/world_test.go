package runner

import (
	"context"
	"errors"
	"fmt"
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
	full     int
	taken    func()
	deployed []coldstart.Deployed
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

func (m *memory) Reject(a coldstart.Attempt, _ *coldstart.ProofError) error {
	m.rejects = append(m.rejects, a)
	return m.take(a.Seq)
}

func (m *memory) Failure(a coldstart.Attempt, f *coldstart.InvocationError) error {
	m.failures = append(m.failures, a)
	m.reasons = append(m.reasons, f.Reason)
	return m.take(a.Seq)
}

func (m *memory) Deployed(d coldstart.Deployed) error {
	m.deployed = append(m.deployed, d)
	return nil
}

func configs(names ...string) []coldstart.Config {
	var cs []coldstart.Config
	for _, n := range names {
		cs = append(cs, coldstart.Config{Variant: n, MemoryMB: 512, Arch: "amd64"})
	}
	return cs
}

// take runs a plan in a world.
func take(t *testing.T, w *world, p Job, m *memory, o Options) (Result, error) {
	t.Helper()
	o.Clock = w
	p.Targets = w.targets(p.Configs)
	res, err := Run(t.Context(), p, m, o)
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
