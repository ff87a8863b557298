package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

// event is what the function is invoked with. Other fields are ignored.
type event struct {
	// Name is who is greeted; "world" where it is missing or empty.
	Name string `json:"name"`
}

// answer is what the function says.
type answer struct {
	Message string `json:"message"`
	// InstanceID is made at init, 32 hexadecimal digits: one an execution
	// environment.
	InstanceID string `json:"instanceId"`
	// Invocation counts the environment's invocations from 1.
	Invocation int64 `json:"invocation"`
	// Token is the value of BENCH_TOKEN, empty where it is not set. A changed
	// token proves that the environment is younger than the change.
	Token string `json:"token"`
	// ProcessUptimeMs is the age of the process at this invocation in
	// milliseconds, a multiple of 10; absent where the system does not tell.
	ProcessUptimeMs *int64 `json:"processUptimeMs,omitempty"`
	// StartedAtNs is CLOCK_MONOTONIC in nanoseconds when the first package of
	// the process was initialized.
	StartedAtNs int64 `json:"startedAtNs"`
}

// EventError is the error of an event that is no JSON object with a string
// name. Lambda reports its type's name as errorType.
type EventError struct {
	Err error
}

// Error says what is wrong with the event.
func (e *EventError) Error() string { return "reading the event: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *EventError) Unwrap() error { return e.Err }

// handler answers the events of one execution environment.
type handler struct {
	instanceID  string
	token       string
	startedAtNs int64
	// uptime returns the age of the process, or false where it is not known.
	uptime      func() (time.Duration, bool)
	invocations atomic.Int64
}

var _ lambda.Handler = (*handler)(nil)

// newHandler makes the handler of a new execution environment.
func newHandler(token string, startedAtNs int64, uptime func() (time.Duration, bool)) (*handler, error) {
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, fmt.Errorf("making an instance ID: %w", err)
	}
	return &handler{instanceID: hex.EncodeToString(id[:]), token: token, startedAtNs: startedAtNs, uptime: uptime}, nil
}

// Invoke answers one event. An event that can't be read is an *EventError; it
// counts as an invocation all the same.
func (h *handler) Invoke(_ context.Context, payload []byte) ([]byte, error) {
	a := answer{
		InstanceID:  h.instanceID,
		Invocation:  h.invocations.Add(1),
		Token:       h.token,
		StartedAtNs: h.startedAtNs,
	}
	e, err := readEvent(payload)
	if err != nil {
		return nil, &EventError{Err: err}
	}
	a.Message = "hello, " + e.Name
	if age, ok := h.uptime(); ok {
		ms := age.Milliseconds()
		a.ProcessUptimeMs = &ms
	}
	return json.Marshal(a)
}

// readEvent reads an event and fills in its defaults. null and {} are events
// without a name; every other JSON value that is no object is an error.
func readEvent(payload []byte) (event, error) {
	if len(bytes.TrimSpace(payload)) == 0 {
		return event{}, fmt.Errorf("it is empty, want a JSON object")
	}
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		return event{}, err
	}
	if e.Name == "" {
		e.Name = "world"
	}
	return e, nil
}
