package coldstart

import "encoding/json"

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
