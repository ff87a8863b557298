package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/runfile"
)

// cpuTimes is what the CPUs of a machine did since it was started, in ticks of
// /proc/stat over all CPUs.
type cpuTimes struct {
	// idle is the time without work, busy that with it, stolen that in which a
	// virtual machine had work and its host ran others.
	idle, busy, stolen uint64
}

// parseCPUTimes reads the first line of /proc/stat, "cpu user nice system idle
// iowait irq softirq steal guest guest_nice": see proc(5). What guests used is
// part of user and nice.
func parseCPUTimes(text string) (cpuTimes, bool) {
	line, _, _ := strings.Cut(text, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return cpuTimes{}, false
	}
	var n [8]uint64
	for i := range n {
		var err error
		if n[i], err = strconv.ParseUint(fields[i+1], 10, 64); err != nil {
			return cpuTimes{}, false
		}
	}
	return cpuTimes{idle: n[3] + n[4], busy: n[0] + n[1] + n[2] + n[5] + n[6], stolen: n[7]}, true
}

// since returns what was done since an earlier reading. A counter that went
// backwards, as iowait may, counts as not moved.
func (c cpuTimes) since(before cpuTimes) cpuTimes {
	less := func(a, b uint64) uint64 { return max(a, b) - b }
	return cpuTimes{idle: less(c.idle, before.idle), busy: less(c.busy, before.busy), stolen: less(c.stolen, before.stolen)}
}

// neighbours watches what other programs use of this machine's CPUs while a local
// run is under way. It looks where bench waits and nothing that it measures runs:
// in the pauses before warm invocations, and where there are none for a moment
// before and after the run. It is a clock whose sleeps are these pauses.
type neighbours struct {
	coldstart.Clock
	// stat returns /proc/stat.
	stat func() (string, error)

	mu     sync.Mutex
	begun  cpuTimes
	known  bool
	paused cpuTimes
	waited time.Duration
}

// shortestLook is the shortest pause that is looked at: a tick is 10 ms.
const shortestLook = 20 * time.Millisecond

// moment is how long is looked before and after a run without pauses.
const moment = 250 * time.Millisecond

// neighbours watches this machine during a run; nobody where the run is of other
// machines.
func (a *app) neighbours(h runfile.Header) *neighbours {
	n := &neighbours{Clock: coldstart.Wall{}, stat: a.HostStat}
	host := a.getenv("DOCKER_HOST")
	// An engine of containers is reached through DOCKER_HOST.
	remote := h.Plan.Network != "" && host != "" && !strings.HasPrefix(host, "unix://")
	if n.stat == nil || h.Backend != "local" || remote {
		n.stat = func() (string, error) { return "", errors.ErrUnsupported }
	}
	return n
}

func readStat() (string, error) {
	text, err := os.ReadFile("/proc/stat")
	return string(text), err
}

func (n *neighbours) read() (cpuTimes, bool) {
	text, err := n.stat()
	if err != nil {
		return cpuTimes{}, false
	}
	return parseCPUTimes(text)
}

// begin is called before the first sample. A run without pauses is looked at here.
func (n *neighbours) begin(ctx context.Context, pauses bool) {
	if n.begun, n.known = n.read(); n.known && !pauses {
		_ = n.Sleep(ctx, moment)
	}
}

// Sleep sleeps, and notes what the CPUs did meanwhile.
func (n *neighbours) Sleep(ctx context.Context, d time.Duration) error {
	if d < shortestLook || !n.known {
		return n.Clock.Sleep(ctx, d)
	}
	before, ok := n.read()
	err := n.Clock.Sleep(ctx, d)
	after, also := n.read()
	if ok && also && err == nil {
		did := after.since(before)
		n.mu.Lock()
		defer n.mu.Unlock()
		n.paused.idle, n.paused.busy, n.paused.stolen = n.paused.idle+did.idle, n.paused.busy+did.busy, n.paused.stolen+did.stolen
		n.waited += d
	}
	return err
}

// end is called after the last sample, and returns what was seen; nil where
// nothing could be.
func (n *neighbours) end(ctx context.Context, pauses bool) *runfile.HostLoad {
	if !n.known {
		return nil
	}
	if !pauses {
		_ = n.Sleep(ctx, moment)
	}
	ended, ok := n.read()
	if !ok {
		return nil
	}
	load := &runfile.HostLoad{}
	if p := n.paused; p.idle+p.busy+p.stolen > 0 {
		v := float64(p.busy+p.stolen) / float64(p.idle+p.busy+p.stolen)
		load.BusyShare, load.WaitedS = &v, n.waited.Seconds()
	}
	if d := ended.since(n.begun); d.busy+d.stolen > 0 {
		v := float64(d.stolen) / float64(d.busy+d.stolen)
		load.StolenShare = &v
	}
	return load
}

// noticed is the share of CPU time above which a reader is warned: what takes it
// can stretch what uses all CPUs by more than the margin within which a report
// says that two times are the same. What an engine still does when it has answered
// is among it: some 2 % of two CPUs with Docker, measured once.
const noticed = analysis.Margin

// hostWarnings are what a reader of the run should know of the machine.
func hostWarnings(l *runfile.HostLoad) []string {
	var list []string
	if l == nil {
		return nil
	}
	if v := l.BusyShare; v != nil && *v > noticed {
		list = append(list, fmt.Sprintf("the machine was not quiet: in %.1f s in which bench only waited, other programs used %.0f %% of the CPUs' time; above %.0f %% that can stretch times by more than the margin", l.WaitedS, 100**v, 100*noticed))
	}
	if v := l.StolenShare; v != nil && *v > noticed {
		list = append(list, fmt.Sprintf("the machine's hypervisor was not quiet: it gave others %.0f %% of the CPU time that this machine wanted during the run; above %.0f %% that can stretch times by more than the margin", 100**v, 100*noticed))
	}
	return list
}
