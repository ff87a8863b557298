// Package awssim serves AWS Lambda, CloudWatch Logs and STS on this machine's
// loopback, for clients that would otherwise talk to AWS: a rehearsal. The
// functions really run, in sandboxes, from images that are unpacked here.
//
// It is like Lambda in what a measurement sees: updates that take a while, cold
// and warm environments, limits of concurrency, log lines, log events that show
// up late and in pages. It can be recognized: the account is 000000000000 and
// every answer carries the header X-Bench-Rehearsal.
//
// It checks no signature and no permissions, and takes the time that this machine
// takes: no network, no placement, no freeze between invocations.
package awssim

import (
	"context"
	"time"

	"coldbench/bench/internal/backend/sandbox"
	"coldbench/bench/internal/coldstart"
)

// Account is the number of the account that everything belongs to: nobody's.
const Account = "000000000000"

// Header is in every answer; its value is Mark.
const (
	Header = "X-Bench-Rehearsal"
	Mark   = "not AWS"
)

// Engine makes execution environments; *sandbox.Engine is one.
type Engine interface {
	NewMachine(s sandbox.Spec) (sandbox.Machine, error)
}

var _ Engine = (*sandbox.Engine)(nil)

// Options say what is served, and how.
type Options struct {
	// Engine runs the functions. It is the caller's to close, after the Server.
	Engine Engine
	// Region is in names; us-east-1 where empty.
	Region string
	// Latency is "" or "none", or "aws": each init is preceded by a wait drawn
	// from the Init Durations of a Go hello world on AWS, and Init Duration
	// says both together. The first one of an image that was deployed while it is
	// served is drawn from published first ones, some twenty times as long.
	Latency string
	// Faults are injected at their rates, drawn from Seed.
	Faults Faults
	Seed   uint64
	// Clock tells the time of stamps, of updates and of environments that
	// expire; time.Now where nil. Durations are measured on the engine's clock.
	Clock func() time.Time
	// Log receives a line for each call; nil for none.
	Log func(line string)
	// StateDir is where zips are unpacked; the system's folder for temporary
	// files where empty.
	StateDir string
	// Concurrency is how many environments may serve at once in the account;
	// 1000 where 0.
	Concurrency int
	// KeepWarm is how long an environment is kept after its last invocation; 10
	// minutes where 0.
	KeepWarm time.Duration
	// Ingestion is when a log event shows up, from its time on; 300 ms where 0,
	// at once where negative.
	Ingestion time.Duration
	// PageScan is how many log events a page of FilterLogEvents looks at; 1000
	// where 0.
	PageScan int
	// LimitCPU gives functions Lambda's share of the CPU.
	LimitCPU bool
	// Images finds the image that CreateFunction and UpdateFunctionCode name;
	// nil for none but those deployed.
	Images func(ctx context.Context, uri string) (coldstart.Image, error)
	// NoQuotas lifts the limits of calls to the control plane: 15 a second, 100 of
	// GetFunction.
	NoQuotas bool
}

// Function says how a function is deployed.
type Function struct {
	// MemoryMB is 128 to 10240; 128 where 0.
	MemoryMB int
	// Timeout is in whole seconds, 1 s to 900 s; 3 s where 0.
	Timeout time.Duration
	// Arch is "amd64" or "arm64"; the image's where empty.
	Arch string
	Env  map[string]string
	// PackageType is "Image", also where empty, or "Zip": then it is described as
	// a zip on provided.al2023, and what runs is the image.
	PackageType string
	// LogFormat is "Text", also where empty, or "JSON"; SystemLogLevel is DEBUG,
	// INFO or WARN and of JSON only.
	LogFormat, SystemLogLevel string
	// State is "Active", also where empty; "Inactive" for a function that refuses
	// its first invocation and wakes up; "Pending" or "Failed" for one that stays
	// so.
	State string
	// SnapStart has published versions restored from a snapshot, where it is a
	// zip. What is restored here is initialized: each in its own time.
	SnapStart bool
	// Reserved is the function's own concurrency; nil for none.
	Reserved *int
}
