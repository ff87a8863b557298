package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"coldbench/bench/internal/backend/localenv"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/runtimeapi"
)

const (
	// These bound how long an engine that says nothing is waited for, beyond what the
	// function may take. The kernel took up to 35 s to end a process out of memory.
	provisionTimeout = 60 * time.Second
	endSlack         = 60 * time.Second
	initLimit        = 10 * time.Second
	defaultTimeout   = 3 * time.Second
)

// prototype is what the environments of a configuration have in common.
type prototype struct {
	engine   *Engine
	image    string // the engine's ID
	config   coldstart.Config
	img      coldstart.Image
	options  coldstart.Options
	quota    localenv.Quota
	function runtimeapi.Function
}

type machine struct {
	prototype
	output localenv.Output
	lines  *localenv.Stream // of the output

	// emulator is nil before Provision. Processes up to number after are not of this one.
	emulator *emulator
	after    int

	mu        sync.Mutex
	processes map[int]*process
	latest    *process
	// failed is why a launch failed: the emulator passes on its text only.
	failed error
	closed bool
}

var _ localenv.Machine = (*machine)(nil)

func (p prototype) fresh() *machine {
	m := &machine{prototype: p, output: localenv.Output{Log: p.options.Log}, processes: map[int]*process{}}
	m.lines = m.output.Stream()
	return m
}

// Provision makes the container and returns when images/start is ready.
func (m *machine) Provision(ctx context.Context) error {
	em, err := m.engine.emulatorOf(ctx)
	if err != nil {
		return engineFailure(ctx, err)
	}
	if err := em.take(m); err != nil {
		return engineFailure(ctx, err)
	}
	call, cancel := context.WithTimeoutCause(ctx, provisionTimeout, errSilent)
	defer cancel()
	if err := em.client.Provision(call, m.function); err != nil {
		return engineFailure(ctx, m.prefer(err))
	}
	return nil
}

func (m *machine) prefer(err error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failed != nil {
		return m.failed
	}
	return m.emulator.explain(err)
}

// Init lets images/start go and waits for the end of init.
func (m *machine) Init(ctx context.Context) (runtimeapi.Init, error) {
	if m.emulator == nil {
		return runtimeapi.Init{}, errors.New("init of an environment that was not provisioned")
	}
	call, cancel := context.WithTimeoutCause(ctx, initLimit+endSlack, errSilent)
	defer cancel()
	i, err := m.emulator.client.Init(call)
	if err != nil {
		return runtimeapi.Init{}, engineFailure(ctx, m.prefer(err))
	}
	return i, nil
}

// Limit lowers the quota of the container that init ran in, if that has not ended.
func (m *machine) Limit(ctx context.Context) error {
	m.mu.Lock()
	p := m.latest
	m.mu.Unlock()
	if m.quota.Period == 0 || m.quota.Init == m.quota.Invoke || p == nil || p.gone == nil {
		return nil
	}
	select {
	case <-p.gone.done:
		return nil
	default:
	}
	call, cancel := context.WithTimeoutCause(ctx, callTimeout, errSilent)
	defer cancel()
	if err := m.engine.updater(call, p.id, m.quota.Period, m.quota.Invoke); err != nil {
		if p.killed.Load() || p.gone.wait(ctx, exitGrace) {
			return nil // it ended meanwhile
		}
		return engineFailure(ctx, fmt.Errorf("limiting the CPU: %w", causeOf(call, err)))
	}
	return nil
}

// Invoke hands out one event and waits for the end of the invocation.
func (m *machine) Invoke(ctx context.Context, ev runtimeapi.Event) (runtimeapi.Invocation, error) {
	if m.emulator == nil {
		return runtimeapi.Invocation{}, errors.New("invocation of an environment that was not provisioned")
	}
	timeout := cmp.Or(m.options.Timeout, defaultTimeout)
	// A fresh container may have to be made within the invocation.
	call, cancel := context.WithTimeoutCause(ctx, provisionTimeout+timeout+endSlack, errSilent)
	defer cancel()
	i, err := m.emulator.client.Invoke(call, ev)
	if err != nil {
		return runtimeapi.Invocation{}, engineFailure(ctx, m.prefer(err))
	}
	return i, nil
}

// Throttled asks the emulator, which sees the container's cgroup.
func (m *machine) Throttled() (time.Duration, bool) {
	if m.emulator == nil || m.quota.Period == 0 {
		return 0, false
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), callTimeout, errSilent)
	defer cancel()
	return m.emulator.client.Throttled(ctx)
}

// Output returns the end of what the function wrote.
func (m *machine) Output() string { return m.output.String() }

// Close ends the environment and returns when its containers are gone.
func (m *machine) Close() error {
	em := m.emulator
	m.mu.Lock()
	closed := m.closed
	m.closed = true
	m.mu.Unlock()
	if closed || em == nil {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(m.engine.options.Closing, endSlack, errSilent)
	defer cancel()
	err := em.client.CloseEnvironment(ctx)
	if errors.Is(err, runtimeapi.ErrStdioClosed) {
		err = nil // what counts is that the containers are gone
	}
	m.mu.Lock()
	left := slices.Collect(maps.Keys(m.processes))
	m.mu.Unlock()
	for _, number := range left {
		err = errors.Join(err, m.kill(ctx, number))
	}
	em.release(m)
	return engineFailure(ctx, err)
}

func (m *machine) launch(ctx context.Context, l runtimeapi.StdioLaunch) error {
	p := &process{number: l.Process, launched: make(chan struct{})}
	m.mu.Lock()
	if m.closed || m.processes[l.Process] != nil {
		m.mu.Unlock()
		return errClosed
	}
	m.processes[l.Process] = p
	m.latest = p
	m.mu.Unlock()
	defer close(p.launched)
	err := m.start(ctx, m.emulator, p, l)
	if err != nil {
		m.mu.Lock()
		m.failed = err
		m.mu.Unlock()
		if p.id != "" {
			err = errors.Join(err, m.engine.remove(p.id, p.gone))
		}
	}
	return err
}

// kill ends the container of a process and returns when it is gone.
func (m *machine) kill(ctx context.Context, number int) error {
	m.mu.Lock()
	p := m.processes[number]
	if p == nil {
		// Asked to end before it was begun: launch finds this and does nothing.
		p = &process{number: number, launched: make(chan struct{})}
		close(p.launched)
		m.processes[number] = p
	}
	m.mu.Unlock()
	p.killed.Store(true)
	select {
	case <-p.launched:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if p.id == "" {
		return nil
	}
	if p.gone != nil && m.emulator.hello.Processes && m.emulator.lives() && p.gone.wait(ctx, exitGrace) {
		return nil
	}
	return m.engine.remove(p.id, p.gone)
}
