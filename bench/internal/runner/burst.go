package runner

import (
	"context"
	"errors"

	"coldbench/bench/internal/coldstart"
)

// burst takes a configuration's cold starts of several rounds at once. What is
// not proved is taken again in a smaller burst.
func (r *run) burst(ctx context.Context, c *config, round, rounds int) error {
	settled := 0
	defer func() { r.done += rounds - settled }()
	type start struct{ round, attempts int }
	var open []start
	for n := round; n < round+rounds; n++ {
		if past := r.slot(c.Config, n); !past.settled {
			open = append(open, start{n, past.attempts})
		}
	}
	for len(open) > 0 && !c.gaveUp {
		at := r.o.Clock.Now()
		var made []coldstart.Started
		var err error
		r.waiting(func() { made, err = r.Targets[c.Config].(coldstart.Burster).Burst(ctx, len(open)) })
		if err == nil && len(made) == 0 {
			err = errors.New("the backend made no start of the burst")
		}
		if err != nil {
			made = []coldstart.Started{{Err: err}}
		}
		var again []start
		var failed error
		for i, m := range made[:min(len(made), len(open))] {
			o := &open[i]
			o.attempts++
			a := coldstart.Attempt{Config: c.Config, Round: o.round, Attempt: o.attempts, At: at, Want: coldstart.Cold}
			retry, err := r.started(ctx, c, a, m)
			if err != nil && failed == nil {
				failed = err // the others were made too: they are kept
			}
			if retry {
				again = append(again, *o)
			} else if err == nil {
				r.done++
				settled++
			}
		}
		if failed != nil {
			return failed
		}
		open = append(again, open[min(len(made), len(open)):]...)
	}
	return nil
}

// started takes one start of a burst. It is true where it has to be made again.
func (r *run) started(ctx context.Context, c *config, a coldstart.Attempt, m coldstart.Started) (bool, error) {
	err := m.Err
	if err == nil {
		r.fill(&m.Sample, a)
		err = r.sample(c, m.Sample)
		if m.Environment != nil {
			err = errors.Join(err, r.close(c, m.Environment))
		}
		return false, err
	}
	return r.refused(ctx, c, a, err)
}
