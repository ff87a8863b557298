package coldstart

import (
	"encoding/json"
	"math"
	"slices"
	"time"
)

// Start is how an invocation began by the platform's report.
type Start string

// The two ways an invocation begins.
const (
	Cold Start = "cold"
	Warm Start = "warm"
)

// Class says what a sample may be compared with: only samples of one class are.
type Class string

// The classes. FirstAfterDeploy is the first cold start of an image that was
// never started here before; FirstWarm an environment's second invocation;
// SuppressedInit a cold start whose init ran inside the invocation.
const (
	ClassFirstAfterDeploy Class = "first-after-deploy"
	ClassCold             Class = "cold"
	ClassFirstWarm        Class = "first-warm"
	ClassWarm             Class = "warm"
	ClassSuppressedInit   Class = "suppressed-init"
)

// Metrics are the numbers of a REPORT line under the names of platform.report; nil
// is one that the line lacks. Durations are in milliseconds and not negative, sizes
// in MiB. The fields are those of lambdalog.Metrics, to be converted.
type Metrics struct {
	InitDurationMs          *float64 `json:"initDurationMs,omitempty"`
	DurationMs              *float64 `json:"durationMs,omitempty"`
	BilledDurationMs        *float64 `json:"billedDurationMs,omitempty"`
	RestoreDurationMs       *float64 `json:"restoreDurationMs,omitempty"`
	BilledRestoreDurationMs *float64 `json:"billedRestoreDurationMs,omitempty"`
	MemorySizeMB            *float64 `json:"memorySizeMB,omitempty"`
	MaxMemoryUsedMB         *float64 `json:"maxMemoryUsedMB,omitempty"`
}

// Phases are what bench's own clock saw, in milliseconds. All but ClientMs are
// absent for warm samples, and the last two on AWS.
type Phases struct {
	// ProvisionMs is from the request for a new environment to its being ready,
	// ClientMs from the request to the answer.
	ProvisionMs *float64 `json:"provisionMs,omitempty"`
	ClientMs    *float64 `json:"clientMs,omitempty"`
	// ProcessStartMs is from the start of init to the first instruction of the
	// function's own code, absent if the function does not say.
	ProcessStartMs *float64 `json:"processStartMs,omitempty"`
	// ExtensionsMs is from the start of the first external extension to the
	// registration of the last.
	ExtensionsMs *float64 `json:"extensionsMs,omitempty"`
}

// Sample is one measured invocation.
type Sample struct {
	Config Config
	// Round counts from 1; 0 is the round of first-after-deploy starts. Seq counts
	// samples, rejects and failures from 1, Attempt from 1. The runner sets all three.
	Round, Seq, Attempt int
	// Environment names the execution environment; Invocation counts from 1 in it.
	Environment string
	Invocation  int
	// At is when the invocation was asked for.
	At       time.Time
	Start    Start
	Class    Class
	Strategy string
	// Proof lists what proved the sample's start, see ProveCold and ProveWarm.
	Proof     []string
	RequestID string
	Metrics   Metrics
	Phases    Phases
	// Function is what the function said of itself; nil where it said nothing.
	Function *Function
	// ThrottledMs is how long the CPU limit held the invocation back; nil if unknown.
	ThrottledMs *float64
	// Raw is the log line that Metrics were parsed from.
	Raw string
	// Deployment is what the sample follows in a run that deploys images; else nil.
	Deployment *Deployment
}

// Metric is a number that can be read off a sample.
type Metric struct {
	// Name is short and stable ("total"), Unit is "ms" or "MB".
	Name, Unit string
	// Doc says in a sentence what is measured.
	Doc string
	// Value returns the number and true, or false where the sample lacks it.
	Value func(Sample) (float64, bool)
}

// MetricsOf lists the metrics in the order of tables. Total comes first: it is
// what verdicts stand on.
func MetricsOf() []Metric {
	return []Metric{
		{Name: "total", Unit: "ms", Doc: "Init Duration + Duration, before the ceiling of billing; Duration alone for warm invocations", Value: Total},
		{Name: "init", Unit: "ms", Doc: "Init Duration: from the start of the first extension, or of the entrypoint without any, to the first GET /next of runtime and extensions", Value: func(s Sample) (float64, bool) { return value(s.Metrics.InitDurationMs) }},
		{Name: "init extensions", Unit: "ms", Doc: "the part of Init Duration before the last extension registered and the runtime started", Value: func(s Sample) (float64, bool) { return value(s.Phases.ExtensionsMs) }},
		{Name: "init platform", Unit: "ms", Doc: "the part of Init Duration before the function's process", Value: func(s Sample) (float64, bool) { platform, _, ok := SplitInit(s); return platform, ok }},
		{Name: "init process", Unit: "ms", Doc: "the part of Init Duration from the function's process on", Value: func(s Sample) (float64, bool) { _, process, ok := SplitInit(s); return process, ok }},
		{Name: "duration", Unit: "ms", Doc: "Duration: from the event's hand-out to the next GET /next", Value: func(s Sample) (float64, bool) { return value(s.Metrics.DurationMs) }},
		{Name: "billed", Unit: "ms", Doc: "Billed Duration, whole milliseconds", Value: func(s Sample) (float64, bool) { return value(s.Metrics.BilledDurationMs) }},
		{Name: "provision", Unit: "ms", Doc: "from the request for a new environment to its being ready; never part of billed", Value: func(s Sample) (float64, bool) { return value(s.Phases.ProvisionMs) }},
		{Name: "client", Unit: "ms", Doc: "from bench's request to the answer in bench's hands", Value: func(s Sample) (float64, bool) { return value(s.Phases.ClientMs) }},
		{Name: "platform and network", Unit: "ms", Doc: "client - Init Duration - Duration: what the platform and the network took; may be negative, for the answer leaves before the invocation ends", Value: beyond},
		{Name: "max memory", Unit: "MB", Doc: "Max Memory Used: high-water mark of the execution environment", Value: func(s Sample) (float64, bool) { return value(s.Metrics.MaxMemoryUsedMB) }},
	}
}

// ProofProactiveInit is among the proofs of a cold sample whose environment the
// platform had initialized before it was asked for.
const ProofProactiveInit = "proactiveInit"

// SplitInit splits Init Duration, in milliseconds, into what came before the
// function's process and the rest. It is false if that is unknown.
//
// A local engine knows the function's first instruction. On AWS only the process's
// age at the first invocation is known: the process's part is too great by what of
// the invocation had passed, and up to 10 ms off, the step of the age; the
// platform's part is what is left, and may be negative. An init that was done ahead
// of the invocation has a process of any age and is not split.
func SplitInit(s Sample) (platform, process float64, ok bool) {
	init, ok := value(s.Metrics.InitDurationMs)
	if !ok || s.Start != Cold {
		return 0, 0, false
	}
	if platform, ok = value(s.Phases.ProcessStartMs); ok {
		return platform, init - platform, true
	}
	// Steps of 10 ms say nothing of the few milliseconds of a local init.
	if s.Phases.ProvisionMs != nil || s.Function == nil || slices.Contains(s.Proof, ProofProactiveInit) {
		return 0, 0, false
	}
	if process, ok = value(s.Function.ProcessUptimeMs); !ok {
		return 0, 0, false
	}
	return init - process, process, true
}

// beyond returns what the client waited for beyond init and invoke; false if one
// of them is missing.
func beyond(s Sample) (float64, bool) {
	client, ok := value(s.Phases.ClientMs)
	if !ok {
		return 0, false
	}
	total, ok := Total(s)
	if !ok {
		return 0, false
	}
	return client - total, true
}

// Total returns Init Duration + Duration of a cold sample, and Duration of a warm
// one and of a cold one whose init ran inside the invocation. It is false if one of
// them is missing.
func Total(s Sample) (float64, bool) {
	d := s.Metrics.DurationMs
	if d == nil {
		return 0, false
	}
	if s.Start == Warm || s.Class == ClassSuppressedInit {
		return *d, true
	}
	if i := s.Metrics.InitDurationMs; i != nil {
		return *d + *i, true
	}
	if r := s.Metrics.RestoreDurationMs; r != nil {
		return *d + *r, true
	}
	return 0, false
}

// value reads an optional number; not-a-number and infinities count as absent.
func value(p *float64) (float64, bool) {
	if p == nil || math.IsNaN(*p) || math.IsInf(*p, 0) {
		return 0, false
	}
	return *p, true
}

// The strategies that force a cold start on AWS. Local engines have one each.
const (
	StrategyConfigUpdate = "config-update"
	StrategyCodeUpdate   = "code-update"
	StrategyBurst        = "burst"
	StrategyVersion      = "version"
	StrategyIdle         = "idle"
)

// Strategies lists the strategies on AWS, the default first.
func Strategies() []string {
	return []string{StrategyConfigUpdate, StrategyCodeUpdate, StrategyBurst, StrategyVersion, StrategyIdle}
}

// Function is what the hello-world function says of itself in its answer.
type Function struct {
	// InstanceID is made once an init: it names the execution environment.
	InstanceID string `json:"instanceId"`
	// Invocation counts the environment's invocations from 1.
	Invocation int `json:"invocation"`
	// Token is the value of BENCH_TOKEN; empty where that is not set.
	Token string `json:"token,omitempty"`
	// ProcessUptimeMs is the age of the process at the invocation, in steps of
	// 10 ms; nil where the function could not tell.
	ProcessUptimeMs *float64 `json:"processUptimeMs,omitempty"`
	// StartedAtNs is CLOCK_MONOTONIC when the first package of the function
	// was initialized; nil where the function does not say. Comparable only
	// with readings of the same kernel.
	StartedAtNs *int64 `json:"startedAtNs,omitempty"`
}

// ParseAnswer reads what a function says of itself. It is false for an answer
// that is not JSON or carries no instanceId: any function may be measured, and
// most say nothing.
func ParseAnswer(payload []byte) (*Function, bool) {
	var f Function
	if err := json.Unmarshal(payload, &f); err != nil || f.InstanceID == "" {
		return nil, false
	}
	return &f, true
}
