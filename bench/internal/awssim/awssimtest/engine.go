package awssimtest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"coldbench/bench/internal/backend/sandbox"
	"coldbench/bench/lambdalog"
	"coldbench/bench/runtimeapi"
)

// Engine makes environments that answer from a Go function and run no process.
type Engine struct {
	// Init and Run are reported, 44.1 ms and 1.25 ms if 0; Wait is really waited.
	Init, Run, Wait time.Duration
	// Handle answers an event; nil for a greeting.
	Handle func(e Event) Answer
	// Broken is the error of making an environment.
	Broken error

	mu                        sync.Mutex
	made, open, running, most int
	started                   map[string]int
}

// Event is an invocation of a function.
type Event struct {
	// Instance numbers the Engine's environments, Count its invocations, from 1.
	Instance, Count int
	Payload         []byte
	// Spec is what the environment was made from.
	Spec sandbox.Spec
}

// Token is the value of BENCH_TOKEN.
func (e Event) Token() string { return e.Spec.Environment["BENCH_TOKEN"] }

// Answer is what a function answers.
type Answer struct {
	// Payload is the greeting if it is empty.
	Payload string
	// Error is the X-Amz-Function-Error, Status and ErrorType are of REPORT.
	Error, Status, ErrorType string
}

// NewMachine makes an environment.
func (e *Engine) NewMachine(s sandbox.Spec) (sandbox.Machine, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.Broken != nil {
		return nil, e.Broken
	}
	if e.started == nil {
		e.started = map[string]int{}
	}
	e.made++
	e.open++
	e.started[s.Image.Digest]++
	return &machine{engine: e, event: Event{Spec: s, Instance: e.made}}, nil
}

// Made counts the environments so far, Open those that are not closed.
func (e *Engine) Made() int { return e.count(&e.made) }
func (e *Engine) Open() int { return e.count(&e.open) }

// Most is how many invocations ran at one time.
func (e *Engine) Most() int { return e.count(&e.most) }

// Started counts the environments of an image, which its digest names.
func (e *Engine) Started(image string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.started[image]
}

func (e *Engine) count(n *int) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return *n
}

type machine struct {
	engine *Engine
	event  Event
}

func (m *machine) Provision(ctx context.Context) error { return ctx.Err() }
func (m *machine) Limit(ctx context.Context) error     { return ctx.Err() }

func (m *machine) Init(ctx context.Context) (runtimeapi.Init, error) {
	took := cmp.Or(m.engine.Init, 44_100*time.Microsecond)
	return runtimeapi.Init{Done: true, EndedNs: int64(took), Status: "success"}, ctx.Err()
}

func (m *machine) Close() error {
	m.engine.mu.Lock()
	defer m.engine.mu.Unlock()
	m.engine.open--
	return nil
}

func (m *machine) Invoke(ctx context.Context, ev runtimeapi.Event) (runtimeapi.Invocation, error) {
	e := m.engine
	e.mu.Lock()
	e.running++
	e.most = max(e.most, e.running)
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		e.running--
		e.mu.Unlock()
	}()
	f := m.event.Spec.Function
	m.event.Count++
	m.event.Payload = ev.Payload
	m.event.Spec.Platform(lambdalog.StartLine(ev.RequestID, f.Version))
	time.Sleep(e.Wait)
	var a Answer
	if e.Handle != nil {
		a = e.Handle(m.event)
	}
	took := cmp.Or(e.Run, 1250*time.Microsecond)
	inv := runtimeapi.Invocation{RequestID: ev.RequestID, Response: []byte(a.Payload), FunctionError: a.Error, Status: "success", EndedNs: int64(took)}
	if a.Payload == "" {
		inv.Response = m.greeting()
	}
	if a.Error != "" {
		inv.Status = "failure"
	}
	size, used, zero := float64(f.MemoryMB), 17.0, 0.0
	r := lambdalog.Report{RequestID: ev.RequestID, Status: a.Status, ErrorType: a.ErrorType,
		Metrics: lambdalog.Metrics{DurationMs: &zero, BilledDurationMs: &zero, MemorySizeMB: &size, MaxMemoryUsedMB: &used}}
	if m.event.Count == 1 {
		r.Metrics.InitDurationMs = &zero // the endpoint fills in the times
	}
	inv.Log = lambdalog.EndLine(ev.RequestID) + r.Text()
	m.event.Spec.Platform(inv.Log)
	return inv, ctx.Err()
}

func (m *machine) greeting() []byte {
	e := m.event
	text, err := json.Marshal(map[string]any{
		"message": "hello", "instanceId": fmt.Sprint("i", e.Instance), "invocation": e.Count, "token": e.Token(),
	})
	if err != nil {
		panic(err)
	}
	return text
}
