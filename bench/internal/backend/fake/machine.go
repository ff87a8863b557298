package fake

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"coldbench/bench/internal/backend/localenv"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/lambdalog"
	"coldbench/bench/runtimeapi"
)

const (
	initLimit = 10 * time.Second
	maxAnswer = 6<<20 + 100
	// ownMemory is what the function takes by itself, in MiB.
	ownMemory = 9
)

type machine struct {
	b        *Backend
	f        *function
	name     string
	instance int
	dice     *rand.Rand

	// initialized is false until an init has succeeded, and after a crash.
	initialized bool
	failedOnce  bool
	initMs      float64
	printInit   bool
	// extendMs is the part of initMs before extensions registered, at registeredNs; 0 without.
	extendMs     float64
	registeredNs int64
	startedNs    int64
	process      int
	invocations  int
	memoryMB     int
	output       string
	// crash is how an extension ends on invocation crashOn; 0 for never.
	crash   *crash
	crashOn int
}

var _ localenv.Machine = (*machine)(nil)

type crash struct {
	status, errorType, text string
	exit                    *runtimeapi.Exit
}

func (m *machine) Provision(ctx context.Context) error {
	m.memoryMB = ownMemory
	return ctx.Err()
}

func (m *machine) Limit(ctx context.Context) error { return ctx.Err() }

func (m *machine) Throttled() (time.Duration, bool) { return 0, true }

func (m *machine) Output() string { return m.output }

func (m *machine) Close() error {
	m.b.closed(m.name)
	return nil
}

func (m *machine) Init(ctx context.Context) (runtimeapi.Init, error) {
	began := m.b.pass(0)
	c, err := m.init(ctx, initLimit)
	in := runtimeapi.Init{Done: c == nil, StartedNs: began, EndedNs: m.b.pass(0), RegisteredNs: m.registeredNs, Status: "success"}
	if c != nil {
		in.Status, in.ErrorType = c.status, c.errorType
		in.Log = m.initReport("init", c)
	}
	m.printInit = in.Done
	return in, err
}

func (m *machine) init(ctx context.Context, limit time.Duration) (*crash, error) {
	m.initMs = around(m.dice, 2.2*m.f.base())
	m.process++
	m.invocations = 0
	m.registeredNs = 0
	ended := m.extend()
	if m.extendMs > 0 {
		m.registeredNs = m.b.pass(m.extendMs)
	}
	m.startedNs = m.b.pass(m.initMs / 10)
	if e := m.f.image.Entrypoint; len(e) > 0 && (strings.HasPrefix(e[0], "/no/") || e[0] == "/tmp") {
		ended = &crash{status: "error", errorType: "Runtime.InvalidEntrypoint", text: "Error: fork/exec " + e[0], exit: &runtimeapi.Exit{Code: 126}}
	}
	if ended != nil {
		return ended, ctx.Err()
	}
	what, arg, _ := strings.Cut(m.f.variable("BENCH_TEST_INIT"), " ")
	n, _ := strconv.Atoi(arg)
	var c *crash
	switch what {
	case "sleep":
		m.initMs += float64(n)
	case "exit":
		m.print("exiting")
		c = exited(n)
	case "panic":
		m.print("panic: asked for a panic")
		c = exited(2)
	case "hang":
		m.print("hanging")
		if err := (coldstart.Wall{}).Sleep(ctx, limit); err != nil {
			return nil, err
		}
		m.initMs = float64(limit.Milliseconds())
		c = &crash{status: "timeout", errorType: "Sandbox.Timedout", text: fmt.Sprintf("Task timed out after %.2f seconds", limit.Seconds())}
	case "alloc":
		c = m.alloc(n)
	case "fail-once":
		if !m.failedOnce {
			m.failedOnce = true
			m.print("failing once")
			c = exited(1)
		}
	}
	m.b.pass(m.initMs * 9 / 10)
	m.initMs += m.extendMs
	m.initialized = c == nil
	return c, ctx.Err()
}

func (m *machine) Invoke(ctx context.Context, e runtimeapi.Event) (runtimeapi.Invocation, error) {
	inv := runtimeapi.Invocation{RequestID: e.RequestID, Status: "success", HandedOutNs: m.b.pass(0)}
	if err := (coldstart.Wall{}).Sleep(ctx, m.b.o.Pace); err != nil {
		return inv, err
	}
	log, ms := "", 0.0
	var end *crash
	if !m.initialized {
		inv.InitInside = true
		c, err := m.init(ctx, m.f.options.Timeout)
		if err != nil {
			return inv, err
		}
		ms += m.initMs
		if c != nil {
			inv.InitFailed, end = true, c
			log += m.initReport("invoke", c)
		}
	}
	log += lambdalog.StartLine(e.RequestID, "")
	if end == nil {
		m.invocations++
		handling, c, err := m.handle(ctx, e, &inv)
		if err != nil {
			return inv, err
		}
		ms += handling
		end = c
	}
	inv.EndedNs = m.b.pass(ms)
	report := lambdalog.Report{RequestID: e.RequestID, Metrics: m.metrics(ms)}
	if end != nil {
		inv.Status, inv.ErrorType, inv.Exit = end.status, end.errorType, end.exit
		inv.FunctionError = "Unhandled"
		inv.Response = fmt.Appendf(nil, `{"errorType":%q,"errorMessage":%q}`, end.errorType, "RequestId: "+e.RequestID+" "+end.text)
		report.Status = end.status
		if end.status == "error" {
			report.ErrorType = end.errorType
		}
		m.initialized = m.initialized && end.exit == nil && end.status != "timeout"
	}
	inv.Log = log + lambdalog.EndLine(e.RequestID) + report.Text()
	m.tell(inv.Log)
	return inv, nil
}

func (m *machine) metrics(ms float64) lambdalog.Metrics {
	size, used, billed := float64(m.f.config.MemoryMB), float64(m.memoryMB), ms
	out := lambdalog.Metrics{DurationMs: &ms, MemorySizeMB: &size, MaxMemoryUsedMB: &used, BilledDurationMs: &billed}
	if m.printInit {
		initMs := m.initMs
		out.InitDurationMs = &initMs
		billed += initMs
		m.printInit = false
	}
	billed = math.Ceil(billed)
	return out
}

func (m *machine) handle(ctx context.Context, in runtimeapi.Event, inv *runtimeapi.Invocation) (float64, *crash, error) {
	ms := around(m.dice, 0.55*m.f.base())
	if m.invocations > 1 {
		ms *= 0.8
	}
	answer := map[string]any{
		"message": "hello, world", "instanceId": m.instanceID(),
		"invocation": m.invocations, "startedAtNs": m.startedNs,
	}
	e, err := m.f.event(in.Payload, m.invocations)
	if err != nil {
		return ms, failed(err.Error()), nil
	}
	if m.crashOn == m.invocations {
		return ms, m.crash, nil
	}
	switch e.Do {
	case "sleep":
		ms += float64(e.Ms)
	case "print":
		m.print(strings.Repeat("x", min(e.Bytes, 1<<16)))
	case "error":
		return ms, failed("asked for an error"), nil
	case "panic":
		m.print("panic: asked for a panic")
		return ms, exited(1), nil
	case "exit":
		m.print("exiting")
		return ms, exited(e.Code), nil
	case "hang":
		m.print("hanging")
		limit := m.f.options.Timeout
		if err := (coldstart.Wall{}).Sleep(ctx, limit); err != nil {
			return ms, nil, err
		}
		return float64(limit.Milliseconds()), &crash{status: "timeout", errorType: "Sandbox.Timedout", text: fmt.Sprintf("Error: Task timed out after %.2f seconds", limit.Seconds())}, nil
	case "big":
		if e.Bytes > maxAnswer {
			return ms, &crash{status: "error", errorType: "Function.ResponseSizeTooLarge", text: fmt.Sprintf("Response payload size (%d bytes) exceeded maximum allowed payload size (%d bytes).", e.Bytes, maxAnswer)}, nil
		}
		answer["rest"] = strings.Repeat("x", e.Bytes)
	case "alloc":
		if c := m.alloc(e.MB); c != nil {
			return ms, c, nil
		}
	}
	inv.Response, err = json.Marshal(answer)
	return ms, nil, err
}

func (m *machine) instanceID() string {
	h := fnv.New64a()
	fmt.Fprint(h, m.f.config, m.f.seed, m.instance, m.process)
	return fmt.Sprintf("%016x", h.Sum64())
}

func (m *machine) alloc(mb int) *crash {
	m.memoryMB = min(ownMemory+mb, m.f.config.MemoryMB)
	if ownMemory+mb <= m.f.config.MemoryMB {
		return nil
	}
	return &crash{status: "error", errorType: "Runtime.OutOfMemory", text: "Error: Runtime exited with error: signal: killed", exit: &runtimeapi.Exit{Signal: 9, OutOfMemory: true}}
}

// extend does what BENCH_TEST_FIRST says of an extension.
func (m *machine) extend() *crash {
	m.crashOn, m.extendMs = 0, 0
	for _, step := range strings.Split(m.f.variable("BENCH_TEST_FIRST"), ",") {
		var word string
		var n, code int
		_, _ = fmt.Sscan(step, &word, &n, &code)
		switch {
		case word == "sleep":
			m.extendMs += float64(n)
		case word == "exit":
			return extensionEnded(n)
		case word == "launch":
			return &crash{status: "error", errorType: "Extension.LaunchError", text: "Error: fork/exec /opt/extensions/first: exec format error"}
		case word == "serve" && n > 0:
			m.crash, m.crashOn = extensionEnded(code), n
		}
	}
	return nil
}

func extensionEnded(code int) *crash {
	text := "Error: exit code 0"
	if code != 0 {
		text = fmt.Sprintf("Error: exit status %d", code)
	}
	return &crash{status: "error", errorType: "Extension.Crash", text: text, exit: &runtimeapi.Exit{Code: code}}
}

func exited(code int) *crash {
	text := "Error: Runtime exited without providing a reason"
	if code != 0 {
		text = fmt.Sprintf("Error: Runtime exited with error: exit status %d", code)
	}
	return &crash{status: "error", errorType: "Runtime.ExitError", text: text, exit: &runtimeapi.Exit{Code: code}}
}

// failed is a handler's error: the process goes on.
func failed(text string) *crash {
	return &crash{status: "failure", errorType: "errorString", text: text}
}

func (m *machine) initReport(phase string, c *crash) string {
	ms := m.initMs
	r := lambdalog.InitReport{DurationMs: &ms, Phase: phase, Status: c.status}
	if c.status == "error" {
		r.ErrorType = c.errorType
	}
	return r.Text()
}

func (m *machine) print(line string) {
	m.output += line + "\n"
	if n := len(m.output) - 4<<10; n > 0 {
		m.output = m.output[n:]
	}
	m.tell(line)
}

func (m *machine) tell(text string) {
	if m.f.options.Log == nil {
		return
	}
	for line := range strings.Lines(text) {
		m.f.options.Log(strings.TrimSuffix(line, "\n"))
	}
}
