package runner

import (
	"context"
	"errors"
	"fmt"

	"coldbench/bench/internal/coldstart"
)

// Rules for giving up, from the command's promise: the first three invocations
// of a configuration, or more than a third of them. A third says something
// once there are ten.
const (
	giveUpFirst = 3
	giveUpLeast = 10
	giveUpPart  = 3
)

// engineFailureLimit is how many failures of the engine in a row end the run, where no
// configuration is left that it did not fail.
const engineFailureLimit = 3

func (c *config) shouldGiveUp() bool {
	return c.failed >= giveUpFirst && c.failed == c.attempts ||
		c.attempts >= giveUpLeast && c.failed*giveUpPart > c.attempts
}

// refused records an attempt that gave no sample and says whether it is to be
// made again.
func (r *run) refused(ctx context.Context, c *config, a coldstart.Attempt, err error) (again bool, _ error) {
	if ctx.Err() != nil {
		// Abandoned, not failed: nothing is known of it.
		return false, &stop{why: StoppedInterrupted}
	}
	if errors.Is(err, coldstart.ErrAbort) {
		// What it would have been is not known either; the run can be resumed.
		return false, &stop{StoppedInterrupted, err}
	}
	r.seq++
	a.Seq = r.seq
	if np := notProved(err, a.Want); np != nil {
		if err := r.sink.Reject(a, np); err != nil {
			return false, &stop{StoppedGaveUp, err}
		}
		r.res.Rejects++
		r.engine, r.engineOf = 0, nil
		// An environment that is not the same any more won't be again.
		lost := a.Want == coldstart.Warm && np.Reason == coldstart.NotWarm
		if a.Attempt <= r.Retries && !lost {
			return true, nil
		}
		r.res.Unproved++
		r.fail(c, coldstart.InvocationError{Err: np})
		return false, nil
	}
	var f *coldstart.InvocationError
	if !errors.As(err, &f) {
		f = &coldstart.InvocationError{Reason: coldstart.ReasonEngine, Err: err}
	}
	if err := r.sink.Failure(a, f); err != nil {
		return false, &stop{StoppedGaveUp, err}
	}
	r.res.Failures++
	r.fail(c, *f)
	if f.Reason != coldstart.ReasonEngine {
		r.engine, r.engineOf = 0, nil
		return false, nil
	}
	return false, r.recordEngineFailure(c, f)
}

func notProved(err error, want coldstart.Start) *coldstart.ProofError {
	var np *coldstart.ProofError
	switch {
	case errors.As(err, &np):
		return np
	case errors.Is(err, coldstart.ErrNotCold), errors.Is(err, coldstart.ErrNotWarm):
		return &coldstart.ProofError{Want: want, Reason: coldstart.ProofReason("not-" + string(want)), Detail: err.Error()}
	}
	return nil
}

func (r *run) fail(c *config, last coldstart.InvocationError) {
	c.attempts++
	c.failed++
	if c.shouldGiveUp() {
		c.gaveUp = true
		r.res.GaveUp = append(r.res.GaveUp, GaveUp{Config: c.Config, Failed: c.failed, Attempts: c.attempts, Last: last})
	}
}

// recordEngineFailure counts a failure of the engine and ends the run where it is dead: it
// has failed again and again, and every configuration that is left.
func (r *run) recordEngineFailure(c *config, f *coldstart.InvocationError) error {
	r.engine++
	if r.engineOf == nil {
		r.engineOf = map[coldstart.Config]bool{}
	}
	r.engineOf[c.Config] = true
	if r.engine < engineFailureLimit {
		return nil
	}
	for _, c := range r.configs {
		if !c.gaveUp && !r.engineOf[c.Config] {
			return nil
		}
	}
	return &stop{StoppedGaveUp, fmt.Errorf("the engine failed %d times in a row: %w", r.engine, f)}
}

// close ends an environment. One that can't be ended is a warning: its samples
// are sound, and the next ones only where it does not happen again and again.
func (r *run) close(c *config, env coldstart.Environment) error {
	var err error
	r.waiting(func() { err = env.Close() })
	if err == nil {
		r.leaks = 0
		return nil
	}
	err = fmt.Errorf("closing environment of %v: %w", c.Config, err)
	if errors.Is(err, coldstart.ErrAbort) {
		return &stop{StoppedInterrupted, err}
	}
	r.res.Warnings = append(r.res.Warnings, err.Error())
	if r.leaks++; r.leaks < engineFailureLimit {
		return nil
	}
	return &stop{StoppedGaveUp, err}
}
