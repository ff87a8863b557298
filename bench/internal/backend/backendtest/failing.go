package backendtest

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"coldbench/bench/internal/coldstart"
)

// failing is a function that fails, and what that has to be called.
type failing struct {
	name        string
	event, init string
	// first is what the extension first does; empty without extensions.
	first string
	// broken is true if the extension is no program.
	broken     bool
	entrypoint []string
	memoryMB   int
	timeout    time.Duration
	reasons    []coldstart.Reason
	// output has to be in what the function wrote last, says in the error, report
	// in the REPORT line.
	output, says, report string
	needs                []Ability
	slow                 bool
}

// bareErrno finds the error number with which images/start begins what it says,
// "Error: 2 executing /x: no such file or directory".
var bareErrno = regexp.MustCompile(`: [0-9]+ [a-z]`)

func failingFunctions() []failing {
	one := func(r ...coldstart.Reason) []coldstart.Reason { return r }
	return []failing{
		{name: "timeout", event: `{"do":"hang"}`, timeout: time.Second, reasons: one(coldstart.ReasonTimeout), output: "hanging", report: "Status: timeout"},
		{name: "panic", event: `{"do":"panic"}`, reasons: one(coldstart.ReasonExit, coldstart.ReasonResponse), output: "asked for a panic"},
		{name: "exit 3", event: `{"do":"exit","code":3}`, reasons: one(coldstart.ReasonExit), output: "exiting", report: "Status: error"},
		{name: "exit 0", event: `{"do":"exit"}`, reasons: one(coldstart.ReasonExit), output: "exiting", report: "Status: error"},
		{name: "handler error", event: `{"do":"error"}`, reasons: one(coldstart.ReasonResponse)},
		{name: "answer of 7 MB", event: `{"do":"big","bytes":7340032}`, timeout: 20 * time.Second, reasons: one(coldstart.ReasonResponse)},
		{name: "out of memory", event: `{"do":"alloc","mb":400}`, memoryMB: 128, timeout: 20 * time.Second, reasons: one(coldstart.ReasonOutOfMemory), needs: []Ability{CanLimitMemory}},
		{name: "exit in init", init: "exit 3", reasons: one(coldstart.ReasonInit), output: "exiting"},
		{name: "no Lambda function", init: "exit 0", reasons: one(coldstart.ReasonInit), output: "exiting"},
		{name: "panic in init", init: "panic", reasons: one(coldstart.ReasonInit), output: "asked for a panic"},
		{name: "out of memory in init", init: "alloc 400", memoryMB: 128, timeout: 20 * time.Second, reasons: one(coldstart.ReasonOutOfMemory), needs: []Ability{CanLimitMemory}},
		{name: "hang in init", init: "hang", timeout: time.Second, reasons: one(coldstart.ReasonInit, coldstart.ReasonTimeout), output: "hanging", slow: true},
		{name: "no such entrypoint", entrypoint: []string{"/no/such/program"}, reasons: one(coldstart.ReasonInit)},
		{name: "entrypoint is a folder", entrypoint: []string{"/tmp"}, reasons: one(coldstart.ReasonInit)},
	}
}

// failureChecks are about functions that fail.
func failureChecks() []check {
	var out []check
	for _, f := range failingFunctions() {
		out = append(out, check{name: f.name, needs: f.needs, slow: f.slow, run: f.check})
	}
	return append(out,
		check{name: "crash of a warm environment", run: checkWarmCrash},
		check{name: "init that fails once", needs: []Ability{CanKeepTmp}, run: checkFailOnce},
	)
}

// check: the start fails for the right reason, and the next one works.
func (f failing) check(c *checker) error {
	o := c.options(f.event, f.init)
	if f.event == "" {
		o.Payload = []byte(`{}`)
	}
	if f.timeout != 0 {
		o.Timeout = f.timeout
	}
	img := c.Image
	if f.first != "" {
		img, o.Environment["BENCH_TEST_FIRST"] = c.Extensions, f.first
	}
	if f.broken {
		img = c.Broken
	}
	if f.entrypoint != nil {
		img.Entrypoint, img.Command = f.entrypoint, nil
	}
	if f.memoryMB == 0 {
		f.memoryMB = 512
	}
	t, err := c.openWith(c.config(f.memoryMB), img, o)
	if err != nil {
		return err
	}
	// Twice: what the first one broke shows in the second one.
	starts := 2
	if f.slow {
		starts = 1
	}
	for range starts {
		env, _, err := t.Start(c.ctx)
		if env != nil {
			c.opened = append(c.opened, env)
			c.errorf("an environment of a function that fails")
		}
		c.failed(err, f)
	}
	if err := t.Close(); err != nil {
		return err
	}
	return c.wellAfter(f.name)
}

func (c *checker) failed(err error, f failing) {
	var failure *coldstart.InvocationError
	switch {
	case err == nil:
		c.errorf("no error")
		return
	case !errors.As(err, &failure):
		c.errorf("the error is no Failure: %v", err)
		return
	}
	if bareErrno.MatchString(err.Error()) {
		c.errorf("a number that means nothing to a reader: %v", err)
	}
	if !slices.Contains(f.reasons, failure.Reason) {
		c.errorf("reason %q, want %q: %v", failure.Reason, f.reasons, err)
	}
	if !strings.Contains(failure.Output, f.output) {
		c.errorf("output %q, want %q in it", tail(failure.Output), f.output)
	}
	if len(failure.Output) > 4<<10 {
		c.errorf("output of %d bytes", len(failure.Output))
	}
	if !strings.Contains(failure.Report, f.report) {
		c.errorf("report %q, want %q in it", failure.Report, f.report)
	}
	if failure.Err == nil {
		c.errorf("a failure that does not say what happened")
	}
	if !strings.Contains(err.Error(), f.says) {
		c.errorf("error %q, want %q in it", err, f.says)
	}
}

// checkWarmCrash: an environment whose process ended is not warm any more.
func checkWarmCrash(c *checker) error {
	r, err := c.startCold(c.open(`{"do":"exit","code":3,"on":2}`, ""))
	if err != nil {
		return err
	}
	_, err = r.Invoke(c.ctx)
	c.failed(err, failing{reasons: []coldstart.Reason{coldstart.ReasonExit}, output: "exiting"})
	// The platform puts a fresh process into the environment: that works, and
	// is no warm sample.
	if s, err := r.Invoke(c.ctx); !errors.Is(err, coldstart.ErrNotWarm) {
		c.errorf("after a crash: %v, want an error that wraps ErrNotWarm (served by %+v)", err, s.Function)
	}
	if err := r.end(); err != nil {
		return err
	}
	return c.wellAfter("a crash")
}

// checkFailOnce: an init that fails is repeated inside the invocation, as the sample says.
func checkFailOnce(c *checker) error {
	t, err := c.open(`{}`, "fail-once")
	if err != nil {
		return err
	}
	env, s, err := c.start(t)
	if err != nil {
		return err
	}
	if s.Start != coldstart.Cold || s.Class != coldstart.ClassSuppressedInit || s.Invocation != 1 {
		c.errorf("start %q, class %q, invocation %d, want a cold start with suppressed init", s.Start, s.Class, s.Invocation)
	}
	if s.Metrics.InitDurationMs != nil {
		c.errorf("Init Duration of an init inside the invocation: %s", tail(s.Raw))
	}
	c.any(s, 512)
	w, err := env.Invoke(c.ctx)
	if err != nil {
		return err
	}
	c.warm(w, s, 2)
	return errors.Join(env.Close(), t.Close())
}

func cancelChecks() []check {
	return []check{
		{name: "canceled before start", run: func(c *checker) error {
			ctx, cancel := context.WithCancel(c.ctx)
			cancel()
			return c.canceled(ctx, `{}`, "", false, nil)
		}},
		{name: "canceled in provisioning", run: func(c *checker) error {
			for _, d := range []time.Duration{0, time.Millisecond, 4 * time.Millisecond, 16 * time.Millisecond} {
				ctx, cancel := context.WithTimeout(c.ctx, d)
				err := c.canceled(ctx, `{"do":"hang"}`, "", false, nil)
				cancel()
				if err != nil {
					return err
				}
			}
			return nil
		}},
		{name: "canceled in init", run: func(c *checker) error {
			return c.canceledAt("hanging", `{}`, "hang", false)
		}},
		{name: "canceled in the first invocation", run: func(c *checker) error {
			return c.canceledAt("hanging", `{"do":"hang"}`, "", false)
		}},
		{name: "canceled in a warm invocation", run: func(c *checker) error {
			return c.canceledAt("hanging", `{"do":"hang","on":2}`, "", true)
		}},
	}
}

// canceledAt cancels when a word was printed, or a second after the invocation that
// prints it began, if output does not come at once.
func (c *checker) canceledAt(word, event, init string, warm bool) error {
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	printed := c.log.await(word)
	return c.canceled(ctx, event, init, warm, func() {
		select {
		case <-printed:
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
		cancel()
	})
}

// canceled: a start or invocation whose context ends is an error that says so,
// and the backend goes on to work. cancel, if not nil, runs beside the invocation
// that the context ends in.
func (c *checker) canceled(ctx context.Context, event, init string, warm bool, cancel func()) error {
	o := c.options(event, init)
	// A backend that ignores the context would see the function's timeout.
	o.Timeout = patience
	t, err := c.openWith(c.config(512), c.Image, o)
	if err != nil {
		return err
	}
	if cancel != nil && !warm {
		go cancel()
	}
	env, _, err := t.Start(ctx)
	if env != nil {
		c.opened = append(c.opened, env)
	}
	if warm {
		if err != nil {
			return fmt.Errorf("starting: %w", err)
		}
		if cancel != nil {
			go cancel()
		}
		_, err = env.Invoke(ctx)
	}
	if !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		c.errorf("the error does not say that the context ended: %v", err)
	}
	if env != nil {
		if !warm {
			c.errorf("an environment although the context ended")
		}
		if err := env.Close(); err != nil {
			return fmt.Errorf("closing environment: %w", err)
		}
	}
	if err := t.Close(); err != nil {
		return fmt.Errorf("closing target: %w", err)
	}
	return c.wellAfter("a canceled context")
}
