package host

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
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

// Clock is a clock that can sleep; see runner.Clock.
type Clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error
}

// Noise measures what other programs use of this machine's CPUs during a local run.
// It looks while bench waits and nothing that it measures runs: in the pauses before
// warm invocations or, without them, for a moment before and after the run. It is the
// clock whose sleeps are these pauses.
type Noise struct {
	Clock
	stat   func() (string, error)
	pauses bool

	mu     sync.Mutex
	begun  cpuTimes
	known  bool
	paused cpuTimes
	waited time.Duration
}

// ShortestLook is the shortest pause that is looked at: a tick is 10 ms.
const ShortestLook = 20 * time.Millisecond

// moment is how long a run without pauses is looked at before and after it.
const moment = 250 * time.Millisecond

// Stat returns /proc/stat.
func Stat() (string, error) {
	text, err := os.ReadFile("/proc/stat")
	return string(text), err
}

// Watch returns the clock of a run. stat returns what /proc/stat holds; nil if there
// is nothing to see, as of a remote machine. pauses says whether the run has pauses
// that are long enough to look at.
func Watch(clock Clock, stat func() (string, error), pauses bool) *Noise {
	return &Noise{Clock: clock, stat: stat, pauses: pauses}
}

func (n *Noise) read() (cpuTimes, bool) {
	if n.stat == nil {
		return cpuTimes{}, false
	}
	text, err := n.stat()
	if err != nil {
		return cpuTimes{}, false
	}
	return parseCPUTimes(text)
}

// Begin is called before the first sample.
func (n *Noise) Begin(ctx context.Context) {
	if n.begun, n.known = n.read(); n.known && !n.pauses {
		_ = n.Sleep(ctx, moment)
	}
}

// Sleep sleeps, and notes what the CPUs did meanwhile.
func (n *Noise) Sleep(ctx context.Context, d time.Duration) error {
	if d < ShortestLook || !n.known {
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

// Load is how busy a machine was with other programs. Shares are from 0 to 1; nil is
// unknown.
type Load struct {
	// Busy is the share of CPU time that other programs used while bench waited, in
	// Waited of pauses.
	Busy   *float64
	Waited time.Duration
	// Stolen is the share of the CPU time that the machine wanted during the run and
	// that its hypervisor gave to others.
	Stolen *float64
}

// End is called after the last sample, and returns what was seen; nil if nothing
// could be seen.
func (n *Noise) End(ctx context.Context) *Load {
	if !n.known {
		return nil
	}
	if !n.pauses {
		_ = n.Sleep(ctx, moment)
	}
	ended, ok := n.read()
	if !ok {
		return nil
	}
	load := &Load{}
	if p := n.paused; p.idle+p.busy+p.stolen > 0 {
		v := float64(p.busy+p.stolen) / float64(p.idle+p.busy+p.stolen)
		load.Busy, load.Waited = &v, n.waited
	}
	if d := ended.since(n.begun); d.busy+d.stolen > 0 {
		v := float64(d.stolen) / float64(d.busy+d.stolen)
		load.Stolen = &v
	}
	return load
}

// Warnings are what a reader of the run should know of the machine: shares above a
// limit. Part of them is what an engine still does after it has answered: some 2 % of
// two CPUs with Docker, measured once.
func (l *Load) Warnings(limit float64) []string {
	var list []string
	if l == nil {
		return nil
	}
	if v := l.Busy; v != nil && *v > limit {
		list = append(list, fmt.Sprintf("the machine was not quiet: in %.1f s in which bench only waited, other programs used %.0f %% of the CPUs' time; above %.0f %% that can stretch times by more than the margin", l.Waited.Seconds(), 100**v, 100*limit))
	}
	if v := l.Stolen; v != nil && *v > limit {
		list = append(list, fmt.Sprintf("the machine's hypervisor was not quiet: it gave others %.0f %% of the CPU time that this machine wanted during the run; above %.0f %% that can stretch times by more than the margin", 100**v, 100*limit))
	}
	return list
}
