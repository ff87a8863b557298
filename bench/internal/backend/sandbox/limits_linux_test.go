package sandbox

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/backend/localenv"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/runtimeapi"
)

// limited is an engine that can limit both, or the test is skipped.
func limited(t testing.TB) *Engine {
	t.Helper()
	e := engine(t)
	if e.groups.cpu.dir == "" || e.groups.memory.dir == "" {
		if os.Geteuid() == 0 {
			t.Logf("root can't limit here: %q %q", e.groups.cpu.reason, e.groups.memory.reason)
		}
		t.Skip("no cgroups: ", e.groups.cpu.reason, "; ", e.groups.memory.reason)
	}
	return e
}

// read reads a file of a group without its newline.
func read(t testing.TB, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// cpuOf reads period and quota of a group.
func cpuOf(t testing.TB, g *group) string {
	t.Helper()
	if g.cpu.version == 2 {
		return read(t, g.cpu.dir, "cpu.max")
	}
	return read(t, g.cpu.dir, "cpu.cfs_quota_us") + " " + read(t, g.cpu.dir, "cpu.cfs_period_us")
}

// TestLimits: two CPUs during init, the memory size's share afterwards, the
// same period throughout, and no more CPU in an init inside an invocation.
func TestLimits(t *testing.T) {
	e := limited(t)
	if l := e.Limits(coldstart.Options{LimitCPU: true}); l.CPU != "quota" || l.Memory != "limit" {
		t.Errorf("%+v", l)
	}
	if l := e.Limits(coldstart.Options{}); !strings.HasPrefix(l.CPU, "not limited: ") {
		t.Errorf("%+v", l)
	}
	ctx := context.Background()
	m := testMachine(t, e, unpack(t, "probe"), 128, coldstart.Options{LimitCPU: true, Timeout: 20 * time.Second})
	if err := m.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	if got, want := cpuOf(t, m.group), "40000 20000"; got != want {
		t.Errorf("during init %q, want %q", got, want)
	}
	memory := "memory.limit_in_bytes"
	if m.group.memory.version == 2 {
		memory = "memory.max"
	}
	if got, want := read(t, m.group.memory.dir, memory), "134217728"; got != want {
		t.Errorf("memory %s, want %s", got, want)
	}
	pids := m.group.processes()
	if len(pids) != 1 || pids[0] != m.last.os.Pid {
		t.Errorf("the group holds %v, want %d", pids, m.last.os.Pid)
	}
	if in, err := m.Init(ctx); err != nil || !in.Done {
		t.Fatalf("%+v, %v", in, err)
	}
	if err := m.Limit(ctx); err != nil {
		t.Fatal(err)
	}
	const share = "1447 20000" // 128/1769 of 20 ms
	if got := cpuOf(t, m.group); got != share {
		t.Errorf("after init %q, want %q", got, share)
	}
	before, ok := m.Throttled()
	inv := invoke(t, m, `{"do":"spin","n":200}`)
	after, ok2 := m.Throttled()
	if inv.Status != "success" || !ok || !ok2 || after <= before {
		t.Errorf("throttled from %v to %v (%v, %v)", before, after, ok, ok2)
	}
	// Ended, and begun again in an invocation: the share stays.
	invoke(t, m, `{"do":"exit","n":1}`)
	if err := m.group.lower(localenv.Quota{Period: m.limits.cpu.Period, Invoke: m.limits.cpu.Init}); err != nil {
		t.Fatal(err)
	}
	inv = invoke(t, m, `{}`)
	if inv.Status != "success" || !inv.InitInside {
		t.Errorf("%+v", inv)
	}
	if got := cpuOf(t, m.group); got != share {
		t.Errorf("in an init inside an invocation %q, want %q", got, share)
	}
}

// TestFreshCounters: an environment begins with nothing throttled and nobody
// killed, whatever the one before it did.
func TestFreshCounters(t *testing.T) {
	e := limited(t)
	img := unpack(t, "probe")
	m := started(t, e, img, 128, coldstart.Options{LimitCPU: true, Timeout: 20 * time.Second})
	invoke(t, m, `{"do":"spin","n":50}`)
	invoke(t, m, `{"do":"allocate","n":140}`)
	if m.group.kills() == 0 {
		t.Error("nobody was killed")
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	m = testMachine(t, e, img, 128, coldstart.Options{LimitCPU: true})
	if err := m.Provision(context.Background()); err != nil {
		t.Fatal(err)
	}
	if d, ok := m.Throttled(); !ok || d != 0 || m.group.kills() != 0 {
		t.Errorf("throttled %v (%v), %d killed", d, ok, m.group.kills())
	}
}

// TestOutOfMemory: a kill at the limit is told from another end, a use below
// the limit is none, and the next invocation has a fresh process.
func TestOutOfMemory(t *testing.T) {
	e := limited(t)
	m := started(t, e, unpack(t, "probe"), 128, coldstart.Options{LimitCPU: false, Timeout: 20 * time.Second})
	if inv := invoke(t, m, `{"do":"allocate","n":60}`); inv.Status != "success" {
		t.Fatalf("%+v", inv)
	}
	if n, ok := m.last.MaxMemory(); !ok || n < 60<<20 || n > 128<<20 {
		t.Errorf("%d bytes (%v) at the most, after 60 MB", n, ok)
	}
	for range 2 { // the second time in a group that has counted a kill
		inv := invoke(t, m, `{"do":"allocate","n":200}`)
		if inv.Exit == nil || !inv.Exit.OutOfMemory || inv.Exit.Signal != 9 || inv.ErrorType != "Runtime.OutOfMemory" {
			t.Errorf("%+v %+v", inv, inv.Exit)
		}
	}
	inv := invoke(t, m, `{"do":"exit","n":1}`)
	if inv.Exit == nil || inv.Exit.OutOfMemory || inv.Exit.Code != 1 {
		t.Errorf("an exit after a kill: %+v", inv.Exit)
	}
	if inv := invoke(t, m, `{}`); inv.Status != "success" {
		t.Errorf("%+v", inv)
	}
}

// TestMemoryOfChildren: the high-water mark is that of all processes.
func TestMemoryOfChildren(t *testing.T) {
	e := engine(t)
	m := started(t, e, unpack(t, "probe"), 512, coldstart.Options{})
	one, ok := m.last.MaxMemory()
	if !ok || one < 1<<20 || one > 100<<20 {
		t.Fatalf("%d bytes, %v", one, ok)
	}
	invoke(t, m, `{"do":"child"}`)
	deadline := time.Now().Add(10 * time.Second)
	for {
		two, ok := m.last.MaxMemory()
		walked, ok2 := runtimeapi.HighWater(runtimeapi.Descendants(m.last.os.Pid))
		if ok && ok2 && two > one+1<<20 && two == walked {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes of one process, %d (%d) of two", one, two, walked)
		}
		time.Sleep(5 * time.Millisecond)
	}
	p := m.last
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if n, ok := p.MaxMemory(); ok {
		t.Errorf("%d bytes of a process that has ended", n)
	}
}

// TestExtensions: the files of /opt/extensions are executed before the
// entrypoint, which waits for its word; start is the parent of all, and all end
// together.
func TestExtensions(t *testing.T) {
	e := engine(t)
	img := unpack(t, "probe")
	dir := filepath.Join(img.Root, "opt/extensions")
	if err := os.MkdirAll(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(bin(t, "probe"))
	if err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{"b": 0o755, "a": 0o755, "README": 0o644} {
		if err := os.WriteFile(filepath.Join(dir, name), content, mode); err != nil {
			t.Fatal(err)
		}
	}
	open, err := e.open(t.Context(), coldstart.Config{Variant: "v", MemoryMB: 512, Arch: img.Arch}, img,
		coldstart.Options{Environment: map[string]string{"PROBE_INIT_SLEEP_MS": "60000"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = open.server.Close() }()
	before := runtimeapi.Clock()
	p, err := e.launch(context.Background(), open.what, &localenv.Output{}, nil, func() (*group, error) { return &group{}, nil })
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	s, err := p.Exec(context.Background())
	if err != nil || strings.Join(s.Extensions, " ") != "README a b" || s.ClockNs < before || s.ClockNs > runtimeapi.Clock() {
		t.Errorf("%+v, %v", s, err)
	}
	if end := <-p.Ended(); end.Name != "README" || end.LaunchError != "fork/exec /opt/extensions/README: permission denied" {
		t.Errorf("%+v", end)
	}
	pids := runtimeapi.Descendants(p.os.Pid)
	if len(pids) != 3 {
		t.Errorf("processes %v, want start and two extensions", pids)
	}
	if err := p.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if pids = runtimeapi.Descendants(p.os.Pid); len(pids) != 4 {
		t.Errorf("processes %v, want start, two extensions and the runtime", pids)
	}
	for _, pid := range pids[1:] {
		if parent := statusOf(t, pid, "PPid"); parent != p.os.Pid {
			t.Errorf("the parent of process %d is %d, want start, %d", pid, parent, p.os.Pid)
		}
	}
	for _, caps := range []string{"CapPrm", "CapEff"} {
		tasks, _ := filepath.Glob("/proc/" + strconv.Itoa(p.os.Pid) + "/task/*/status")
		for _, task := range tasks {
			text, _ := os.ReadFile(task)
			if !strings.Contains(string(text), caps+":\t0000000000000000\n") {
				t.Errorf("a thread of start has capabilities:\n%s", text)
			}
		}
		if len(tasks) == 0 {
			t.Error("start has no threads")
		}
	}
	p.Kill()
	for _, pid := range pids {
		if _, ok := runtimeapi.HighWater([]int{pid}); ok {
			t.Errorf("process %d is still there", pid)
		}
	}
	if x := p.Exit(); x.Signal != 9 {
		t.Errorf("%+v", x)
	}
}

// statusOf reads a number of /proc/PID/status.
func statusOf(t *testing.T, pid int, key string) int {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n"+key+":\t")
	n, err := strconv.Atoi(strings.SplitN(rest, "\n", 2)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
