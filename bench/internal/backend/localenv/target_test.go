package localenv

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/runtimeapi"
)

// machine is a Machine that does what the test says. Its zero value serves
// invocations that succeed.
type machine struct {
	instance  string
	count     int
	provision error
	init      func() (runtimeapi.Init, error)
	limit     error
	change    func(n int, i *runtimeapi.Invocation)
	broken    error
	closing   error

	calls     []string
	closes    int
	throttled time.Duration
}

func (m *machine) Provision(context.Context) error {
	m.calls = append(m.calls, "provision")
	return m.provision
}

func (m *machine) Init(context.Context) (runtimeapi.Init, error) {
	m.calls = append(m.calls, "init")
	if m.init != nil {
		return m.init()
	}
	return runtimeapi.Init{Done: true, StartedNs: 1_000_000, EndedNs: 3_410_000, Status: "success"}, nil
}

func (m *machine) Limit(context.Context) error {
	m.calls = append(m.calls, "limit")
	return m.limit
}

func (m *machine) Invoke(_ context.Context, e runtimeapi.Event) (runtimeapi.Invocation, error) {
	m.calls = append(m.calls, "invoke")
	if m.broken != nil {
		return runtimeapi.Invocation{}, m.broken
	}
	m.count++
	m.throttled += 3 * time.Millisecond
	i := runtimeapi.Invocation{
		RequestID: e.RequestID,
		Status:    "success",
		Response:  fmt.Appendf(nil, `{"message":"hello","instanceId":%q,"invocation":%d,"startedAtNs":2000000}`, m.instance, m.count),
		Log:       report(e.RequestID, m.count == 1),
	}
	if m.change != nil {
		m.change(m.count, &i)
	}
	return i, nil
}

func (m *machine) Throttled() (time.Duration, bool) { return m.throttled, true }
func (m *machine) Output() string                   { return "panic: at the disco" }
func (m *machine) Close() error                     { m.closes++; return m.closing }

func report(id string, cold bool) string {
	init, billed := "", 1
	if cold {
		init, billed = "Init Duration: 2.41 ms\t", 4
	}
	return fmt.Sprintf("START RequestId: %s Version: $LATEST\nEND RequestId: %s\nREPORT RequestId: %s\tDuration: 0.62 ms\tBilled Duration: %d ms\tMemory Size: 512 MB\tMax Memory Used: 9 MB\t%s\n", id, id, id, billed, init)
}

func target(machines ...*machine) *Target {
	next := 0
	return NewTarget(Setup{
		Config:   coldstart.Config{Variant: "scratch", MemoryMB: 512, Arch: "amd64"},
		Strategy: "new-container",
		NewMachine: func() (Machine, error) {
			if next >= len(machines) {
				return nil, errors.New("no more machines")
			}
			next++
			return machines[next-1], nil
		},
	})
}

func TestStartGivesAProvedColdSample(t *testing.T) {
	m := &machine{instance: "a"}
	env, s, err := target(m).Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(m.calls, " "); got != "provision init limit invoke" {
		t.Errorf("calls: %s", got)
	}
	if s.Start != coldstart.Cold || s.Class != coldstart.ClassCold || s.Strategy != "new-container" || s.Invocation != 1 {
		t.Errorf("sample: %+v", s)
	}
	if got := strings.Join(s.Proof, " "); got != "initDuration newInstance startedInInit" {
		t.Errorf("proof: %s", got)
	}
	if total, ok := coldstart.Total(s); !ok || math.Abs(total-3.03) > 1e-9 {
		t.Errorf("total: %v %v", total, ok)
	}
	if at := s.Phases.ProcessStartMs; at == nil || *at != 1 {
		t.Errorf("the function started %v ms after execve, want 1", at)
	}
	if s.Phases.ProvisionMs == nil || s.Phases.ClientMs == nil || s.Environment != s.RequestID {
		t.Errorf("phases: %+v, environment %q, request %q", s.Phases, s.Environment, s.RequestID)
	}
	if !strings.HasPrefix(s.Raw, "REPORT RequestId: "+s.RequestID) {
		t.Errorf("raw: %q", s.Raw)
	}
	if s.ThrottledMs == nil || *s.ThrottledMs != 3 {
		t.Errorf("throttled: %v", s.ThrottledMs)
	}

	warm, err := env.Invoke(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if warm.Start != coldstart.Warm || warm.Class != coldstart.ClassFirstWarm || warm.Invocation != 2 || warm.Environment != s.Environment || warm.Phases.ProvisionMs != nil {
		t.Errorf("first warm: %+v", warm)
	}
	if got := strings.Join(warm.Proof, " "); got != "noInit sameInstance" {
		t.Errorf("proof: %s", got)
	}
	if *warm.ThrottledMs != 3 {
		t.Errorf("throttled in the warm one alone: %v", *warm.ThrottledMs)
	}
	if again, err := env.Invoke(t.Context()); err != nil || again.Class != coldstart.ClassWarm {
		t.Errorf("second warm: %v %v", again.Class, err)
	}
	if err := errors.Join(env.Close(), env.Close()); err != nil || m.closes != 1 {
		t.Errorf("closing twice: %v, %d closes", err, m.closes)
	}
}

func TestNotProved(t *testing.T) {
	clock := func(i *runtimeapi.Invocation, at string) {
		i.Response = []byte(strings.Replace(string(i.Response), "2000000", at, 1))
	}
	for name, c := range map[string]struct {
		change func(n int, i *runtimeapi.Invocation)
		init   func() (runtimeapi.Init, error)
		want   error
		reason coldstart.ProofReason
	}{
		"no init duration":             {change: func(_ int, i *runtimeapi.Invocation) { i.Log = report(i.RequestID, false) }, want: coldstart.ErrNotCold, reason: "not-cold"},
		"second invocation":            {change: func(_ int, i *runtimeapi.Invocation) { i.Response = []byte(`{"instanceId":"a","invocation":2}`) }, want: coldstart.ErrNotCold, reason: "not-cold"},
		"started before execve":        {change: func(_ int, i *runtimeapi.Invocation) { clock(i, "999999") }, want: coldstart.ErrNotCold, reason: "not-cold"},
		"started after the first next": {change: func(_ int, i *runtimeapi.Invocation) { clock(i, "3410001") }, want: coldstart.ErrNotCold, reason: "not-cold"},
		"another memory size":          {change: func(_ int, i *runtimeapi.Invocation) { i.Log = strings.ReplaceAll(i.Log, " 512 MB", " 128 MB") }, want: coldstart.ErrNotCold, reason: "wrong-memory"},
		"init done twice":              {change: func(_ int, i *runtimeapi.Invocation) { i.InitInside = true }, want: coldstart.ErrNotCold, reason: "not-cold"},
		"warm with an init": {change: func(n int, i *runtimeapi.Invocation) {
			if n == 2 {
				i.Log = report(i.RequestID, true)
			}
		}, want: coldstart.ErrNotWarm, reason: "not-warm"},
		"warm in another instance": {change: func(n int, i *runtimeapi.Invocation) {
			if n == 2 {
				i.Response = []byte(`{"instanceId":"b","invocation":2}`)
			}
		}, want: coldstart.ErrNotWarm, reason: "not-warm"},
		"warm in a fresh process": {change: func(n int, i *runtimeapi.Invocation) { i.InitInside = n == 2 }, want: coldstart.ErrNotWarm, reason: "not-warm"},
		"a count that skips": {change: func(n int, i *runtimeapi.Invocation) {
			if n == 2 {
				i.Response = []byte(`{"instanceId":"a","invocation":3}`)
			}
		}, want: coldstart.ErrNotWarm, reason: "not-warm"},
	} {
		t.Run(name, func(t *testing.T) {
			m := &machine{instance: "a", change: c.change, init: c.init}
			env, _, err := target(m).Start(t.Context())
			if c.want == coldstart.ErrNotWarm {
				if err != nil {
					t.Fatal(err)
				}
				_, err = env.Invoke(t.Context())
			} else if m.closes != 1 {
				t.Errorf("the environment was not closed")
			}
			var refused *coldstart.ProofError
			if !errors.Is(err, c.want) || !errors.As(err, &refused) || refused.Reason != c.reason {
				t.Fatalf("error: %v", err)
			}
			if !strings.HasPrefix(refused.Report, "REPORT") {
				t.Errorf("report: %q", refused.Report)
			}
		})
	}
}

func TestAnInstanceSeenBeforeIsNotCold(t *testing.T) {
	target := target(&machine{instance: "a"}, &machine{instance: "a"})
	env, _, err := target.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	env.Close()
	if _, _, err := target.Start(t.Context()); !errors.Is(err, coldstart.ErrNotCold) {
		t.Fatalf("error: %v", err)
	}
}

func TestSuppressedInit(t *testing.T) {
	m := &machine{instance: "a",
		init: func() (runtimeapi.Init, error) { return runtimeapi.Init{Status: "timeout"}, nil },
		change: func(n int, i *runtimeapi.Invocation) {
			i.InitInside = n == 1
			i.Log = report(i.RequestID, false)
		}}
	_, s, err := target(m).Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if total, ok := coldstart.Total(s); s.Class != coldstart.ClassSuppressedInit || s.Start != coldstart.Cold || !ok || total != 0.62 {
		t.Errorf("sample: %+v", s)
	}
}

func TestAFunctionThatSaysNothing(t *testing.T) {
	silent := func(_ int, i *runtimeapi.Invocation) { i.Response = []byte(`"ok"`) }
	env, s, err := target(&machine{change: silent}).Start(t.Context())
	if err != nil || s.Function != nil || strings.Join(s.Proof, " ") != "initDuration" {
		t.Fatalf("cold: %+v %v", s, err)
	}
	if warm, err := env.Invoke(t.Context()); err != nil || strings.Join(warm.Proof, " ") != "noInit sameProcess" {
		t.Fatalf("warm: %+v %v", warm, err)
	}
}

func TestFailures(t *testing.T) {
	for name, c := range map[string]struct {
		machine machine
		want    coldstart.Reason
		report  bool
	}{
		"provisioning":      {machine{provision: errors.New("no space")}, coldstart.ReasonEngine, false},
		"init":              {machine{init: func() (runtimeapi.Init, error) { return runtimeapi.Init{}, errors.New("gone") }}, coldstart.ReasonEngine, false},
		"limit":             {machine{limit: errors.New("gone")}, coldstart.ReasonEngine, false},
		"emulator":          {machine{broken: errors.New("gone")}, coldstart.ReasonEngine, false},
		"no report":         {machine{change: func(_ int, i *runtimeapi.Invocation) { i.Log = "" }}, coldstart.ReasonEngine, false},
		"report of another": {machine{change: func(_ int, i *runtimeapi.Invocation) { i.Log = report("00000000-0000-4000-8000-000000000000", true) }}, coldstart.ReasonEngine, false},
		"timeout":           {machine{change: func(_ int, i *runtimeapi.Invocation) { i.Status = "timeout"; i.ErrorType = "Sandbox.Timedout" }}, coldstart.ReasonTimeout, true},
		"exit": {machine{change: func(_ int, i *runtimeapi.Invocation) {
			i.Status, i.ErrorType, i.Exit = "error", "Runtime.ExitError", &runtimeapi.Exit{Code: 3}
		}}, coldstart.ReasonExit, true},
		"out of memory": {machine{change: func(_ int, i *runtimeapi.Invocation) {
			i.Status, i.ErrorType, i.Exit = "error", "Runtime.OutOfMemory", &runtimeapi.Exit{Signal: 9, OutOfMemory: true}
		}}, coldstart.ReasonOutOfMemory, true},
		"init again": {machine{change: func(_ int, i *runtimeapi.Invocation) {
			i.Status, i.InitInside, i.InitFailed = "timeout", true, true
		}}, coldstart.ReasonInit, true},
		"error answer": {machine{change: func(_ int, i *runtimeapi.Invocation) {
			i.Status, i.FunctionError = "failure", "Unhandled"
			i.Response = []byte(`{"errorMessage":"boom","errorType":"errorString"}`)
		}}, coldstart.ReasonResponse, true},
	} {
		t.Run(name, func(t *testing.T) {
			m := c.machine
			_, _, err := target(&m).Start(t.Context())
			var f *coldstart.InvocationError
			if !errors.As(err, &f) || f.Reason != c.want || f.Err == nil {
				t.Fatalf("error: %#v", err)
			}
			if got := strings.HasPrefix(f.Report, "REPORT"); got != c.report {
				t.Errorf("report: %q", f.Report)
			}
			if f.Output != "panic: at the disco" || m.closes != 1 {
				t.Errorf("output %q, %d closes", f.Output, m.closes)
			}
		})
	}
}

// An invocation that failed after its answer is described by its end.
func TestFailureAfterTheAnswer(t *testing.T) {
	m := &machine{instance: "a", change: func(_ int, i *runtimeapi.Invocation) {
		i.Status, i.ErrorType, i.Exit = "error", "Extension.Crash", &runtimeapi.Exit{Code: 7}
	}}
	if _, _, err := target(m).Start(t.Context()); err == nil || err.Error() != "exit: Extension.Crash: exit status 7" {
		t.Errorf("error: %v", err)
	}
}

func TestACancelledContextIsNobodysFailure(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	m := &machine{init: func() (runtimeapi.Init, error) { cancel(); return runtimeapi.Init{}, errors.New("broken pipe") }}
	_, _, err := target(m).Start(ctx)
	var f *coldstart.InvocationError
	if !errors.Is(err, context.Canceled) || errors.As(err, &f) || m.closes != 1 {
		t.Fatalf("error: %v, %d closes", err, m.closes)
	}
}

func TestCloseOfATargetRunsOnce(t *testing.T) {
	n := 0
	target := NewTarget(Setup{Close: func() error { n++; return nil }})
	if err := errors.Join(target.Close(), target.Close()); err != nil || n != 1 {
		t.Errorf("%v, %d", err, n)
	}
}

// TestExtensionsPart: the part of init before the extensions had registered is
// a phase, and a function that began before that is no proof of anything.
func TestExtensionsPart(t *testing.T) {
	for _, c := range []struct {
		registered int64
		want       float64 // ms; 0 for no sample
	}{{1_800_000, 0.8}, {2_000_000, 1}, {2_000_001, 0}} {
		m := &machine{instance: "a", init: func() (runtimeapi.Init, error) {
			return runtimeapi.Init{Done: true, StartedNs: 1_000_000, RegisteredNs: c.registered, EndedNs: 3_410_000, Status: "success"}, nil
		}}
		_, s, err := target(m).Start(t.Context())
		if c.want == 0 {
			if !errors.Is(err, coldstart.ErrNotCold) {
				t.Errorf("registered at %d: %v", c.registered, err)
			}
			continue
		}
		if x := s.Phases.ExtensionsMs; err != nil || x == nil || *x != c.want {
			t.Errorf("registered at %d: %v, %v", c.registered, x, err)
		}
	}
	if _, s, err := target(&machine{instance: "a"}).Start(t.Context()); err != nil || s.Phases.ExtensionsMs != nil {
		t.Errorf("without extensions: %v, %v", s.Phases.ExtensionsMs, err)
	}
}
