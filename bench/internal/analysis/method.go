package analysis

import (
	"fmt"
	"strconv"
	"strings"

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
	engine := h.Engine
	if h.Host.EngineVersion != "" {
		engine += " " + h.Host.EngineVersion
	}
	add("Engine", "%s", engine)
	add("Engine chosen", "%s", h.Choice)
	engineFacts(h, add)
	add("Host", "%s", hostOf(h.Host))
	p := h.Plan
	cpu, memory := h.Limits.CPU, h.Limits.Memory
	if cpu == "quota" {
		cpu = "quota: memory size/1769 MB of a vCPU, two vCPUs during init"
		if p.CPUPeriodMs > 0 {
			cpu += ", period " + number(p.CPUPeriodMs) + " ms"
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
	if p.PauseMs > 0 {
		add("Pause", "%s ms idle before each warm invocation", number(p.PauseMs))
	} else {
		add("Pause", "none: back-to-back invocations")
	}
	add("Memory sizes", "%s MB", joinInts(p.MemoryMB))
	add("Architectures", "%s", strings.Join(p.Arch, ", "))
	if p.TimeoutS > 0 {
		add("Function timeout", "%s s", number(p.TimeoutS))
	}
	add("Payload", "SHA-256 %s", orElse(p.PayloadSha256, "not recorded"))
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
	if run.End != nil {
		add("Ended", "%s", when(run.End.At)+ended(run.End.Stopped))
	} else {
		add("Ended", "not recorded")
	}
	if run.End != nil && run.End.Host != nil {
		of := ""
		if len(sessions) > 0 {
			of = ", of the session where it was most"
		}
		if l := run.End.Host; l.BusyShare != nil {
			add("Other programs", "%.1f %% of the CPUs' time in %.1f s in which bench only waited%s", 100**l.BusyShare, l.WaitedS, of)
		}
		if v := run.End.Host.StolenShare; v != nil {
			add("Stolen by the hypervisor", "%.1f %% of the CPU time that the machine wanted%s", 100**v, of)
		}
	}
	add("Samples", "%d, %s, %s", g.samples.n, count(len(run.Rejects), "reject"), count(len(run.Failures), "failure"))
	add("Previous run", "%s", h.Reference)
	add("Against the images of", "%s", p.Against)
	return facts
}

// engineFacts adds what is recorded of the engine beside its version.
func engineFacts(h runfile.Header, add func(name, format string, args ...any)) {
	f := h.Facts
	if f == nil {
		return
	}
	add("Storage driver", "%s", f.StorageDriver)
	if h.Host.Cgroup != "" {
		add("Control groups", "%s, driver %s", h.Host.Cgroup, orElse(f.CgroupDriver, "unknown"))
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
	var parts []string
	if s := strings.TrimSpace(h.OS + " " + h.Kernel); s != "" {
		parts = append(parts, s)
	}
	if h.CPU != "" {
		parts = append(parts, h.CPU)
	}
	if h.CPUs > 0 {
		parts = append(parts, count(h.CPUs, "CPU"))
	}
	if h.MemoryMB > 0 {
		parts = append(parts, fmt.Sprintf("%d MB", h.MemoryMB))
	}
	if h.Cgroup != "" {
		parts = append(parts, "cgroup "+h.Cgroup)
	}
	return strings.Join(parts, ", ")
}

// command is what to type to measure the same again, every setting spelled
// out. The payload is known only by its hash.
func command(h runfile.Header) string {
	p := h.Plan
	args := []string{"bench", h.Backend}
	named := map[string]bool{}
	for _, c := range h.Configs {
		if !named[c.Variant] && c.Variant != p.Control && c.Before == "" {
			named[c.Variant] = true
			word := c.Variant
			if f := c.Function; f != nil && h.Rehearsal != "rehearsal, not AWS" {
				word += "=" + f.Name
				if f.Version != "" {
					word += ":" + f.Version
				}
			}
			args = append(args, quote(word))
		}
	}
	add := func(flag, value string) { args = append(args, flag, value) }
	if h.Backend == "local" {
		add("--engine", h.Engine)
		if p.Network != "" {
			add("--network", p.Network)
		}
		if p.CPU != "" {
			add("--cpu", p.CPU)
		}
		if p.CPUPeriodMs > 0 && p.CPU != "none" {
			add("--cpu-period", number(p.CPUPeriodMs)+"ms")
		}
	} else {
		if h.Rehearsal == "rehearsal, not AWS" {
			args = append(args, "--rehearse")
		}
		add("--region", h.Engine)
		if p.Parallel > 0 {
			add("--parallel", strconv.Itoa(p.Parallel))
		}
		if p.Burst > 0 {
			add("--burst", strconv.Itoa(p.Burst))
		}
		if p.IdleS > 0 {
			add("--idle", number(p.IdleS)+"s")
		}
		if p.Redeploy > 0 {
			add("--redeploy", strconv.Itoa(p.Redeploy))
		} else if p.Strategy != "" {
			add("--strategy", p.Strategy)
		}
	}
	if p.Precision == "" {
		add("--runs", strconv.Itoa(p.Runs))
	} else {
		add("--max-runs", strconv.Itoa(p.Runs))
	}
	add("--warm-runs", strconv.Itoa(p.WarmRuns))
	switch p.Only {
	case "cold", "warm":
		args = append(args, "--"+p.Only)
	}
	if len(p.MemoryMB) > 0 {
		add("--memory", joinInts(p.MemoryMB))
	}
	if len(p.Arch) > 0 {
		add("--arch", strings.Join(p.Arch, ","))
	}
	add("--pause", number(p.PauseMs)+"ms")
	if p.TimeoutS > 0 && h.Backend == "local" {
		add("--timeout", number(p.TimeoutS)+"s")
	}
	if p.Precision != "" {
		add("--precision", quote(p.Precision))
	}
	if p.Control != "" {
		args = append(args, "--control")
	}
	add("--retries", strconv.Itoa(p.Retries))
	if p.Baseline != "" {
		add("--baseline", quote(p.Baseline))
	}
	if p.Against != "" {
		add("--against", quote(p.Against))
	}
	add("--seed", strconv.FormatUint(p.Seed, 10))
	return strings.Join(args, " ")
}

// quote protects a word from the shell where it needs that.
func quote(s string) string {
	plain := s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=@", r))
	}) < 0
	if plain {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func joinInts(v []int) string {
	s := make([]string, len(v))
	for i, n := range v {
		s[i] = strconv.Itoa(n)
	}
	return strings.Join(s, ",")
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
