// Package localenv turns what the emulator observed of an execution
// environment into samples. The local engines share it: docker and sandbox
// only say how an environment is made, limited and ended, and what a sample
// is, how it is proved and which failure a failure is, is decided here, once.
package localenv

import (
	"context"
	"time"

	"coldbench/bench/runtimeapi"
)

// Machine is one execution environment. Its methods are called in this order: Provision, Init,
// Limit, Invoke (again and again), Close. Close may come at any time and twice.
type Machine interface {
	// Provision makes the environment and returns when images/start says that
	// it is ready to execute the entrypoint.
	Provision(ctx context.Context) error
	// Init executes the entrypoint and waits for the end of init.
	Init(ctx context.Context) (runtimeapi.Init, error)
	// Limit lowers the CPU limit from that of init to that of the memory size.
	// It does nothing where the CPU is not limited.
	Limit(ctx context.Context) error
	// Invoke hands out one event and waits for the end of the invocation.
	Invoke(ctx context.Context, e runtimeapi.Event) (runtimeapi.Invocation, error)
	// Throttled returns how long the CPU limit has held the environment back
	// since it was made, or false where that is not measured.
	Throttled() (time.Duration, bool)
	// Output returns the end of what the function wrote, at most 4 KB.
	Output() string
	// Close ends the environment and returns when nothing of it is left.
	Close() error
}
