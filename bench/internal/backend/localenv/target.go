package localenv

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/runtimeapi"
)

// Setup is what an engine hands over when a configuration is opened on it.
type Setup struct {
	Config  coldstart.Config
	Image   coldstart.Image
	Options coldstart.Options
	// Strategy is recorded with every cold sample: "new-container", say.
	Strategy string
	// NewMachine returns a machine that is not provisioned yet.
	NewMachine func() (Machine, error)
	// Close gives back what the engine took for the configuration; may be nil.
	Close func() error
}

// Target is a configuration opened on a local engine.
type Target struct {
	setup Setup

	mu     sync.Mutex
	seen   map[string]bool // instance ids of the environments so far
	closed bool
}

var _ coldstart.Target = (*Target)(nil)

// NewTarget returns the target of a configuration.
func NewTarget(s Setup) *Target {
	return &Target{setup: s, seen: map[string]bool{}}
}

// Start makes a new machine and invokes it once. The client time of the sample
// runs from the request for the machine to the answer, less the time it takes
// to lower the CPU limit between the two, which on Lambda nobody waits for.
func (t *Target) Start(ctx context.Context) (coldstart.Environment, coldstart.Sample, error) {
	at := time.Now()
	machine, err := t.setup.NewMachine()
	if err != nil {
		return nil, coldstart.Sample{}, engineFailure(ctx, "making an execution environment", err, nil)
	}
	env := &environment{target: t, machine: machine}
	sample, err := env.start(ctx, at)
	if err != nil {
		if closing := env.Close(); closing != nil {
			err = errors.Join(err, engineFailure(ctx, "closing the environment", closing, nil))
		}
		return nil, coldstart.Sample{}, err
	}
	return env, sample, nil
}

// Close gives back what opening the configuration took.
func (t *Target) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	closed := t.closed
	t.closed = true
	if closed || t.setup.Close == nil {
		return nil
	}
	return t.setup.Close()
}

func (t *Target) isNew(instance string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.seen[instance]
	t.seen[instance] = true
	return !was
}

type environment struct {
	target  *Target
	machine Machine

	id          string // request id of the cold invocation
	instance    string // what the function calls itself; may be empty
	invocations int
	throttled   time.Duration // up to the end of the last invocation

	closing sync.Once
	closed  error
}

var _ coldstart.Environment = (*environment)(nil)

func (e *environment) start(ctx context.Context, at time.Time) (coldstart.Sample, error) {
	began := time.Now()
	if err := e.machine.Provision(ctx); err != nil {
		return coldstart.Sample{}, engineFailure(ctx, "provisioning an execution environment", err, e.machine)
	}
	ready := time.Now()
	init, err := e.machine.Init(ctx)
	if err != nil {
		return coldstart.Sample{}, engineFailure(ctx, "running init", err, e.machine)
	}
	initialized := time.Now()
	if err := e.machine.Limit(ctx); err != nil {
		return coldstart.Sample{}, engineFailure(ctx, "lowering the cpu limit after init", err, e.machine)
	}
	limited := time.Now()
	served, err := e.invoke(ctx, at)
	if err != nil {
		return coldstart.Sample{}, err
	}
	sample := served.sample
	sample.Phases.ProvisionMs = milliseconds(ready.Sub(began))
	sample.Phases.ClientMs = milliseconds(initialized.Sub(began) + served.answered.Sub(limited))
	if err := proveCold(&sample, e.target, init, served); err != nil {
		return coldstart.Sample{}, err
	}
	e.id = sample.RequestID
	sample.Environment = e.id
	if sample.Function != nil {
		e.instance = sample.Function.InstanceID
	}
	return sample, nil
}

// Invoke invokes the environment again.
func (e *environment) Invoke(ctx context.Context) (coldstart.Sample, error) {
	began := time.Now()
	served, err := e.invoke(ctx, began)
	if err != nil {
		return coldstart.Sample{}, err
	}
	sample := served.sample
	sample.Environment = e.id
	sample.Phases.ClientMs = milliseconds(served.answered.Sub(began))
	if err := proveWarm(&sample, e.instance, e.invocations, served); err != nil {
		return coldstart.Sample{}, err
	}
	return sample, nil
}

// Close ends the machine; the second call returns what the first one did.
func (e *environment) Close() error {
	e.closing.Do(func() { e.closed = e.machine.Close() })
	return e.closed
}

type served struct {
	sample     coldstart.Sample
	invocation runtimeapi.Invocation
	answered   time.Time
}

func (e *environment) invoke(ctx context.Context, at time.Time) (served, error) {
	event := runtimeapi.Event{RequestID: runtimeapi.NewRequestID(), Payload: e.target.setup.Options.Payload}
	invocation, err := e.machine.Invoke(ctx, event)
	answered := time.Now()
	if err != nil {
		return served{}, engineFailure(ctx, "invoking the function", err, e.machine)
	}
	e.invocations++
	if failure := failureOf(invocation, e.machine); failure != nil {
		return served{}, failure
	}
	sample, err := sampleOf(event.RequestID, invocation)
	if err != nil {
		return served{}, engineFailure(ctx, "reading the report", err, e.machine)
	}
	sample.Config = e.target.setup.Config
	sample.Strategy = e.target.setup.Strategy
	sample.At = at
	sample.Invocation = e.invocations
	if total, ok := e.machine.Throttled(); ok {
		sample.ThrottledMs = milliseconds(total - e.throttled)
		e.throttled = total
	}
	return served{sample: sample, invocation: invocation, answered: answered}, nil
}

// engineFailure blames the engine, unless the context ended.
func engineFailure(ctx context.Context, doing string, err error, m Machine) error {
	if cause := ctx.Err(); cause != nil {
		return fmt.Errorf("%s: %w", doing, cause)
	}
	var known *coldstart.InvocationError
	if errors.As(err, &known) {
		return err
	}
	f := &coldstart.InvocationError{Reason: coldstart.ReasonEngine, Err: fmt.Errorf("%s: %w", doing, err)}
	if m != nil {
		f.Output = m.Output()
	}
	return f
}

func milliseconds(d time.Duration) *float64 {
	ms := float64(d) / float64(time.Millisecond)
	return &ms
}
