// Package fake is a backend without an engine: its execution environments are
// made up, and so are their times, from a seed. It is for tests of what stands
// on a backend, and is not in the shipped program.
//
// What an invocation logged is printed in Lambda's own form and goes through the
// same parser, proofs and names for failures as that of the real engines.
package fake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"coldbench/bench/internal/backend/localenv"
	"coldbench/bench/internal/coldstart"
)

// Options say how the backend behaves.
type Options struct {
	// Seed makes the times up: equal seeds give equal times to the n-th environment.
	Seed uint64
	// Pace is how long each invocation takes in truth; 0 for no time at all.
	Pace time.Duration
	// DieAfter makes the engine fail each start after that many; 0 for never.
	DieAfter int
	// StaleEvery makes each n-th start reuse an environment, which is rejected; 0 for none.
	StaleEvery int
	// Facts are what the engine says of itself.
	Facts coldstart.EngineFacts
}

// ErrDead is what the engine fails with after Options.DieAfter.
var ErrDead = errors.New("the engine is gone")

// Backend makes environments up.
type Backend struct {
	o Options

	mu     sync.Mutex
	starts int
	open   []string
	// clock is the made-up CLOCK_MONOTONIC, in nanoseconds.
	clock int64
}

var _ coldstart.Backend = (*Backend)(nil)

// New returns a backend.
func New(o Options) *Backend { return &Backend{o: o, clock: 1e9} }

// Open opens a configuration. Its function does what the payload, BENCH_TEST_EVENT or
// BENCH_TEST_INIT say; see folder function of package backendtest. Any other payload is
// answered with a greeting.
func (b *Backend) Open(ctx context.Context, c coldstart.Config, img coldstart.Image, o coldstart.Options) (coldstart.Target, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f := &function{config: c, image: img, options: o, seed: b.o.Seed}
	return localenv.NewTarget(localenv.Setup{
		Config: c, Image: img, Options: o, Strategy: b.Strategy(),
		NewMachine: func() (localenv.Machine, error) { return b.machine(f) },
	}), nil
}

func (b *Backend) machine(f *function) (localenv.Machine, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.starts++
	if b.o.DieAfter > 0 && b.starts > b.o.DieAfter {
		return nil, ErrDead
	}
	f.environments++
	instance := f.environments
	if n := b.o.StaleEvery; n > 0 && f.environments > 1 && f.environments%n == 0 {
		instance--
	}
	m := &machine{b: b, f: f, name: fmt.Sprintf("%v #%d", f.config, b.starts), instance: instance, dice: f.dice(f.environments)}
	b.open = append(b.open, m.name)
	return m, nil
}

// Running names the environments that were made and not closed.
func (b *Backend) Running() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.open)
}

// Clock reads the made-up CLOCK_MONOTONIC of the functions, in nanoseconds.
func (b *Backend) Clock() int64 { return b.pass(0) }

func (b *Backend) pass(ms float64) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clock += int64(ms*1e6) + 1
	return b.clock
}

func (b *Backend) closed(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open = slices.DeleteFunc(b.open, func(s string) bool { return s == name })
}

// Limits says that nothing is limited.
func (b *Backend) Limits(coldstart.Options) coldstart.Limits {
	return coldstart.Limits{CPU: "made up", Memory: "made up", MaxMemoryUsed: "made up"}
}

// Version returns the version of the engine that is not there.
func (b *Backend) Version() string { return "fake 1" }

// Cgroup returns "": there are none.
func (b *Backend) Cgroup() string { return "" }

// Facts returns those of the options.
func (b *Backend) Facts() coldstart.EngineFacts { return b.o.Facts }

// Strategy returns how cold starts are forced.
func (b *Backend) Strategy() string { return "made-up" }

// Warnings returns what a reader of the results has to know.
func (b *Backend) Warnings() []string { return []string{"all times are made up"} }

// Close returns an error where environments are running.
func (b *Backend) Close() error {
	if open := b.Running(); len(open) > 0 {
		return fmt.Errorf("closing the fake backend: running: %q", open)
	}
	return nil
}
