package cli

import (
	"strings"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/host"
	"coldbench/bench/internal/runfile"
)

// describeHost describes this machine and its engine for a run file.
func describeHost(e *Engine) runfile.Host {
	f := host.Describe()
	return runfile.Host{
		Fingerprint: f.Fingerprint(e.Cgroup()), OS: f.OS, Kernel: f.Kernel, CPU: f.CPU, CPUs: f.CPUs, MemoryMB: f.MemoryMB,
		EngineVersion: e.Version(), Cgroup: e.Cgroup(),
	}
}

// watchHost watches this machine during a run, unless the run is on another one.
func (a *app) watchHost(h runfile.Header, pauses bool) *host.Noise {
	// An engine of containers is reached through DOCKER_HOST.
	stat, daemon := a.HostStat, a.getenv("DOCKER_HOST")
	remote := h.Plan.Network != "" && daemon != "" && !strings.HasPrefix(daemon, "unix://")
	if h.Backend != "local" || remote {
		stat = nil
	}
	return host.Watch(coldstart.Wall{}, stat, pauses)
}

// hostLoad is a load as run files hold it.
func hostLoad(l *host.Load) *runfile.HostLoad {
	if l == nil {
		return nil
	}
	return &runfile.HostLoad{BusyShare: l.Busy, WaitedS: l.Waited.Seconds(), StolenShare: l.Stolen}
}
