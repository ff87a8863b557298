package runtimeapi

import (
	"context"
	"time"
)

// Function describes the function that environments are made for.
type Function struct {
	// Name is the function's name, Version "$LATEST" where empty, Handler the
	// value of _HANDLER.
	Name, Version, Handler string
	// MemoryMB is the memory size in MiB; printed as Memory Size.
	MemoryMB int
	// Timeout is the function's timeout; 0 means Lambda's default of 3 s.
	Timeout time.Duration
	// InitTimeout is when init is ended and left to the first invocation; 0 means 10 s.
	InitTimeout time.Duration
	// Region is in the ARN and the environment; empty means DefaultRegion.
	Region string
	// Account is the account's number in the ARN; empty means DefaultAccount.
	Account string
	// InitializationType is "on-demand", also if empty, "provisioned-concurrency" or
	// "snap-start".
	InitializationType string
	// LogStream is the value of AWS_LAMBDA_LOG_STREAM_NAME; if empty, each environment
	// has its own.
	LogStream string
}

// Phase says what a runtime process is launched for.
type Phase string

// PhaseInit is an init before the first invocation, PhaseInvoke one inside an
// invocation (after a failed init, a crash or a timeout).
const (
	PhaseInit   Phase = "init"
	PhaseInvoke Phase = "invoke"
)

// Launcher makes the runtime processes of an environment, a fresh one after each crash
// or timeout, when the one before has been killed.
type Launcher interface {
	// Launch returns a process that stands ready to execute the image's entrypoint: that
	// is provisioning, not init. An error ends the call that needed the process.
	Launch(ctx context.Context, phase Phase) (Process, error)
}

// Process is a runtime process and everything it starts.
type Process interface {
	// Exec executes the entrypoint, or starts the external extensions if there are any
	// (see Supervisor). An error that wraps ErrInvalidEntrypoint is the function's
	// failure, any other the emulator's. It is called once at most, and before Kill.
	Exec(ctx context.Context) (Started, error)
	// Done is closed when the runtime has ended.
	Done() <-chan struct{}
	// Exit says how it ended; valid after Done is closed.
	Exit() Exit
	// MaxMemory returns the high-water mark of its memory in bytes so far; false if
	// unknown. It must be cheap. It is called at the end of each invocation, off the
	// measured path, also if the process has ended.
	MaxMemory() (int64, bool)
	// Kill ends the process and all that it started, waits for the end and gives back
	// what Launch took. It may be called twice, and without Exec; after an Exec, Done is
	// closed when it returns.
	Kill()
}

// Started is what a process said when it began to run the image's programs.
type Started struct {
	// ClockNs is CLOCK_MONOTONIC in nanoseconds just before the first extension's start,
	// or without extensions the entrypoint's execve.
	ClockNs int64 `json:"clockNs"`
	// Extensions names the external extensions (/opt/extensions/*) that were launched.
	Extensions []string `json:"extensions,omitempty"`
}

// Exit says how a runtime process ended.
type Exit struct {
	// Code is the exit status, if Signal is 0. A launcher that learns a status of
	// 128 + signal sets both.
	Code   int `json:"code"`
	Signal int `json:"signal,omitempty"`
	// OutOfMemory is true if the kernel killed it at its memory limit.
	OutOfMemory bool `json:"outOfMemory,omitempty"`
}

// Init says how the init phase went.
type Init struct {
	// Done is true if init ended well and in time. Otherwise it is done again inside the
	// first invocation.
	Done bool `json:"done"`
	// StartedNs and EndedNs are CLOCK_MONOTONIC at the first extension's start, or without
	// extensions at execve, and when the last first /next or /event/next arrived, or
	// init was given up.
	StartedNs int64 `json:"startedNs"`
	EndedNs   int64 `json:"endedNs"`
	// RegisteredNs is CLOCK_MONOTONIC when the last external extension registered and
	// the runtime could start; 0 without extensions, or if one never did.
	RegisteredNs int64 `json:"registeredNs,omitempty"`
	// Status is "success", "error" or "timeout"; ErrorType AWS's word for it.
	Status    string `json:"status"`
	ErrorType string `json:"errorType,omitempty"`
	// Log holds the INIT_REPORT line of an init that did not succeed.
	Log string `json:"log,omitempty"`
}

// Event is one invocation's input.
type Event struct {
	// RequestID is a UUID; one is made where it is empty.
	RequestID string `json:"requestId,omitempty"`
	Payload   []byte `json:"payload"`
	// The optional ones are passed on in the headers of /next.
	ClientContext string `json:"clientContext,omitempty"`
	Identity      string `json:"identity,omitempty"`
	TraceID       string `json:"traceId,omitempty"`
	TenantID      string `json:"tenantId,omitempty"`
}

// Invocation is how an invocation went. Every invocation has one, also those
// that fail: the error of Environment.Invoke is for a broken emulator only.
type Invocation struct {
	RequestID string `json:"requestId"`
	// Response is the function's answer, or the error document that AWS sends
	// in its place; FunctionError is then "Unhandled".
	Response      []byte `json:"response"`
	ContentType   string `json:"contentType,omitempty"`
	FunctionError string `json:"functionError,omitempty"`
	// Status is "success", "failure" (the handler answered with an error),
	// "error" (crash, init, response) or "timeout"; ErrorType AWS's word.
	Status    string `json:"status"`
	ErrorType string `json:"errorType,omitempty"`
	// Exit is how the runtime process ended, nil if it did not; with the error type
	// Extension.Crash how the extension did.
	Exit *Exit `json:"exit,omitempty"`
	// InitInside is true if init was done inside this invocation.
	InitInside bool `json:"initInside,omitempty"`
	// InitFailed is true if that init failed, so that the event was never handed out.
	InitFailed bool `json:"initFailed,omitempty"`
	// HandedOutNs and EndedNs are CLOCK_MONOTONIC when the event was handed out (or, for
	// InitInside, the process executed) and when the invocation ended.
	HandedOutNs int64 `json:"handedOutNs"`
	EndedNs     int64 `json:"endedNs"`
	// Log holds AWS's lines: INIT_REPORT if there is one, START, END, REPORT.
	Log string `json:"log"`
}
