package sandbox

import (
	"context"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/runtimeapi"
)

// Machine is one execution environment, for those who are no coldstart.Backend
// and decide themselves what becomes of it. Its methods are called one after
// another: Provision, Init, Limit, Invoke (again and again), Close; see
// localenv.Machine. Close may come at any time and twice.
type Machine interface {
	Provision(ctx context.Context) error
	Init(ctx context.Context) (runtimeapi.Init, error)
	Limit(ctx context.Context) error
	Invoke(ctx context.Context, e runtimeapi.Event) (runtimeapi.Invocation, error)
	Close() error
}

// Spec describes the environment that NewMachine makes.
type Spec struct {
	// Function is what the function is called and may take. Where its Handler
	// is empty, it is the first word of the image's CMD.
	Function runtimeapi.Function
	// Image is unpacked at Image.Root.
	Image coldstart.Image
	// Environment is added to the image's own.
	Environment map[string]string
	// LimitCPU asks for Lambda's CPU share, CPUPeriod is its period; see
	// coldstart.Options.
	LimitCPU  bool
	CPUPeriod time.Duration
	// Output receives each line that the function writes, from other goroutines;
	// Platform receives the platform's lines when they are printed. Either may be
	// nil.
	Output, Platform func(lines string)
}
