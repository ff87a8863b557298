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
	// Latency is "" or "none", or "aws": a wait before each init, and part of Init Duration, is
	// drawn from published Init Durations; of an image just deployed, from first ones.
	Latency string
	// Faults are injected at their rates, drawn from Seed.
	Faults Faults
	Seed   uint64
	// Clock tells the time of stamps, updates and expiry; nil means time.Now.
	Clock func() time.Time
	// Log receives a line for each call; nil for none.
	Log func(line string)
	// StateDir is where zips are unpacked; the system's temporary folder if empty.
	StateDir string
	// Concurrency is how many environments may serve at once; 1000 if 0.
	Concurrency int
	// KeepWarm is how long an idle environment is kept; 10 minutes if 0.
	KeepWarm time.Duration
	// Ingestion is when a log event shows up; 300 ms if 0, at once if negative.
	Ingestion time.Duration
	// PageScan is how many events a page of FilterLogEvents looks at; 1000 if 0.
	PageScan int
	// LimitCPU gives functions Lambda's share of the CPU.
	LimitCPU bool
	// Images finds images that requests name; nil for none but those deployed.
	Images func(ctx context.Context, uri string) (coldstart.Image, error)
	// NoQuotas lifts the limits of calls to the control plane.
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
	// PackageType is "Image" (also if empty) or "Zip": described as a zip, run as an image.
	PackageType string
	// LogFormat is "Text" (also if empty) or "JSON", with SystemLogLevel DEBUG, INFO or WARN.
	LogFormat, SystemLogLevel string
	// State is "Active" (also if empty); "Inactive" for a function that its first invocation
	// wakes; "Pending" or "Failed" for one that stays so.
	State string
	// SnapStart has published versions of a zip restored: here, initialized each time.
	SnapStart bool
	// Reserved is the function's own concurrency; nil for none.
	Reserved *int
}
