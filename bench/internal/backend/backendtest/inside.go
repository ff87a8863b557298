package backendtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// seen is what the test function sees; see Probe in folder function.
type seen struct {
	Environment, Files, Processes  []string
	UID                            int
	Status                         map[string]string
	WriteRoot, WriteTask, WriteTmp string
	Deadline                       int64
	InitLimits, Limits             seenLimits
	Names                          map[string][]string
	Shm                            bool
	Children                       []string
	Mark                           string
}

// seenLimits are what control group files say; see Limits in folder function.
type seenLimits struct {
	MemoryBytes       int64
	CPUs              float64
	Missing, Writable []string
}

func insideChecks() []check {
	return []check{
		{name: "what the function sees", needs: []Ability{CanStream}, run: checkInside},
		{name: "nothing of the function is left", needs: []Ability{CanCount}, run: checkSpawn},
	}
}

// canary is put into this process's environment: no function may see it.
const canary = "canary-7c1f"

func checkInside(c *checker) error {
	// A name of its own for each: a process that runs tests side by side must
	// not lose what the user has set.
	os.Setenv("AWS_BENCH_TEST_CANARY", canary)
	defer os.Unsetenv("AWS_BENCH_TEST_CANARY")
	r, err := c.startCold(c.open(`{"do":"probe"}`, ""))
	if err != nil {
		return err
	}
	if err := r.end(); err != nil {
		return err
	}
	p, err := c.probed()
	if err != nil {
		return err
	}
	c.variables(p.Environment)
	if p.Deadline <= 0 || p.Deadline > 3000 {
		c.errorf("the deadline is %d ms away, the timeout is 3 s", p.Deadline)
	}
	if p.WriteTmp != "" {
		c.errorf("/tmp can't be written: %s", p.WriteTmp)
	}
	if !c.can(CanIsolate) {
		return nil
	}
	if p.WriteRoot == "" || p.WriteTask == "" {
		c.errorf("/ or /var/task can be written: %q, %q", p.WriteRoot, p.WriteTask)
	}
	if p.UID != 993 {
		c.errorf("the function runs as uid %d, want 993", p.UID)
	}
	for _, caps := range []string{"CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"} {
		if v, err := strconv.ParseUint(p.Status[caps], 16, 64); err != nil || v != 0 {
			c.errorf("%s is %q, want none", caps, p.Status[caps])
		}
	}
	if v := p.Status["NoNewPrivs"]; v != "1" {
		c.errorf("NoNewPrivs is %q", v)
	}
	for _, f := range p.Files {
		if !strings.HasPrefix(f, "/proc/") && !strings.HasPrefix(f, "/dev/null") && !strings.HasPrefix(f, "/sys/fs/cgroup/") {
			c.errorf("the function has an open %s", f)
		}
	}
	if slices.ContainsFunc(p.Processes, func(s string) bool { return strings.Contains(s, "backendtest") || s == "systemd" || s == "dockerd" }) {
		c.errorf("the function sees this machine's processes: %q", p.Processes)
	}
	if p.Shm {
		c.errorf("there is a /dev/shm, which Lambda has not")
	}
	for _, name := range []string{"localhost", "sandbox.localdomain"} {
		if !slices.Contains(p.Names[name], "127.0.0.1") {
			c.errorf("%s resolves to %q, want 127.0.0.1", name, p.Names[name])
		}
	}
	c.limits("init", p.InitLimits, 2)
	c.limits("the invocation", p.Limits, 512.0/1769)
	return nil
}

// limits checks what a function of 512 MB sees of its limits.
func (c *checker) limits(when string, l seenLimits, cpus float64) {
	if len(l.Writable) > 0 {
		c.errorf("in %s the function has control groups that are not read-only: %q", when, l.Writable)
	}
	if len(l.Missing) > 0 && (c.can(CanLimitMemory) || c.can(CanLimitCPU)) {
		c.errorf("in %s the function does not see the controllers %q", when, l.Missing)
	}
	if c.can(CanLimitMemory) && l.MemoryBytes != 512<<20 {
		c.errorf("in %s the function sees a memory limit of %d bytes, want 512 MB", when, l.MemoryBytes)
	}
	if c.can(CanLimitCPU) && math.Abs(l.CPUs-cpus) > 0.001 {
		c.errorf("in %s the function sees %.4f CPUs, want %.4f", when, l.CPUs, cpus)
	}
}

// probed returns what the function has seen and printed.
func (c *checker) probed() (p seen, err error) {
	text, ok := c.log.find("PROBE ")
	if !ok {
		return p, errors.New("the function's output did not come through Options.Log")
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return p, fmt.Errorf("reading what the function saw: %w in %s", err, tail(text))
	}
	return p, nil
}

func (c *checker) variables(env []string) {
	got := map[string]string{}
	for _, kv := range env {
		k, v, _ := strings.Cut(kv, "=")
		if _, twice := got[k]; twice {
			c.errorf("the variable %s is there twice", k)
		}
		got[k] = v
		if strings.Contains(v, canary) {
			c.errorf("the function sees this machine's environment: %s", k)
		}
	}
	for k, want := range map[string]string{
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"LAMBDA_TASK_ROOT":                "/var/task",
		"LAMBDA_RUNTIME_DIR":              "/var/runtime",
		"BENCH_TEST_GIVEN":                "a value",
	} {
		if got[k] != want {
			c.errorf("%s=%q, want %q", k, got[k], want)
		}
	}
	for _, k := range []string{"AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_FUNCTION_NAME", "AWS_REGION", "PATH"} {
		if got[k] == "" {
			c.errorf("%s is not set", k)
		}
	}
	if c.Remote {
		return
	}
	for _, k := range []string{"HOME", "HOSTNAME", "TERM", "container"} {
		if v, ok := got[k]; ok {
			c.errorf("the function has %s=%s, which Lambda does not set", k, v)
		}
	}
	for _, k := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"} {
		if v, ok := got[k]; ok && v != "" {
			c.errorf("the function has a value of %s", k)
		}
	}
}

// checkSpawn: a process that the function leaves behind ends with its environment.
func checkSpawn(c *checker) error {
	mark := fmt.Sprintf("left-by-test-%d-%d", os.Getpid(), c.clock())
	r, err := c.startCold(c.open(fmt.Sprintf(`{"do":"spawn","mark":%q}`, mark), ""))
	if err != nil {
		return err
	}
	if n := marked(mark); n != 1 {
		c.errorf("%d processes carry the mark of the one that was left behind", n)
	}
	if err := r.Close(); err != nil {
		return err
	}
	if n := marked(mark); n != 0 {
		c.errorf("%d processes of a closed environment are running", n)
	}
	return r.target.Close()
}

// marked counts the processes whose last argument is mark.
func marked(mark string) int {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	n := 0
	for _, f := range files {
		if args, err := os.ReadFile(f); err == nil && strings.HasSuffix(strings.TrimRight(string(args), "\x00"), "\x00"+mark) {
			n++
		}
	}
	return n
}
