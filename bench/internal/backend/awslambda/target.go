package awslambda

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"coldbench/bench/internal/coldstart"
)

type target struct {
	session  *Session
	config   coldstart.Config
	facts    *Facts
	function *function
	payload  []byte
	log      func(string)

	mu sync.Mutex
	// forced is a cold start that was prepared and not used: the invocation was refused.
	forced forced
	// refused counts refusals in a row; until is when the next invocation may be sent.
	refused int
	until   time.Time
}

var _ coldstart.Target = (*target)(nil)

// forced is a function that stands ready for a cold start, invoked by ref.
type forced struct {
	ready    bool
	ref      Ref
	strategy string
	expected
	// release gives back what was taken for it; may be nil.
	release func() error
}

// Close restores nothing: the session does, at its end.
func (t *target) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.forced.drop()
}

func (f *forced) drop() error {
	release := f.release
	*f = forced{}
	if release == nil {
		return nil
	}
	return release()
}

// Start forces a cold start and proves it.
func (t *target) Start(ctx context.Context) (coldstart.Environment, coldstart.Sample, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.prepare(ctx); err != nil {
		return nil, coldstart.Sample{}, err
	}
	use := t.forced
	a, err := t.invoke(ctx, use.ref)
	if err != nil {
		return nil, coldstart.Sample{}, t.refuse(ctx, coldstart.Cold, err)
	}
	t.refused, t.forced = 0, forced{}
	e, s, err := t.cold(ctx, use, a)
	if err != nil {
		if use.release != nil {
			err = errors.Join(err, use.release())
		}
		return nil, coldstart.Sample{}, err
	}
	return e, s, nil
}

// prepare makes the function ready for a cold start unless it is.
func (t *target) prepare(ctx context.Context) error {
	if err := t.pause(ctx); err != nil || t.forced.ready {
		return err
	}
	f, err := t.force(ctx)
	if err != nil {
		return failed(ctx, err)
	}
	t.forced = f
	return nil
}

func (t *target) pause(ctx context.Context) error {
	clock := t.session.c.clock
	return clock.Sleep(ctx, t.until.Sub(clock.Now()))
}

func (t *target) invoke(ctx context.Context, ref Ref) (answer, error) {
	t.session.c.warmUp(ctx, ref, 1)
	a, err := t.session.c.invoke(ctx, ref, t.payload, t.facts.Timeout)
	t.session.invoked(ref)
	return a, err
}

// refuse turns an invocation's error into the runner's, and remembers how long to wait.
func (t *target) refuse(ctx context.Context, want coldstart.Start, err error) error {
	wait, out := refusal(ctx, want, t.facts.Ref, err)
	var np *coldstart.ProofError
	if !errors.As(out, &np) {
		return errors.Join(out, t.forced.drop())
	}
	t.wait(max(wait, backoff(t.refused)))
	t.refused++
	if want == coldstart.Cold && np.Reason != coldstart.Throttled {
		// Nobody knows whether it ran.
		if err := t.forced.drop(); err != nil {
			return err
		}
	}
	return out
}

// sample reads the log of an invocation. The sample is not proved to be anything.
func (t *target) sample(ctx context.Context, want coldstart.Start, use forced, environment string, a answer) (coldstart.Sample, reading, error) {
	r, err := t.session.c.read(ctx, t.facts, want, a)
	if err != nil {
		if a.functionError != "" && !errors.Is(err, coldstart.ErrAbort) && ctx.Err() == nil {
			err = failureOf(a, reading{})
		}
		return coldstart.Sample{}, r, err
	}
	if t.log != nil {
		t.log(r.log)
	}
	if f := failureOf(a, r); f != nil {
		return coldstart.Sample{}, r, f
	}
	took := float64(a.took.Nanoseconds()) / 1e6
	s := coldstart.Sample{
		Config: t.config, At: a.at, Strategy: use.strategy, Environment: environment, RequestID: a.requestID,
		Metrics: coldstart.Metrics(r.report.Metrics), Raw: r.raw, Phases: coldstart.Phases{ClientMs: &took},
	}
	if f, ok := coldstart.ParseAnswer(a.payload); ok {
		s.Function = f
	}
	return s, r, nil
}

func (t *target) cold(ctx context.Context, use forced, a answer) (*environment, coldstart.Sample, error) {
	s, r, err := t.sample(ctx, coldstart.Cold, use, a.requestID, a)
	if err == nil {
		err = proveCold(&s, r, a, use.expected, t.isNew)
	}
	if err != nil {
		return nil, coldstart.Sample{}, err
	}
	if s.Proof[len(s.Proof)-1] == coldstart.ProofProactiveInit {
		if t.facts.Provisioned {
			return nil, coldstart.Sample{}, refusing(coldstart.Cold, &s)("provisioned", "the environment stood ready: the function has provisioned concurrency")
		}
		t.session.mu.Lock()
		t.session.proactive++
		t.session.mu.Unlock()
	}
	e := &environment{target: t, use: use, id: a.requestID, invocations: 1}
	if s.Function != nil {
		e.instance = s.Function.InstanceID
	}
	return e, s, nil
}

func (t *target) isNew(id string) bool {
	return t.session.isNew(instance{function: t.facts.Ref.Name, id: id})
}

// force makes the function ready by the session's strategy.
func (t *target) force(ctx context.Context) (forced, error) {
	setup := t.session.setup
	f := t.ready(setup.Strategy)
	switch f.strategy {
	case coldstart.StrategyCodeUpdate:
		// What follows the first cold start of an image is forced as usual.
		f.strategy = coldstart.StrategyConfigUpdate
		fallthrough
	case coldstart.StrategyConfigUpdate, coldstart.StrategyBurst:
		if !setup.updates(f.ref) {
			return f, nil
		}
		f.token = newToken()
		return f, t.function.update(ctx, t.config.MemoryMB, f.token)
	case coldstart.StrategyVersion:
		return t.publish(ctx, f)
	case coldstart.StrategyIdle:
		return f, t.session.c.clock.Sleep(ctx, setup.Idle-t.session.idle(f.ref))
	}
	return f, fmt.Errorf("forcing a cold start: unknown strategy %q", f.strategy)
}

// ready is a cold start of the function as it stands.
func (t *target) ready(strategy string) forced {
	return forced{ready: true, ref: t.facts.Ref, strategy: strategy, expected: expected{answer: t.session.setup.Expect, version: t.facts.Version}}
}

func failed(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, coldstart.ErrAbort):
		return err
	case fatal(err):
		return fmt.Errorf("%w: %w", coldstart.ErrAbort, err)
	}
	return &coldstart.InvocationError{Reason: coldstart.ReasonEngine, Err: err}
}

type environment struct {
	target      *target
	use         forced
	id          string
	instance    string
	invocations int
	closing     sync.Once
	closed      error
}

var _ coldstart.Environment = (*environment)(nil)

// Invoke invokes the function again.
func (e *environment) Invoke(ctx context.Context) (coldstart.Sample, error) {
	t := e.target
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.pause(ctx); err != nil {
		return coldstart.Sample{}, err
	}
	a, err := t.invoke(ctx, e.use.ref)
	if err != nil {
		return coldstart.Sample{}, t.refuse(ctx, coldstart.Warm, err)
	}
	t.refused = 0
	s, r, err := t.sample(ctx, coldstart.Warm, e.use, e.id, a)
	if err == nil {
		err = proveWarm(&s, r, a, e.use.expected, e.instance, e.invocations)
	}
	if err != nil {
		return coldstart.Sample{}, err
	}
	e.invocations = s.Invocation
	return s, nil
}

// Close gives back what was made for the environment. Lambda ends it when it likes.
func (e *environment) Close() error {
	e.closing.Do(func() {
		if e.use.release != nil {
			e.closed = e.use.release()
			if fatal(e.closed) {
				// Each further cold start would leave something behind.
				e.closed = fmt.Errorf("%w: %w", coldstart.ErrAbort, e.closed)
			}
		}
	})
	return e.closed
}
