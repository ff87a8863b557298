package cli

import (
	"context"
	"fmt"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/results"
	"coldbench/bench/internal/runfile"
)

// resume sets the flags of a local run to the plan of the run that is to go on.
func (a *app) resume(ctx context.Context, m *measure, f *localFlags, args *[]string) error {
	run, err := a.takeUp(ctx, m, "local", args)
	if err != nil {
		return err
	}
	h := run.Header
	takeLocal(m, f, h)
	m.take("control", func() { f.control = h.Plan.Control != "" })
	if m.before.run = h.Plan.Against; m.before.run != "" {
		// Exactly those that it measures: what was gone when it began stays so.
		for _, c := range h.Configs {
			if c.Before != "" {
				c.Variant = c.Before
				m.before.configs = append(m.before.configs, c)
			}
		}
	}
	return nil
}

// takeLocal sets what was not given of the flags of bench local to what a run had.
func takeLocal(m *measure, f *localFlags, h runfile.Header) {
	p := h.Plan
	m.take("timeout", func() { m.timeout = p.Timeout.Duration })
	m.take("cpu", func() { m.cpu = p.CPU })
	m.take("engine", func() { f.engine = h.Engine })
	if p.CPUPeriod.Duration > 0 {
		m.take("cpu-period", func() { m.cpuPeriod = p.CPUPeriod.Duration })
	}
	if p.Network != "" {
		m.take("network", func() { f.network = p.Network })
	}
}

// take sets what a flag stands for, unless the flag was given.
func (m *measure) take(flag string, set func()) {
	if !m.given(flag) {
		set()
	}
}

// takeUp reads the run that is to go on and sets the flags that every measuring
// command has to its plan. Flags that were given all the same have to agree with
// it; runfile.Resume compares.
func (a *app) takeUp(ctx context.Context, m *measure, backend string, args *[]string) (*runfile.Run, error) {
	typed := m.resume
	file, err := a.find(ctx, a.results(m.out), typed, results.Want{})
	switch {
	case err != nil:
		return nil, err
	case !file.OnDisk():
		return nil, fmt.Errorf("--resume %s: the run is in a git revision, and only a file can be continued", typed)
	}
	run, err := file.Run()
	if err != nil {
		return nil, err
	}
	m.resume = file.Path
	h := run.Header
	if h.Backend != backend {
		return nil, usagef("%s is a run of bench %s", typed, h.Backend)
	}
	p := h.Plan
	m.take("runs", func() { m.runs = p.Runs })
	m.take("warm-runs", func() { m.warmRuns = p.WarmRuns })
	m.take("seed", func() { m.seed = p.Seed })
	m.take("pause", func() { m.pause = p.Pause.Duration })
	m.take("baseline", func() { m.baseline = p.Baseline })
	m.take("precision", func() { m.precision = p.Precision })
	if err := m.readPrecision(); err != nil {
		return nil, err
	}
	m.take("retries", func() { m.retries = p.Retries })
	m.take("memory", func() { m.memoryMB = p.MemoryMB })
	m.take("arch", func() { m.archs = p.Arch })
	if !m.given("cold") && !m.given("warm") {
		m.cold, m.warm = p.Only == "cold", p.Only == "warm"
	}
	if p.PayloadSha256 != digest(m.event) {
		return nil, advice.Hint(usagef("--payload is not the one that %s was begun with", typed), "give the same --payload and --env again")
	}
	if len(*args) == 0 {
		for _, c := range h.Configs {
			if c.Variant != p.Control && c.Before == "" {
				*args = addOnce(*args, c.Variant)
			}
		}
	}
	if len(*args) == 0 {
		return nil, fmt.Errorf("%s names no configuration", typed)
	}
	return run, nil
}
