package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"coldbench/bench/runtimeapi"

	"golang.org/x/sys/unix"
)

// probe watches the function's processes from the emulator container, whose PID namespace
// their container has joined. It sees their cgroup through /proc/PID/root.
type probe struct {
	mu sync.Mutex
	// memory and cpu are open counters of the cgroup; nil if it can't be seen. They are opened
	// while the process lives.
	memory, cpu *counter
	pid         int  // the container's first process, 0 for none
	supervised  bool // that is images/start, which has stayed
	outOfMemory bool
	throttled   time.Duration // by the processes of now
	before      time.Duration // by those before
	known       bool
	// watch is closed when the end of the first process was seen.
	watch chan struct{}
}

// reapOrphans lets the kernel bury what the function's processes leave behind.
func reapOrphans() { signal.Ignore(unix.SIGCHLD) }

// counter is a number in a cgroup file.
type counter struct {
	path, key string
	unit      time.Duration // of a time; 0 for a count
	file      *os.File      // nil until it is open
}

// read returns the number, or false once the cgroup is gone.
func (c *counter) read() (int64, bool) {
	var buf [2048]byte
	n, err := c.file.ReadAt(buf[:], 0)
	if err != nil && err != io.EOF {
		return 0, false
	}
	return runtimeapi.Counter(buf[:n], c.key)
}

// The counters of cgroup v2 and v1, in the order in which they are looked for.
var (
	memoryCounters = []counter{
		{path: "memory.events", key: "oom_kill"},
		{path: "memory/memory.oom_control", key: "oom_kill"},
	}
	cpuCounters = []counter{
		{path: "cpu.stat", key: "throttled_usec", unit: time.Microsecond},
		{path: "cpu/cpu.stat", key: "throttled_time", unit: time.Nanosecond},
		{path: "cpu,cpuacct/cpu.stat", key: "throttled_time", unit: time.Nanosecond},
	}
)

// openCounter opens the first of the candidates that a cgroup mount holds, or
// returns nil.
func openCounter(mount string, candidates []counter) *counter {
	for _, c := range candidates {
		var err error
		if c.file, err = os.Open(filepath.Join(mount, c.path)); err != nil {
			continue
		}
		if _, ok := c.read(); ok {
			return &c
		}
		c.file.Close()
	}
	return nil
}

// processes lists the others in a PID namespace of which the emulator is process 1.
func processes() []int {
	if os.Getpid() != 1 {
		return nil
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && pid != 1 {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Attach opens the cgroup's counters and watches for the end of the first process.
func (p *probe) Attach() {
	p.Detach()
	pids := processes()
	if len(pids) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	mount := fmt.Sprintf("/proc/%d/root/sys/fs/cgroup", pids[0])
	p.memory, p.cpu = openCounter(mount, memoryCounters), openCounter(mount, cpuCounters)
	p.pid = pids[0]
	if p.cpu != nil {
		p.known = true
	}
	fd, err := unix.PidfdOpen(pids[0], 0)
	if err != nil {
		return
	}
	watch := make(chan struct{})
	p.watch = watch
	go func() {
		defer close(watch)
		defer unix.Close(fd)
		awaitEnd(fd)
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.watch == watch {
			p.sample()
		}
	}()
}

// awaitEnd returns when the process has ended.
func awaitEnd(pidfd int) {
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	for {
		if n, err := unix.Poll(fds, -1); n > 0 || (err != nil && err != unix.EINTR) {
			return
		}
	}
}

// sample reads the counters while they can be read.
func (p *probe) sample() {
	if p.memory != nil {
		if kills, ok := p.memory.read(); ok && kills > 0 {
			p.outOfMemory = true
		}
	}
	if p.cpu != nil {
		if n, ok := p.cpu.read(); ok {
			p.throttled = time.Duration(n) * p.cpu.unit
		}
	}
}

// Supervised says that the first process is images/start, which stays.
func (p *probe) Supervised() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.supervised = true
}

// MaxMemory sums the VmHWM of the processes that live; shared pages count twice.
func (p *probe) MaxMemory() (int64, bool) {
	p.mu.Lock()
	start := 0
	if p.supervised {
		start = p.pid
	}
	p.mu.Unlock()
	return runtimeapi.HighWater(slices.DeleteFunc(processes(), func(pid int) bool { return pid == start }))
}

// Throttled returns the time of all processes so far; false if no cgroup was ever seen.
func (p *probe) Throttled() (time.Duration, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sample()
	return p.before + p.throttled, p.known
}

// OutOfMemory reports what the cgroup's counter says or said last.
func (p *probe) OutOfMemory() bool {
	p.mu.Lock()
	watch := p.watch
	if p.supervised {
		watch = nil // its end is not awaited: it outlives the runtime
		p.sample()
	}
	p.mu.Unlock()
	if watch != nil {
		// The engine has seen the end already, so the kernel has shown it; the
		// bound is for an engine that was wrong.
		select {
		case <-watch:
		case <-time.After(time.Second):
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.outOfMemory
}

// Terminate sends SIGTERM to the first process, which the runtime has become.
func (p *probe) Terminate() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pid != 0 {
		_ = unix.Kill(p.pid, unix.SIGTERM)
	}
}

// Kill ends everything in the PID namespace but the emulator itself.
func (p *probe) Kill() {
	p.mu.Lock()
	p.sample()
	p.mu.Unlock()
	// The check is what keeps a stray "rie --stdio" from ending a whole
	// machine: only in a namespace of its own is it process 1.
	if os.Getpid() == 1 {
		_ = unix.Kill(-1, unix.SIGKILL)
	}
}

// Detach closes the counters and keeps what they said.
func (p *probe) Detach() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range []*counter{p.memory, p.cpu} {
		if c != nil {
			c.file.Close()
		}
	}
	p.memory, p.cpu, p.watch = nil, nil, nil
	p.pid, p.supervised, p.outOfMemory = 0, false, false
	p.before += p.throttled
	p.throttled = 0
}
