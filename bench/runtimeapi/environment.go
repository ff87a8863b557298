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
	// InitTimeout is the time that init may take before it is ended and done
	// again inside the first invocation; 0 means Lambda's 10 s.
	InitTimeout time.Duration
	// Region is the region in the function's ARN and environment; empty means
	// DefaultRegion.
	Region string
	// Account is the number of the account in the function's ARN; empty means
	// DefaultAccount.
	Account string
	// InitializationType is what init is done for: "on-demand", also where empty,
	// "provisioned-concurrency" or "snap-start".
	InitializationType string
	// LogStream is the value of AWS_LAMBDA_LOG_STREAM_NAME; empty means one
	// that is made up for each environment.
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

// Launcher makes the runtime processes of one execution environment: one at
// first, and a fresh one after each crash or timeout. The one before has been
// killed when the next is launched.
type Launcher interface {
	// Launch makes a process that stands ready to execute the image's
	// entrypoint and returns when it is ready: that is provisioning, not init.
	// An error ends the call that needed the process; the next call asks again.
	Launch(ctx context.Context, phase Phase) (Process, error)
}

// Process is a runtime process and everything it starts.
type Process interface {
	// Exec lets the process execute the entrypoint, or start the external
	// extensions if there are any (see Supervisor), and returns what it said on
	// the way. An entrypoint that can't be executed is an error that wraps
	// ErrInvalidEntrypoint; that is the function's failure, any other error the
	// emulator's. It is called once at most, and never after Kill.
	Exec(ctx context.Context) (Started, error)
	// Done is closed when the runtime has ended.
	Done() <-chan struct{}
	// Exit says how it ended; valid after Done is closed.
	Exit() Exit
	// MaxMemory returns the high-water mark of its memory in bytes so far, or
	// false where it can't be measured. It must be cheap; it is called off the
	// measured path, at the end of each invocation, also where the process
	// has ended by then: what it says then counts too.
	MaxMemory() (int64, bool)
	// Kill ends the process and everything it started, waits for the end, and
	// gives back what Launch took. It may be called twice, also after Done and
	// without Exec; Done is closed when it returns from a process that Exec was
	// called on.
	Kill()
}

// Started is what a process said when it began to run the image's programs.
type Started struct {
	// ClockNs is CLOCK_MONOTONIC in nanoseconds just before the first extension
	// was started or, without extensions, just before the entrypoint's execve.
	ClockNs int64 `json:"clockNs"`
	// Extensions names the external extensions (/opt/extensions/*) that were
	// launched: init lasts until each of them has asked for its first event.
	Extensions []string `json:"extensions,omitempty"`
}

// Exit says how a runtime process ended.
type Exit struct {
	// Code is the exit status; it says nothing where Signal is not 0. Signal is
	// the number of the signal that ended the process, 0 for none: a launcher
	// that learns a status of 128 + signal alone sets both.
	Code   int `json:"code"`
	Signal int `json:"signal,omitempty"`
	// OutOfMemory is true where the kernel killed it at its memory limit.
	OutOfMemory bool `json:"outOfMemory,omitempty"`
}

// Init says how the init phase went.
type Init struct {
	// Done is true where init ended with the first /next in time. Otherwise it
	// is done again inside the first invocation and ErrorType or Status say
	// why.
	Done bool `json:"done"`
	// StartedNs and EndedNs are CLOCK_MONOTONIC when the first extension was
	// started (without extensions: at execve) and at the moment the last first
	// /next (or /event/next) arrived, or init was given up.
	StartedNs int64 `json:"startedNs"`
	EndedNs   int64 `json:"endedNs"`
	// RegisteredNs is CLOCK_MONOTONIC when the last external extension
	// registered, before which the runtime does not start; 0 without
	// extensions, and if one never did.
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
	// InitInside is true where init was done inside this invocation.
	InitInside bool `json:"initInside,omitempty"`
	// InitFailed is true where the init inside this invocation failed too, so
	// that the event was never handed out.
	InitFailed bool `json:"initFailed,omitempty"`
	// HandedOutNs and EndedNs are CLOCK_MONOTONIC when the event was handed out
	// (or, InitInside, when the process was executed) and when the invocation
	// ended.
	HandedOutNs int64 `json:"handedOutNs"`
	EndedNs     int64 `json:"endedNs"`
	// Log holds the platform's lines in AWS's own form: INIT_REPORT where
	// there is one, START, END, REPORT; each ended by a newline.
	Log string `json:"log"`
}
