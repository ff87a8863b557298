package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// The bounds that the kernel sets to a CPU quota.
const (
	minQuota  = time.Millisecond
	minPeriod = time.Millisecond
	maxPeriod = time.Second
)

// mbPerCPU is the memory size that Lambda gives one vCPU; initCPUs is what a
// function has during an on-demand init, whatever its size.
const (
	mbPerCPU = 1769
	initCPUs = 2
)

// limits are what one environment may use.
type limits struct {
	memoryBytes int64
	// period is the CPU quota's; 0 where the CPU is not limited. quotaInit is
	// what may be used of each period during init, quota afterwards.
	period, quotaInit, quota time.Duration
}

// limitsOf computes Lambda's limits for a memory size.
func limitsOf(memoryMB int, limitCPU bool, period time.Duration) (limits, error) {
	l := limits{memoryBytes: int64(memoryMB) << 20}
	if !limitCPU {
		return l, nil
	}
	if period == 0 {
		period = 20 * time.Millisecond
	}
	if period < minPeriod || period > maxPeriod {
		return l, fmt.Errorf("a CPU period of %v: want %v to %v", period, minPeriod, maxPeriod)
	}
	l.period = period
	l.quota = (period * time.Duration(memoryMB) / mbPerCPU).Round(time.Microsecond)
	l.quotaInit = max(initCPUs*period, l.quota)
	if l.quota < minQuota {
		return l, fmt.Errorf("a CPU period of %v leaves %d MB a quota of %v, and the kernel takes none below %v",
			period, memoryMB, l.quota, minQuota)
	}
	return l, nil
}

// group is the control group of one environment: a node a controller, the same
// one twice in version 2, or none.
type group struct {
	cpu, memory node
	// oomKills is what kills returned when a process last ended by itself; atomic.
	oomKills int64
}

// nodes lists the folders of g, each once.
func (g *group) nodes() []node {
	var ns []node
	for _, n := range []node{g.memory, g.cpu} {
		if n.dir != "" && (len(ns) == 0 || ns[0].dir != n.dir) {
			ns = append(ns, n)
		}
	}
	return ns
}

// add puts a process, and what it will start, into the group.
func (g *group) add(pid int) error {
	for _, n := range g.nodes() {
		if err := write(filepath.Join(n.dir, "cgroup.procs"), strconv.Itoa(pid)); err != nil {
			return fmt.Errorf("entering a cgroup: %w", err)
		}
	}
	return nil
}

// processes lists the processes of the group; none where there is no group.
func (g *group) processes() []int {
	ns := g.nodes()
	if len(ns) == 0 {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(ns[0].dir, "cgroup.procs"))
	if err != nil {
		return nil
	}
	return numbers(text)
}

// setQuota changes the CPU quota and leaves the period as it is: changing it,
// too, makes the next invocation an outlier.
func (g *group) setQuota(l limits, quota time.Duration) error {
	if g.cpu.dir == "" {
		return nil
	}
	var err error
	if g.cpu.version == 1 {
		err = write(filepath.Join(g.cpu.dir, "cpu.cfs_quota_us"), micros(quota))
	} else {
		err = write(filepath.Join(g.cpu.dir, "cpu.max"), micros(quota)+" "+micros(l.period))
	}
	if err != nil {
		return fmt.Errorf("limiting the cpu: %w", err)
	}
	return nil
}

// throttled returns how long the group's processes were held back so far.
func (g *group) throttled() (time.Duration, bool) {
	if g.cpu.dir == "" {
		return 0, false
	}
	key, unit := "throttled_time", time.Nanosecond
	if g.cpu.version == 2 {
		key, unit = "throttled_usec", time.Microsecond
	}
	n, ok := counter(filepath.Join(g.cpu.dir, "cpu.stat"), key)
	return time.Duration(n) * unit, ok
}

// kills returns how many processes of the group the kernel has killed because
// of its memory limit.
func (g *group) kills() int64 {
	if g.memory.dir == "" {
		return 0
	}
	file := "memory.oom_control"
	if g.memory.version == 2 {
		file = "memory.events"
	}
	n, _ := counter(filepath.Join(g.memory.dir, file), "oom_kill")
	return n
}

// remove removes the group, whose processes have ended.
func (g *group) remove() error {
	var errs []error
	for _, n := range g.nodes() {
		errs = append(errs, n.remove())
	}
	return errors.Join(errs...)
}

// node is a folder in a cgroup hierarchy.
type node struct {
	version int
	dir     string
}

// setCPU sets the period and the quota.
func (n node) setCPU(period, quota time.Duration) error {
	if n.version == 2 {
		return write(filepath.Join(n.dir, "cpu.max"), micros(quota)+" "+micros(period))
	}
	if err := write(filepath.Join(n.dir, "cpu.cfs_period_us"), micros(period)); err != nil {
		return err
	}
	return write(filepath.Join(n.dir, "cpu.cfs_quota_us"), micros(quota))
}

// setMemory sets the limit, and forbids to swap where there is swap accounting.
func (n node) setMemory(bytes int64) error {
	limit, swap, swapMost := "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", strconv.FormatInt(bytes, 10)
	if n.version == 2 {
		limit, swap, swapMost = "memory.max", "memory.swap.max", "0"
	}
	if err := write(filepath.Join(n.dir, limit), strconv.FormatInt(bytes, 10)); err != nil {
		return err
	}
	err := write(filepath.Join(n.dir, swap), swapMost)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, unix.EOPNOTSUPP) {
		return err
	}
	return nil
}

// remove removes the folder. The kernel may need a moment after the end of the
// last process.
func (n node) remove() error {
	pause := 50 * time.Microsecond
	for {
		err := unix.Rmdir(n.dir)
		if err == nil || errors.Is(err, unix.ENOENT) {
			return nil
		}
		if !errors.Is(err, unix.EBUSY) && !errors.Is(err, unix.EINTR) || pause > time.Second {
			return &fs.PathError{Op: "removing", Path: n.dir, Err: err}
		}
		time.Sleep(pause)
		pause *= 2
	}
}

// write writes to a file that exists: a cgroup's files are never made.
func write(path, text string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		_, err = unix.Write(fd, []byte(text))
		_ = unix.Close(fd)
	}
	if err != nil {
		return &fs.PathError{Op: "writing", Path: path, Err: err}
	}
	return nil
}

// micros writes a duration in whole microseconds.
func micros(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) }

// counter reads the number after key in a file of "KEY NUMBER" lines.
func counter(path, key string) (int64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	for _, line := range strings.Split(string(text), "\n") {
		if f := strings.Fields(line); len(f) == 2 && f[0] == key {
			n, err := strconv.ParseInt(f[1], 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
