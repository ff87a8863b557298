package runner

import (
	"errors"
	"fmt"
	"time"

	"coldbench/bench/internal/coldstart"
)

// Plan is what a run is to take.
type Plan struct {
	// Configs are measured once a round each. Their sequence is part of what the
	// order of a round follows from.
	Configs []coldstart.Config
	// Runs is the number of rounds, at least 1: the cold starts of each
	// configuration. With a Rule it is the most there may be.
	Runs int
	// WarmRuns is how often an environment is invoked after its cold start.
	WarmRuns int
	Seed     uint64
	// Pause is how long an environment must have been idle before it is invoked
	// again.
	Pause time.Duration
	// Retries is how often an invocation that was not proved to be what was
	// asked for is tried again.
	Retries int
	// FirstAfterDeploy holds the configurations whose image was never started
	// here. Each is started once more, in round 0, before the Runs and beside
	// them, and not invoked warm: what an environment does after its first
	// invocation does not depend on where the image came from.
	FirstAfterDeploy map[coldstart.Config]bool
	// Parallel is how many configurations of a round may be worked on at one
	// time; 0 means one.
	Parallel int
	// Shares names what configurations have in common: those of one name take
	// turns, whatever Parallel says, in the order of the round. A configuration
	// without a name shares nothing.
	Shares map[coldstart.Config]string
	// Burst is how many rounds are taken at once, the cold starts of each
	// configuration overlapping; 0 means one. More need targets that are
	// coldstart.Bursters, and no warm runs.
	Burst int
	// Redeploy is how many images of each configuration are deployed one after
	// the other, at most Runs; 0 for none. A round of its own makes the first cold
	// start of each, beside the Runs, which are spread over the deployments. More
	// need targets that are coldstart.Redeployers, and no FirstAfterDeploy.
	Redeploy int
	// Images are the digests that may be deployed, in the order in which they are
	// taken. Those that Past has deployed are not taken again.
	Images map[coldstart.Config][]string
	// Past is what a run that is resumed has taken already; zero for a new one.
	Past Past
}

// Past is what there is of a run that was interrupted, in the order it was
// taken. A start that was made is not made again: where an environment had not
// served all of its warm invocations when the run ended, they stay missing.
type Past struct {
	Samples []coldstart.Sample
	Rejects []coldstart.Attempt
	// Failures are the attempts that failed.
	Failures []coldstart.Attempt
	// Deployed are the images that were about to be started for the first time.
	Deployed []coldstart.Deployed
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

// check refuses a plan that can't be run.
func (p *Plan) check(targets map[coldstart.Config]coldstart.Target) error {
	switch {
	case len(p.Configs) == 0:
		return errors.New("checking plan: no configuration")
	case p.Runs < 1:
		return fmt.Errorf("checking plan: %d runs", p.Runs)
	case p.WarmRuns < 0, p.Pause < 0, p.Retries < 0, p.Parallel < 0, p.Burst < 0:
		return fmt.Errorf("checking plan: negative: warm runs %d, pause %v, retries %d, parallel %d, burst %d", p.WarmRuns, p.Pause, p.Retries, p.Parallel, p.Burst)
	case p.Redeploy < 0 || p.Redeploy > p.Runs:
		return fmt.Errorf("checking plan: %d deployments for %d runs", p.Redeploy, p.Runs)
	case p.Redeploy > 0 && (len(p.FirstAfterDeploy) > 0 || p.Burst > 1):
		return errors.New("checking plan: deployments have no round 0 and no bursts")
	case p.Burst > 1 && p.WarmRuns > 0:
		return fmt.Errorf("checking plan: %d warm runs after a burst: which environment they reach can't be told", p.WarmRuns)
	}
	seen := map[coldstart.Config]bool{}
	for _, c := range p.Configs {
		if seen[c] {
			return fmt.Errorf("checking plan: %v is there twice", c)
		}
		seen[c] = true
		if targets[c] == nil {
			return fmt.Errorf("checking plan: %v was not opened", c)
		}
		if _, ok := targets[c].(coldstart.Burster); p.Burst > 1 && !ok {
			return fmt.Errorf("checking plan: %v can't be started in bursts", c)
		}
		if _, ok := targets[c].(coldstart.Redeployer); p.Redeploy > 0 && !ok {
			return fmt.Errorf("checking plan: %v can't be deployed", c)
		}
	}
	return nil
}

// wall is the machine's clock.
type wall struct{}
