package coldstart

import (
	"context"
	"errors"
	"time"
)

// ErrNotCold is wrapped by the error of Target.Start if there is no proof of a
// cold start.
var ErrNotCold = errors.New("not proved cold")

// ErrNotWarm is wrapped by the error of Environment.Invoke if there is no proof of
// the same environment.
var ErrNotWarm = errors.New("not proved warm")

// ErrAbort is wrapped by an error after which a run can't go on: credentials that
// expired, a function that somebody else changed. Nothing is recorded of the
// invocation; the run may be resumed.
var ErrAbort = errors.New("the run can't go on")

// Options say how a configuration is run.
type Options struct {
	// Payload is the event, a JSON document.
	Payload []byte
	// Timeout is the function's, as Lambda's: 1 s to 900 s.
	Timeout time.Duration
	// Environment is added to the function's environment (--env).
	Environment map[string]string
	// LimitCPU asks for Lambda's CPU share: memory/1769 vCPU, two vCPUs during init.
	LimitCPU bool
	// CPUPeriod is the quota's period, 1 ms to 1 s; 0 means 20 ms.
	CPUPeriod time.Duration
	// Log receives the function's output and the platform's lines; nil for none.
	Log func(line string)
}

// Backend creates execution environments: on a container engine, in a sandbox, on
// AWS.
type Backend interface {
	// Open prepares a configuration and starts nothing.
	Open(ctx context.Context, c Config, img Image, o Options) (Target, error)
}

// Target is a configuration that was opened.
type Target interface {
	// Start makes one new execution environment and invokes it once. The sample is
	// proved cold, or the error wraps ErrNotCold and there is no sample and no
	// environment. Any other error is a failure, an *InvocationError if the function
	// or the engine is to blame. Round, Seq and Attempt are the caller's to set;
	// Class is ClassCold or ClassSuppressedInit.
	Start(ctx context.Context) (Environment, Sample, error)
	// Close gives back what Open took. It may be called twice.
	Close() error
}

// Burster is a Target that can make several cold starts at one time, each in an
// environment of its own.
type Burster interface {
	Target
	// Burst makes 1 to n cold starts that overlap, and returns what came of each.
	// The error, as Start's, says that none could be made.
	Burst(ctx context.Context, n int) ([]Started, error)
}

// Started is one cold start of a burst: what Start would have returned.
type Started struct {
	Environment Environment
	Sample      Sample
	Err         error
}

// Environment is one execution environment that has served its first invocation.
type Environment interface {
	// Invoke invokes it again. The sample is proved to come from the same
	// environment, or the error wraps ErrNotWarm and there is no sample.
	Invoke(ctx context.Context) (Sample, error)
	// Close ends the environment: nothing of it is running when it returns. It may be
	// called twice. An environment is closed before the next is started.
	Close() error
}

// Reason says in a word why an invocation failed.
type Reason string

// The reasons of failures.
const (
	ReasonTimeout     Reason = "timeout"       // the function's timeout passed
	ReasonExit        Reason = "exit"          // the runtime or an extension ended
	ReasonOutOfMemory Reason = "out-of-memory" // it was killed at its memory limit
	ReasonInit        Reason = "init"          // it never called /next
	ReasonResponse    Reason = "response"      // it answered with an error or too much
	ReasonEngine      Reason = "engine"        // the engine failed, not the function
)

// InvocationError is an invocation that gave no sample because the function,
// its image or the engine failed. It is recorded, never turned into a number.
type InvocationError struct {
	Reason Reason
	// Output is the end of what the function wrote, at most 4 KB.
	Output string
	// Report is the platform's REPORT line; empty where there is none.
	Report string
	// Err says what happened.
	Err error
}

// Error returns the reason and what happened.
func (f *InvocationError) Error() string {
	if f.Err == nil {
		return string(f.Reason)
	}
	return string(f.Reason) + ": " + f.Err.Error()
}

// Unwrap returns the cause.
func (f *InvocationError) Unwrap() error { return f.Err }

// ProofReason says in a word why an invocation was not what was asked for.
type ProofReason string

// The reasons of rejected samples.
const (
	NotCold      ProofReason = "not-cold"
	NotWarm      ProofReason = "not-warm"
	Throttled    ProofReason = "throttled"
	Unavailable  ProofReason = "unavailable" // no answer, or an error that is not the function's
	WrongMemory  ProofReason = "wrong-memory"
	WrongVersion ProofReason = "wrong-version"
	WrongRequest ProofReason = "wrong-request"
	WrongToken   ProofReason = "wrong-token"
	Provisioned  ProofReason = "provisioned"
)

// ProofError is an invocation that was served but not proved.
type ProofError struct {
	// Want is what was asked for.
	Want   Start
	Reason ProofReason
	// Detail says what was seen; Report is the platform's REPORT line.
	Detail, Report string
}

// Error returns the reason and what was seen.
func (e *ProofError) Error() string { return string(e.Reason) + ": " + e.Detail }

// Unwrap returns ErrNotCold or ErrNotWarm.
func (e *ProofError) Unwrap() error {
	if e.Want == Warm {
		return ErrNotWarm
	}
	return ErrNotCold
}

// Limits say in words how an engine enforces limits: "quota", "not limited: …".
type Limits struct {
	CPU           string `json:"cpu"`
	Memory        string `json:"memory"`
	MaxMemoryUsed string `json:"maxMemoryUsed"`
}

// Attempt names one try at a sample, for the record of a try that gave none.
type Attempt struct {
	Config              Config
	Round, Seq, Attempt int
	At                  time.Time
	Want                Start
}

// Redeployer is a Target whose image can be replaced by others of the same content
// that were never started there.
type Redeployer interface {
	Target
	// Deploy replaces the image by a new one, named by its digest: the next Start is
	// its first cold start, forced by the deployment alone. The error is as Start's.
	// Close of the target's backend restores the first image.
	Deploy(ctx context.Context, digest string) error
	// DeployAgain is Deploy for an image that was started before: the next Start
	// forces its cold start itself.
	DeployAgain(ctx context.Context, digest string) error
}

// Deployment says of a cold sample which deployment of the run it follows.
type Deployment struct {
	// Number counts the deployments of the sample's configuration, from 1.
	Number int `json:"number"`
	// Position counts the cold starts since the deployment, from 0. Tries that gave
	// no sample are not counted, though they may have started the image: only
	// position 0 takes another image then.
	Position int `json:"position"`
	// Again is true if the image was deployed once more after its first cold start,
	// because the run was interrupted there.
	Again bool `json:"again,omitempty"`
}

// Deployed is an image that is about to be started for the first time: it is new no
// more, whatever comes of the start.
type Deployed struct {
	Config Config
	// Round is that of the first start, Number the deployment's, from 1.
	Round, Number int
	// Image is the digest.
	Image string
	At    time.Time
}
