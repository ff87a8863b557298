package backendtest

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/lambdalog"
)

func soundChecks() []check {
	return []check{
		{name: "cold", run: checkCold},
		{name: "warm", run: checkWarm},
		{name: "memory sizes", run: checkMemorySizes},
		{name: "phases hold what they last", run: checkPhases},
		{name: "environments of two configurations", run: checkTwo},
		{name: "close twice", run: checkClose},
		{name: "a lot of output", run: checkOutput},
	}
}

// checkCold: each start is an environment of its own.
func checkCold(c *checker) error {
	t, err := c.open(`{}`, "")
	if err != nil {
		return err
	}
	var seen []coldstart.Sample
	for range 4 {
		began, clock := time.Now(), c.clock()
		env, s, err := c.start(t)
		if err != nil {
			return err
		}
		c.cold(s, 512)
		if s.At.Before(began.Add(-time.Millisecond)) || s.At.After(time.Now().Add(time.Millisecond)) {
			c.errorf("asked for at %v, which is not between %v and now", s.At, began)
		}
		if f := s.Function; f != nil && f.StartedAtNs != nil && c.Clock != nil {
			if at := *f.StartedAtNs; at < clock || at > c.clock() {
				c.errorf("the function started at %d, not between start and answer", at)
			}
		}
		for _, o := range seen {
			c.differ(o, s)
			if s.Environment == o.Environment || s.Function != nil && o.Function != nil && s.Function.InstanceID == o.Function.InstanceID {
				c.errorf("two cold samples come from environment %s, instance %s", s.Environment, s.Function.InstanceID)
			}
			if s.Strategy != o.Strategy {
				c.errorf("strategies %q and %q of one target", o.Strategy, s.Strategy)
			}
		}
		seen = append(seen, s)
		if err := env.Close(); err != nil {
			return fmt.Errorf("closing environment: %w", err)
		}
	}
	return t.Close()
}

// checkWarm: each further invocation is served by the same environment.
func checkWarm(c *checker) error {
	r, err := c.startCold(c.open(`{}`, ""))
	if err != nil {
		return err
	}
	last := r.first
	for n := 2; n <= 6; n++ {
		s, err := r.Invoke(c.ctx)
		if err != nil {
			return fmt.Errorf("invocation %d: %w", n, err)
		}
		c.warm(s, r.first, n)
		c.differ(last, s)
		if class := s.Class; n == 2 && class == coldstart.ClassWarm || n > 2 && class == coldstart.ClassFirstWarm {
			c.errorf("invocation %d has class %s", n, class)
		}
		last = s
	}
	return r.end()
}

func (c *checker) cold(s coldstart.Sample, memoryMB int) {
	if s.Start != coldstart.Cold || s.Class != coldstart.ClassCold {
		c.errorf("start %q, class %q, want cold", s.Start, s.Class)
	}
	if s.Invocation != 1 {
		c.errorf("a cold sample is invocation %d", s.Invocation)
	}
	if s.Strategy == "" {
		c.errorf("a cold sample without strategy")
	}
	if s.Metrics.InitDurationMs == nil {
		c.errorf("a cold sample without Init Duration: %s", tail(s.Raw))
	}
	if !c.Remote && s.Phases.ProvisionMs == nil {
		c.errorf("a cold sample without provision")
	}
	if f := s.Function; f == nil {
		c.errorf("the function's answer was not read")
	} else if f.Invocation != 1 || f.InstanceID == "" {
		c.errorf("the function counts this as its invocation %d, instance %q: not cold", f.Invocation, f.InstanceID)
	}
	c.any(s, memoryMB)
}

// warm checks the n-th invocation of an environment.
func (c *checker) warm(s, first coldstart.Sample, n int) {
	if s.Start != coldstart.Warm {
		c.errorf("start %q, want warm", s.Start)
	}
	if s.Environment != first.Environment || s.Invocation != n {
		c.errorf("invocation %d of environment %s, want %d of %s", s.Invocation, s.Environment, n, first.Environment)
	}
	if s.Metrics.InitDurationMs != nil {
		c.errorf("a warm sample with Init Duration: %s", tail(s.Raw))
	}
	if s.Phases.ProvisionMs != nil {
		c.errorf("a warm sample with provision")
	}
	switch f := s.Function; {
	case f == nil:
		c.errorf("the function's answer was not read")
	case first.Function != nil && f.InstanceID != first.Function.InstanceID, f.Invocation != n:
		c.errorf("served as invocation %d of instance %s, want %d of the same", f.Invocation, f.InstanceID, n)
	}
	c.any(s, int(deref(first.Metrics.MemorySizeMB)))
}

// any checks what holds of every sample.
func (c *checker) any(s coldstart.Sample, memoryMB int) {
	if len(s.Proof) == 0 {
		c.errorf("a %s sample without proof", s.Start)
	}
	if s.Environment == "" || s.At.IsZero() {
		c.errorf("a sample without environment or time: %q, %v", s.Environment, s.At)
	}
	if s.Phases.ClientMs == nil || *s.Phases.ClientMs <= 0 {
		c.errorf("a sample without client time")
	}
	m := s.Metrics
	if m.DurationMs == nil || m.BilledDurationMs == nil || m.MemorySizeMB == nil {
		c.errorf("a sample without Duration, Billed Duration or Memory Size: %s", tail(s.Raw))
		return
	}
	if *m.MemorySizeMB != float64(memoryMB) {
		c.errorf("memory size %v MB, want %d MB", *m.MemorySizeMB, memoryMB)
	}
	if c.can(CanMeasureMemory) && (m.MaxMemoryUsedMB == nil || *m.MaxMemoryUsedMB < 1) {
		c.errorf("a sample without Max Memory Used: %s", tail(s.Raw))
	}
	// The print is rounded to two decimals, the ceiling is of what was not.
	sum := *m.DurationMs + deref(m.InitDurationMs)
	if by := *m.BilledDurationMs - math.Ceil(math.Round(sum*1000)/1000); by != 0 && by != 1 {
		c.errorf("billed %v ms for %v ms: %s", *m.BilledDurationMs, sum, tail(s.Raw))
	}
	report, err := lambdalog.ParseReport(s.Raw)
	if err != nil {
		c.errorf("parsing the sample's own line: %v", err)
		return
	}
	if !reflect.DeepEqual(coldstart.Metrics(report.Metrics), m) {
		c.errorf("the metrics are not those of %s", tail(s.Raw))
	}
	if report.RequestID != s.RequestID || s.RequestID == "" {
		c.errorf("request %q has the REPORT of %q", s.RequestID, report.RequestID)
	}
}

// differ checks that two samples are of two invocations.
func (c *checker) differ(a, b coldstart.Sample) {
	if a.RequestID == b.RequestID {
		c.errorf("two samples of request %s", a.RequestID)
	}
}

func deref(p *float64) float64 {
	if p == nil {
		return 0
	}
	return *p
}

func (c *checker) clock() int64 {
	if c.Clock == nil {
		return 0
	}
	return c.Clock()
}

// checkMemorySizes: the size asked for is the size printed.
func checkMemorySizes(c *checker) error {
	for _, mb := range []int{128, 1024, 1769} {
		t, err := c.openWith(c.config(mb), c.Image, c.options(`{}`, ""))
		if err != nil {
			return err
		}
		env, s, err := c.start(t)
		if err != nil {
			return fmt.Errorf("%d MB: %w", mb, err)
		}
		c.cold(s, mb)
		if s.Config.MemoryMB != mb {
			c.errorf("a sample of %v, want %d MB", s.Config, mb)
		}
		if err := errors.Join(env.Close(), t.Close()); err != nil {
			return err
		}
	}
	return nil
}

// checkPhases: what the function sleeps in init is in Init Duration alone, in the handler in Duration.
func checkPhases(c *checker) error {
	r, err := c.startCold(c.open(`{"do":"sleep","ms":60}`, "sleep 150"))
	if err != nil {
		return err
	}
	s := r.first
	if i, d := deref(s.Metrics.InitDurationMs), deref(s.Metrics.DurationMs); i < 150 || d < 60 {
		c.errorf("init %v ms and duration %v ms of a function that sleeps 150 and 60", i, d)
	}
	if b := deref(s.Metrics.BilledDurationMs); b < 210 {
		c.errorf("billed %v ms of a function that sleeps 210", b)
	}
	w, err := c.invokeWarm(r)
	if err != nil {
		return err
	}
	if d := deref(w.Metrics.DurationMs); d < 60 {
		c.errorf("duration %v ms of a function that sleeps 60", d)
	}
	return r.end()
}

// checkTwo: two configurations that are open at the same time are told apart.
func checkTwo(c *checker) error {
	var targets []coldstart.Target
	for _, mb := range []int{256, 512} {
		t, err := c.openWith(c.config(mb), c.Image, c.options(`{}`, ""))
		if err != nil {
			return err
		}
		targets = append(targets, t)
	}
	var instances []string
	for range 2 {
		for i, mb := range []int{256, 512} {
			env, s, err := c.start(targets[i])
			if err != nil {
				return err
			}
			c.cold(s, mb)
			if s.Function != nil {
				if slices.Contains(instances, s.Function.InstanceID) {
					c.errorf("instance %s is cold twice", s.Function.InstanceID)
				}
				instances = append(instances, s.Function.InstanceID)
			}
			if err := env.Close(); err != nil {
				return err
			}
		}
	}
	return errors.Join(targets[0].Close(), targets[1].Close())
}

// checkClose: closing twice does no harm, and leaves nothing.
func checkClose(c *checker) error {
	before := c.leftovers()
	for range 2 {
		t, err := c.open(`{}`, "")
		if err != nil {
			return err
		}
		opened := c.leftovers()
		for range 2 {
			env, _, err := c.start(t)
			if err != nil {
				return err
			}
			if err := errors.Join(env.Close(), env.Close()); err != nil {
				return fmt.Errorf("closing environment twice: %w", err)
			}
			for _, l := range c.leftovers() {
				if !slices.Contains(opened, l) {
					c.errorf("a closed environment left behind: %s", l)
				}
			}
		}
		if err := errors.Join(t.Close(), t.Close()); err != nil {
			return fmt.Errorf("closing target twice: %w", err)
		}
		for _, l := range c.leftovers() {
			if !slices.Contains(before, l) {
				c.errorf("a closed target left behind: %s", l)
			}
		}
	}
	return nil
}

// checkOutput: a function that prints much is not held up, and fills nothing.
func checkOutput(c *checker) error {
	r, err := c.startCold(c.open(`{"do":"print","bytes":2000000}`, ""))
	if err != nil {
		return err
	}
	if _, err := c.invokeWarm(r); err != nil {
		return err
	}
	return r.end()
}
