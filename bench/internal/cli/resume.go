package cli

import (
	"fmt"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/runfile"
)

// resume sets the flags to the plan of the run that is to go on. Flags that
// were given all the same have to agree with it; runfile.Resume compares.
func (a *app) resume(m *measure, f *localFlags, args *[]string) error {
	path := absolute(a.Dir, m.resume)
	run, err := runfile.Open(path)
	if err != nil {
		return err
	}
	h := run.Header
	if h.Backend != "local" {
		return usagef("%s is a run of bench %s", m.resume, h.Backend)
	}
	take := func(flag string, set func()) {
		if !m.given(flag) {
			set()
		}
	}
	p := h.Plan
	take("runs", func() { m.runs = p.Runs })
	take("warm-runs", func() { m.warmRuns = p.WarmRuns })
	take("seed", func() { m.seed = p.Seed })
	take("pause", func() { m.pause = time.Duration(p.PauseMs * float64(time.Millisecond)) })
	take("timeout", func() { m.timeout = time.Duration(p.TimeoutS * float64(time.Second)) })
	take("cpu", func() { m.cpu = p.CPU })
	take("baseline", func() { m.baseline = p.Baseline })
	take("retries", func() { m.retries = p.Retries })
	take("memory", func() { m.memoryMB = p.MemoryMB })
	take("arch", func() { m.archs = p.Arch })
	take("engine", func() { f.engine = h.Engine })
	if p.CPUPeriodMs > 0 {
		take("cpu-period", func() { m.cpuPeriod = time.Duration(p.CPUPeriodMs * float64(time.Millisecond)) })
	}
	if p.Network != "" {
		take("network", func() { f.network = p.Network })
	}
	if !m.given("cold") && !m.given("warm") {
		m.cold, m.warm = p.Only == "cold", p.Only == "warm"
	}
	if p.PayloadSha256 != digest(m.event) {
		return coldstart.Hint(usagef("--payload is not the one that %s was begun with", m.resume), "give the same --payload and --env again")
	}
	if len(*args) == 0 {
		for _, c := range h.Configs {
			*args = addOnce(*args, c.Variant)
		}
	}
	if len(*args) == 0 {
		return fmt.Errorf("%s names no configuration", m.resume)
	}
	return nil
}
