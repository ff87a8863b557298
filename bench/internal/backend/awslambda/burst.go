package awslambda

import (
	"context"
	"errors"
	"sync"
	"time"

	"coldbench/bench/internal/coldstart"
)

var _ coldstart.Burster = (*target)(nil)

// Burst updates the function once and sends up to n invocations at one time. One that is
// answered before the last was sent may leave a warm environment: that is not proved cold.
func (t *target) Burst(ctx context.Context, n int) ([]coldstart.Started, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.session.c
	n = min(n, t.session.inventory.Capacity(t.facts, t.session.setup.Concurrency))
	if err := t.prepare(ctx); err != nil {
		return nil, err
	}
	use := t.forced
	t.forced = forced{}
	c.warmUp(ctx, use.ref, n)

	answers, errs := make([]answer, n), make([]error, n)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			answers[i], errs[i] = c.invoke(ctx, use.ref, t.payload, t.facts.Timeout)
		})
	}
	close(start)
	wg.Wait()
	t.session.invoked(use.ref)
	made := make([]coldstart.Started, n)
	refusedBefore, refusedNow := t.refused, false
	for i, a := range answers {
		if errs[i] != nil {
			wait, out := refusal(ctx, coldstart.Cold, t.facts.Ref, errs[i])
			var np *coldstart.ProofError
			if errors.As(out, &np) {
				refusedNow = true
				t.wait(max(wait, backoff(refusedBefore)))
			}
			made[i].Err = out
			continue
		}
		if e, s, err := t.cold(ctx, use, a); err != nil {
			made[i].Err = err
		} else {
			made[i] = coldstart.Started{Environment: e, Sample: s}
		}
	}
	if t.refused = 0; refusedNow {
		t.refused = refusedBefore + 1
	}
	return made, nil
}

func (t *target) wait(d time.Duration) {
	if until := t.session.c.clock.Now().Add(d); until.After(t.until) {
		t.until = until
	}
}
