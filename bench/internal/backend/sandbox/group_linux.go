package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"coldbench/bench/internal/backend/localenv"
	"coldbench/bench/runtimeapi"
)

// limits are what one environment may use.
type limits struct {
	memoryBytes int64
	cpu         localenv.Quota
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
	return runtimeapi.Numbers(text)
}

// lower changes the CPU quota to that of invocations and leaves the period as it
// is: changing it, too, makes the next invocation an outlier.
func (g *group) lower(q localenv.Quota) error {
	if g.cpu.dir == "" {
		return nil
	}
	file, text := "cpu.cfs_quota_us", decimal(q.Invoke)
	if g.cpu.version == 2 {
		file, text = "cpu.max", decimal(q.Invoke)+" "+decimal(q.Period)
	}
	if err := write(filepath.Join(g.cpu.dir, file), text); err != nil {
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

// setCPU sets the period and the quota, in microseconds.
func (n node) setCPU(period, quota int64) error {
	if n.version == 2 {
		return write(filepath.Join(n.dir, "cpu.max"), decimal(quota)+" "+decimal(period))
	}
	if err := write(filepath.Join(n.dir, "cpu.cfs_period_us"), decimal(period)); err != nil {
		return err
	}
	return write(filepath.Join(n.dir, "cpu.cfs_quota_us"), decimal(quota))
}

// setMemory sets the limit, and forbids to swap where there is swap accounting.
func (n node) setMemory(bytes int64) error {
	limit, swap, swapMost := "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", decimal(bytes)
	if n.version == 2 {
		limit, swap, swapMost = "memory.max", "memory.swap.max", "0"
	}
	if err := write(filepath.Join(n.dir, limit), decimal(bytes)); err != nil {
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

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// counter reads the number after key in a file of "KEY NUMBER" lines.
func counter(path, key string) (int64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	return runtimeapi.Counter(text, key)
}
