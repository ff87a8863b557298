package runner

import (
	"errors"
	"fmt"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
)

// Job is a plan and what it is run on.
type Job struct {
	plan.Plan
	// Configs are measured once a round each. Their sequence is part of what the
	// order of a round follows from.
	Configs []coldstart.Config
	// Targets holds the opened target of each config. Plans with a Burst above 1
	// need coldstart.Bursters, and no warm runs; those that Redeploy need
	// coldstart.Redeployers, and no FirstAfterDeploy.
	Targets map[coldstart.Config]coldstart.Target
	// FirstAfterDeploy holds the configurations whose image was never started
	// here. Each is started once more, in round 0, before the Runs and beside
	// them, and not invoked warm: what an environment does after its first
	// invocation does not depend on where the image came from.
	FirstAfterDeploy map[coldstart.Config]bool
	// Shares names what configurations have in common: those of one name take
	// turns, whatever Parallel says, in the order of the round. A configuration
	// without a name shares nothing.
	Shares map[coldstart.Config]string
	// Images are the digests that a plan may Redeploy, in the order in which they
	// are taken. Those that Past has deployed are not taken again.
	Images map[coldstart.Config][]string
	// Past is what a run that is resumed has taken already; zero for a new one.
	Past plan.Past
}

// Sink takes what a run yields, one after the other. An error of it ends the
// run.
type Sink interface {
	Sample(coldstart.Sample) error
	// Reject takes an invocation that was served but not proved.
	Reject(coldstart.Attempt, *coldstart.ProofError) error
	// Failure takes an invocation that gave no sample.
	Failure(coldstart.Attempt, *coldstart.InvocationError) error
	// Deployed is told of an image before its first start. It is called for plans
	// that redeploy alone.
	Deployed(coldstart.Deployed) error
}

// Rule decides when there are enough samples.
type Rule interface {
	// Enough is asked after a round about each configuration, with the totals
	// of its samples of class cold in the order they were taken, in
	// milliseconds; those without a total are left out. The run ends when it is
	// true of all that are still measured. It must not keep or change values.
	Enough(values []float64) bool
}

// Options are the parts of a run that may be left out.
type Options struct {
	// Clock is the wall clock where nil.
	Clock coldstart.Clock
	// Rule ends the run before Runs; nil for none.
	Rule Rule
	// Progress is called after each step of the plan; nil for none. It must not
	// take long: it is called between invocations.
	Progress func(Progress)
}

// Progress is how far a run has come.
type Progress struct {
	// Config and Round are what was just worked on.
	Config coldstart.Config
	Round  int
	// Done of Total invocations of the plan are settled: taken, failed, or not
	// to be taken any more.
	Done, Total int
	// Samples, Rejects and Failures are counted as in Result.
	Samples, Rejects, Failures int
}

// Stopped says why a run ended.
type Stopped string

// The reasons for the end of a run: all rounds were taken; the rule had
// enough; the context was done; no configuration was left, or the engine or the
// sink failed.
const (
	StoppedPlan        Stopped = "plan"
	StoppedPrecision   Stopped = "precision"
	StoppedInterrupted Stopped = "interrupted"
	StoppedGaveUp      Stopped = "gave-up"
)

// Result is how a run went. The counts include those of the past.
type Result struct {
	Samples, Rejects, Failures int
	// Unproved counts the invocations of the plan that gave no sample because no
	// attempt at them could be proved; each of their attempts is in Rejects.
	Unproved int
	// Rounds is how many rounds were taken to their end.
	Rounds int
	// GaveUp lists the configurations that were given up, in the order they
	// were.
	GaveUp  []GaveUp
	Stopped Stopped
	// Warnings say what went wrong beside the invocations.
	Warnings []string
}

// GaveUp is a configuration that failed too often to go on with.
type GaveUp struct {
	Config coldstart.Config
	// Failed of Attempts invocations gave no sample.
	Failed, Attempts int
	// Last is the last failure; where the last invocation was not proved, its
	// Err is a *coldstart.ProofError and its Reason empty.
	Last coldstart.InvocationError
}

// String says in a sentence what was given up and why.
func (g GaveUp) String() string {
	return fmt.Sprintf("gave up %v: %d of %d invocations failed, the last: %v", g.Config, g.Failed, g.Attempts, &g.Last)
}

func (j *Job) check() error {
	switch {
	case len(j.Configs) == 0:
		return errors.New("checking plan: no configuration")
	case j.Runs < 1:
		return fmt.Errorf("checking plan: %d runs", j.Runs)
	case j.WarmRuns < 0, j.Pause.Duration < 0, j.Retries < 0, j.Parallel < 0, j.Burst < 0:
		return fmt.Errorf("checking plan: negative: warm runs %d, pause %v, retries %d, parallel %d, burst %d", j.WarmRuns, j.Pause, j.Retries, j.Parallel, j.Burst)
	case j.Redeploy < 0 || j.Redeploy > j.Runs:
		return fmt.Errorf("checking plan: %d deployments for %d runs", j.Redeploy, j.Runs)
	case j.Redeploy > 0 && (len(j.FirstAfterDeploy) > 0 || j.Burst > 1):
		return errors.New("checking plan: deployments have no round 0 and no bursts")
	case j.Burst > 1 && j.WarmRuns > 0:
		return fmt.Errorf("checking plan: %d warm runs after a burst: which environment they reach can't be told", j.WarmRuns)
	}
	seen := map[coldstart.Config]bool{}
	for _, c := range j.Configs {
		if seen[c] {
			return fmt.Errorf("checking plan: %v is there twice", c)
		}
		seen[c] = true
		if j.Targets[c] == nil {
			return fmt.Errorf("checking plan: %v was not opened", c)
		}
		if _, ok := j.Targets[c].(coldstart.Burster); j.Burst > 1 && !ok {
			return fmt.Errorf("checking plan: %v can't be started in bursts", c)
		}
		if _, ok := j.Targets[c].(coldstart.Redeployer); j.Redeploy > 0 && !ok {
			return fmt.Errorf("checking plan: %v can't be deployed", c)
		}
	}
	return nil
}
