package analysis

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runfile"
)

// method lists how a run was measured. What is not known is left out.
func method(run *runfile.Run, g grouping, sessions []Session) []Fact {
	h := run.Header
	facts := []Fact{}
	add := func(name, format string, args ...any) {
		if v := strings.TrimSpace(fmt.Sprintf(format, args...)); v != "" {
			facts = append(facts, Fact{name, v})
		}
	}
	add("Engine", "%s %s", h.Engine, h.Host.EngineVersion)
	add("Engine chosen", "%s", h.Choice)
	engineFacts(h, add)
	add("Host", "%s", hostOf(h.Host))
	p := h.Plan
	cpu, memory := h.Limits.CPU, h.Limits.Memory
	if cpu == "quota" {
		cpu = "quota: memory size/1769 MB of a vCPU, two vCPUs during init"
		if p.CPUPeriod.Duration > 0 {
			cpu += fmt.Sprintf(", period %g ms", p.CPUPeriod.Number())
		}
	}
	if memory == "limit" {
		memory = "limit: the memory size"
	}
	add("CPU limit", "%s", cpu)
	add("Memory limit", "%s", memory)
	add("Max Memory Used", "%s", h.Limits.MaxMemoryUsed)
	if p.Burst > 1 {
		add("Bursts", "of up to %d cold starts of one config at one time", p.Burst)
	}
	add("Cold starts", "%d of each config, forced by %s", p.Runs, forcedBy(p))
	if p.WarmRuns > 0 {
		add("Warm invocations", "%d after each cold start", p.WarmRuns)
	} else {
		add("Warm invocations", "none")
	}
	if p.Precision != "" {
		add("Precision", "until the half width of the cold interval is %s, at most %d cold starts; looked at from the 20th on, every 5th, on an interval of 97 %%", p.Precision, p.Runs)
	}
	add("Control", "%s", p.Control)
	add("Order", "each round holds every config once, in a random order from seed %d", p.Seed)
	if p.Pause.Duration > 0 {
		add("Pause", "%g ms idle before each warm invocation", p.Pause.Number())
	} else {
		add("Pause", "none: back-to-back invocations")
	}
	add("Memory sizes", "%s MB", joinInts(p.MemoryMB))
	add("Architectures", "%s", strings.Join(p.Arch, ", "))
	if p.Timeout.Duration > 0 {
		add("Function timeout", "%g s", p.Timeout.Number())
	}
	add("Payload", "SHA-256 %s", cmp.Or(p.PayloadSha256, "not recorded"))
	add("Network", "%s", p.Network)
	add("Retries", "%d for a sample that was not proved", p.Retries)
	add("Tool", "%s", h.Tool)
	for _, s := range sessions {
		add("Session", "%s", s.Run)
	}
	add("Started", "%s", when(h.Started))
	for _, r := range run.Resumes {
		add("Resumed", "%s", when(r.At))
	}
	if run.End == nil {
		add("Ended", "not recorded")
	} else {
		add("Ended", "%s", when(run.End.At)+ended(run.End.Stopped))
		of := ""
		if len(sessions) > 0 {
			of = ", of the session where it was most"
		}
		if l := run.End.Host; l != nil && l.BusyShare != nil {
			add("Other programs", "%.1f %% of the CPUs' time in %.1f s in which bench only waited%s", 100**l.BusyShare, l.WaitedS, of)
		}
		if l := run.End.Host; l != nil && l.StolenShare != nil {
			add("Stolen by the hypervisor", "%.1f %% of the CPU time that the machine wanted%s", 100**l.StolenShare, of)
		}
	}
	add("Samples", "%d, %s, %s", g.samples.n, plan.Plural(len(run.Rejects), "reject"), plan.Plural(len(run.Failures), "failure"))
	add("Previous run", "%s", h.Reference)
	add("Against the images of", "%s", p.Against)
	return facts
}

func engineFacts(h runfile.Header, add func(name, format string, args ...any)) {
	f := h.Facts
	if f == nil {
		return
	}
	add("Storage driver", "%s", f.StorageDriver)
	if h.Host.Cgroup != "" {
		add("Control groups", "%s, driver %s", h.Host.Cgroup, cmp.Or(f.CgroupDriver, "unknown"))
	}
	add("Container runtime", "%s", f.Runtime)
	if f.Rootless != nil {
		add("Rootless", "%s", map[bool]string{true: "yes", false: "no"}[*f.Rootless])
	}
}

func ended(stopped string) string {
	switch stopped {
	case "plan", "":
		return ""
	case "precision":
		return ", at the precision asked for"
	case "gave-up":
		return ", having given up"
	}
	return ", " + stopped
}

func hostOf(h runfile.Host) string {
	parts := []string{strings.TrimSpace(h.OS + " " + h.Kernel), h.CPU}
	if h.CPUs > 0 {
		parts = append(parts, plan.Plural(h.CPUs, "CPU"))
	}
	if h.MemoryMB > 0 {
		parts = append(parts, fmt.Sprintf("%d MB", h.MemoryMB))
	}
	if h.Cgroup != "" {
		parts = append(parts, "cgroup "+h.Cgroup)
	}
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	return strings.Join(parts, ", ")
}

func joinInts(v []int) string {
	s := make([]string, len(v))
	for i, n := range v {
		s[i] = strconv.Itoa(n)
	}
	return strings.Join(s, ",")
}
