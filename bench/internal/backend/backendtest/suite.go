package backendtest

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

// Ability is something that not every backend can do everywhere.
type Ability string

// The abilities. One that a Suite lacks skips the checks that need it.
const (
	// CanLimitMemory: an environment that uses more than its memory is killed.
	CanLimitMemory Ability = "limit memory"
	// CanLimitCPU: an environment has the CPU quota of Lambda.
	CanLimitCPU Ability = "limit CPUs"
	// CanMeasureMemory: Max Memory Used is printed.
	CanMeasureMemory Ability = "measure memory"
	// CanIsolate: the function runs as uid 993 without capabilities over a
	// read-only root, sees what Lambda shows it, and its own limits.
	CanIsolate Ability = "isolate"
	// CanStream: Options.Log gets the function's lines as they come.
	CanStream Ability = "stream output"
	// CanCount: processes that a function leaves behind can be looked for in
	// /proc of this machine.
	CanCount Ability = "show processes"
	// CanExtend: the files of /opt/extensions run beside the function.
	CanExtend Ability = "start extensions"
	// CanKeepTmp: what a function wrote to /tmp is there for the process that
	// follows one that crashed, as on Lambda.
	CanKeepTmp Ability = "keep /tmp over a crash"
)

// Suite is a backend to be tested.
type Suite struct {
	Backend coldstart.Backend
	// Image holds the test function (see Build) as its entrypoint.
	Image coldstart.Image
	// Extensions is Image with the test function as /opt/extensions/first and second, too.
	Extensions coldstart.Image
	// Broken is Image with /opt/extensions/first, which is no program.
	Broken coldstart.Image
	// Lacks says why the backend has not an ability here.
	Lacks map[Ability]string
	// Leftovers lists what of this backend's there is on this machine, which must be the same before
	// and after each check; nil for nothing to look at.
	Leftovers func() []string
	// Clock reads CLOCK_MONOTONIC of the function's kernel in ns; nil if it can't be read.
	Clock func() int64
	// Remote is true if the platform can't be seen into: provision is not measured.
	Remote bool
	// Slow runs the checks that take more than 5 s too.
	Slow bool
}

// patience ends a check that hangs. Nothing that works comes near it.
const patience = 2 * time.Minute

// check is one promise of a backend.
type check struct {
	name  string
	needs []Ability
	slow  bool
	run   func(c *checker) error
}

// Outcome is what came of a check.
type Outcome struct {
	Name string
	// Skipped says why the check was not made.
	Skipped string
	// Errs are the promises that were broken.
	Errs []error
}

// Run makes the checks as subtests.
func Run(t *testing.T, s Suite) {
	for _, k := range checks() {
		t.Run(k.name, func(t *testing.T) {
			o := s.one(t.Context(), k)
			if o.Skipped != "" {
				t.Skip(o.Skipped)
			}
			for _, err := range o.Errs {
				t.Error(err)
			}
		})
	}
}

// Check makes the checks of these names, or all, and returns what came of them.
func Check(ctx context.Context, s Suite, names ...string) []Outcome {
	var out []Outcome
	for _, k := range checks() {
		if len(names) == 0 || slices.Contains(names, k.name) {
			out = append(out, s.one(ctx, k))
		}
	}
	return out
}

// checks lists the contract.
func checks() []check {
	return slices.Concat(soundChecks(), failureChecks(), cancelChecks(), insideChecks(), extensionChecks())
}

func (s Suite) one(ctx context.Context, k check) Outcome {
	o := Outcome{Name: k.name}
	for _, a := range k.needs {
		if why, ok := s.Lacks[a]; ok {
			o.Skipped = fmt.Sprintf("can't %s here: %s", a, why)
			return o
		}
	}
	if k.slow && !s.Slow {
		o.Skipped = "takes more than 5 s"
		return o
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	before := s.leftovers()
	c := &checker{Suite: s, ctx: ctx}
	if err := k.run(c); err != nil {
		c.errs = append(c.errs, err)
	}
	for _, closer := range slices.Backward(c.opened) {
		if err := closer.Close(); err != nil {
			c.errorf("closing what the check left open: %v", err)
		}
	}
	if err := context.Cause(ctx); err != nil {
		c.errorf("the check was ended: %v", err)
	}
	for _, l := range s.leftovers() {
		if !slices.Contains(before, l) {
			c.errorf("left behind: %s", l)
		}
	}
	o.Errs = c.errs
	return o
}

func (s Suite) leftovers() []string {
	if s.Leftovers == nil {
		return nil
	}
	return s.Leftovers()
}

// checker is the state of a check.
type checker struct {
	Suite
	ctx    context.Context
	errs   []error
	opened []interface{ Close() error }
	log    logged
}

func (c *checker) errorf(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}

// can says whether the backend has an ability.
func (c *checker) can(a Ability) bool {
	_, lacks := c.Lacks[a]
	return !lacks
}

func (c *checker) config(memoryMB int) coldstart.Config {
	return coldstart.Config{Variant: "test", MemoryMB: memoryMB, Arch: c.Image.Arch}
}

func (c *checker) options(event, init string) coldstart.Options {
	o := coldstart.Options{
		Payload: []byte(event), Timeout: 3 * time.Second, LimitCPU: true, Log: c.log.add,
		Environment: map[string]string{"BENCH_TEST_GIVEN": "a value"},
	}
	if init != "" {
		o.Environment["BENCH_TEST_INIT"] = init
	}
	return o
}

// open opens a configuration of 512 MB, which the end of the check closes.
func (c *checker) open(event, init string) (coldstart.Target, error) {
	return c.openWith(c.config(512), c.Image, c.options(event, init))
}

func (c *checker) openWith(config coldstart.Config, img coldstart.Image, o coldstart.Options) (coldstart.Target, error) {
	t, err := c.Backend.Open(c.ctx, config, img, o)
	if err != nil {
		return nil, fmt.Errorf("opening: %w", err)
	}
	c.opened = append(c.opened, t)
	return t, nil
}

// start starts an environment, which must go well and is closed at the end of the check.
func (c *checker) start(t coldstart.Target) (coldstart.Environment, coldstart.Sample, error) {
	env, s, err := t.Start(c.ctx)
	if err != nil {
		return nil, s, fmt.Errorf("starting: %w", err)
	}
	if env == nil {
		return nil, s, errors.New("starting: neither an environment nor an error")
	}
	c.opened = append(c.opened, env)
	return env, s, nil
}

// running is an environment of 512 MB whose first invocation was cold.
type running struct {
	coldstart.Environment
	first  coldstart.Sample
	target coldstart.Target
}

func (r running) end() error { return errors.Join(r.Close(), r.target.Close()) }

// startCold starts an environment of a target just opened, which must be cold.
func (c *checker) startCold(t coldstart.Target, err error) (running, error) {
	if err != nil {
		return running{}, err
	}
	env, s, err := c.start(t)
	if err != nil {
		return running{}, err
	}
	c.cold(s, 512)
	return running{env, s, t}, nil
}

// invokeWarm invokes an environment for the second time, which must be warm.
func (c *checker) invokeWarm(r running) (coldstart.Sample, error) {
	s, err := r.Invoke(c.ctx)
	if err == nil {
		c.warm(s, r.first, 2)
	}
	return s, err
}

// printed checks that the function or the platform printed each of the texts.
func (c *checker) printed(texts ...string) {
	for _, text := range texts {
		if _, ok := c.log.find(text); !ok {
			c.errorf("not printed: %s", text)
		}
	}
}

// wellAfter checks that the backend can start an environment that works.
func (c *checker) wellAfter(what string) error {
	r, err := c.startCold(c.open(`{}`, ""))
	if err != nil {
		return fmt.Errorf("after %s: %w", what, err)
	}
	return r.end()
}

// tail returns the end of a text for a message.
func tail(s string) string {
	if s = strings.TrimSpace(s); len(s) > 200 {
		s = "…" + s[len(s)-200:]
	}
	return s
}
