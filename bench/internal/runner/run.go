// Package runner takes the samples of a run: round after round it starts every
// configuration once, in an order of the round's own, invokes the warm ones,
// closes the environment, and hands each sample to a sink the moment it exists.
//
// Configurations are interleaved, so that a machine that slows down slows all of
// them down. The order of a round follows from the seed and the round's number
// alone, so that a resumed run has the rounds it would have had. A failure is
// recorded and counted, never replaced by another try: a function that fails now
// and then would look sound. Only what was served but not proved is tried again.
//
// It measures nothing, keeps no samples, and knows no file and no table.
package runner

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"coldbench/bench/internal/coldstart"
)

// Run takes a job's samples from its targets and hands each to the sink before
// the next is begun. It closes every environment it starts, before it starts
// the next; targets are the caller's to close.
//
// The error is nil for a run that came to its end, was interrupted (Stopped
// says so) or has no configuration left. It is not nil for a plan that can't be
// run, an engine that stopped working and a sink that failed; the Result counts
// what the sink has taken all the same.
func Run(ctx context.Context, job Job, sink Sink, o Options) (Result, error) {
	if err := job.check(); err != nil {
		return Result{}, err
	}
	if o.Clock == nil {
		o.Clock = coldstart.Wall{}
	}
	r := &run{Job: job, sink: sink, o: o, cells: map[cell]*slot{}}
	for _, c := range job.Configs {
		r.configs = append(r.configs, &config{Config: c, deployed: newDeployed()})
	}
	r.replay()
	r.mu.Lock()
	err := r.rounds(ctx)
	r.mu.Unlock()
	var stop *stop
	switch {
	case errors.As(err, &stop):
		r.res.Stopped, err = stop.why, stop.err
	case err == nil:
		r.res.Stopped = StoppedPlan
	}
	return r.res, err
}

type stop struct {
	why Stopped
	err error
}

func (s *stop) Error() string { return string(s.why) }

type config struct {
	coldstart.Config
	// failed of attempts invocations gave no sample.
	failed, attempts int
	gaveUp           bool
	// totals are those of the samples of class cold; kept only for a rule.
	totals   []float64
	deployed deployed
}

type run struct {
	Job
	sink Sink
	o    Options
	// mu guards what follows. It is held but while something is waited for.
	mu      sync.Mutex
	configs []*config
	cells   map[cell]*slot
	res     Result
	seq     int
	// done of the invocations of the plan are settled.
	done int
	// engine counts the engine failures since the last time the engine worked;
	// engineOf holds the configurations they were of. leaks counts the
	// environments in a row that could not be closed.
	engine   int
	engineOf map[coldstart.Config]bool
	leaks    int
}

func (r *run) rounds(ctx context.Context) error {
	first := 1
	if len(r.FirstAfterDeploy) > 0 {
		first = 0
	}
	for round := first; round <= r.Rounds(); {
		taken := 1
		if round > 0 && r.Burst > 1 {
			taken = min(r.Burst, r.Runs-round+1)
		}
		if err := r.round(ctx, round, taken); err != nil {
			return err
		}
		if !slices.ContainsFunc(r.configs, func(c *config) bool { return !c.gaveUp }) {
			return &stop{why: StoppedGaveUp}
		}
		last := round + taken - 1
		if last > 0 {
			r.res.Rounds = last
			if r.enough() && last < r.Rounds() {
				return &stop{why: StoppedPrecision}
			}
		}
		round = last + 1
	}
	return nil
}

func (r *run) round(ctx context.Context, round, taken int) error {
	var order []*config
	for _, i := range Order(r.Seed, round, len(r.configs)) {
		if c := r.configs[i]; round > 0 || r.FirstAfterDeploy[c.Config] {
			order = append(order, c)
		}
	}
	return r.each(ctx, order, func(ctx context.Context, c *config) error {
		if ctx.Err() != nil {
			return &stop{why: StoppedInterrupted}
		}
		var err error
		if taken > 1 {
			err = r.burst(ctx, c, round, taken)
		} else {
			err = r.cell(ctx, c, round)
		}
		if err == nil {
			r.progress(c, round)
		}
		return err
	})
}

func (r *run) cell(ctx context.Context, c *config, round int) (err error) {
	warm := r.warmRuns(round)
	// What can't be taken is settled too.
	settled := 0
	defer func() { r.done += 1 + warm - settled }()

	if c.gaveUp {
		return nil
	}
	past := r.slot(c.Config, round)
	if past.settled {
		return nil
	}
	env, s, err := r.start(ctx, c, round, past.attempts)
	if err != nil || env == nil {
		return err
	}
	defer func() {
		if cerr := r.close(c, env); err == nil {
			err = cerr
		}
	}()
	ended := r.o.Clock.Now()
	if err := r.sample(c, s); err != nil {
		return err
	}
	r.done++
	settled++
	for range warm {
		r.progress(c, round)
		ok, err := r.again(ctx, c, env, round, &ended)
		if err != nil || !ok {
			return err
		}
		r.done++
		settled++
	}
	return nil
}

// start makes a cold start, again where it was not proved to be one. The
// environment is nil where there is no sample.
func (r *run) start(ctx context.Context, c *config, round, attempts int) (coldstart.Environment, coldstart.Sample, error) {
	for n := attempts + 1; ; n++ {
		a := coldstart.Attempt{Config: c.Config, Round: round, Attempt: n, At: r.o.Clock.Now(), Want: coldstart.Cold}
		var env coldstart.Environment
		var s coldstart.Sample
		err := r.deploy(ctx, c, round)
		var none *notDeployed
		var end *stop
		switch {
		case errors.As(err, &none):
			r.forgo(c, none)
			return nil, coldstart.Sample{}, nil
		case errors.As(err, &end):
			return nil, coldstart.Sample{}, err
		case err == nil:
			r.waiting(func() { env, s, err = r.Targets[c.Config].Start(ctx) })
			c.deployed.tried(err)
		}
		if err == nil && env == nil {
			err = errors.New("the backend returned no environment")
		}
		if err == nil {
			r.fill(&s, a)
			s.Deployment = r.deploymentOf(c, round)
			if r.first(round) && s.Class == coldstart.ClassCold {
				s.Class = coldstart.ClassFirstAfterDeploy
			}
			return env, s, nil
		}
		if env != nil {
			// Not ours to expect, but not ours to leave behind either.
			r.waiting(func() { err = errors.Join(err, env.Close()) })
		}
		again, err := r.refused(ctx, c, a, err)
		if err != nil || !again {
			return nil, coldstart.Sample{}, err
		}
	}
}

// again invokes an environment once more, after it has been idle for the pause
// since ended, and moves ended. It is false where the environment is of no use
// any more.
func (r *run) again(ctx context.Context, c *config, env coldstart.Environment, round int, ended *time.Time) (bool, error) {
	for n := 1; ; n++ {
		var err error
		r.waiting(func() { err = r.o.Clock.Sleep(ctx, r.Pause.Duration-r.o.Clock.Now().Sub(*ended)) })
		if err != nil {
			return false, &stop{why: StoppedInterrupted}
		}
		a := coldstart.Attempt{Config: c.Config, Round: round, Attempt: n, At: r.o.Clock.Now(), Want: coldstart.Warm}
		var s coldstart.Sample
		r.waiting(func() { s, err = env.Invoke(ctx) })
		*ended = r.o.Clock.Now()
		if err == nil {
			r.fill(&s, a)
			s.Class = coldstart.ClassWarm
			if s.Invocation == 2 {
				s.Class = coldstart.ClassFirstWarm
			}
			return true, r.sample(c, s)
		}
		retry, err := r.refused(ctx, c, a, err)
		if err != nil || !retry {
			return false, err
		}
	}
}

// fill sets what the backend leaves to the runner.
func (r *run) fill(s *coldstart.Sample, a coldstart.Attempt) {
	s.Config, s.Round, s.Attempt = a.Config, a.Round, a.Attempt
	if s.At.IsZero() {
		s.At = a.At
	}
}

func (r *run) sample(c *config, s coldstart.Sample) error {
	r.seq++
	s.Seq = r.seq
	if err := r.sink.Sample(s); err != nil {
		return &stop{StoppedGaveUp, err}
	}
	r.res.Samples++
	c.attempts++
	r.engine, r.engineOf = 0, nil
	r.keep(c, s)
	return nil
}

func (r *run) keep(c *config, s coldstart.Sample) {
	if r.o.Rule == nil || s.Class != coldstart.ClassCold {
		return
	}
	if v, ok := coldstart.Total(s); ok {
		c.totals = append(c.totals, v)
	}
}

func (r *run) enough() bool {
	if r.o.Rule == nil {
		return false
	}
	for _, c := range r.configs {
		if !c.gaveUp && !r.o.Rule.Enough(c.totals) {
			return false
		}
	}
	return true
}

func (r *run) progress(c *config, round int) {
	if r.o.Progress == nil {
		return
	}
	r.o.Progress(Progress{
		Config: c.Config, Round: round, Done: r.done, Total: r.total(),
		Samples: r.res.Samples, Rejects: r.res.Rejects, Failures: r.res.Failures,
	})
}

func (r *run) total() int {
	n := len(r.configs) * (r.Runs*(1+r.WarmRuns) + r.Redeploy)
	for _, c := range r.configs {
		if r.FirstAfterDeploy[c.Config] {
			n++
		}
	}
	return n
}

// waiting does something that takes time without holding the run's state.
func (r *run) waiting(do func()) {
	r.mu.Unlock()
	defer r.mu.Lock()
	do()
}

// each calls work for configurations, in their order: one after the other, or
// as many at a time as the plan allows. Those that share something take turns.
// The first error ends the others' context, and is returned when all have come
// back. The run's state is held, here and in work.
func (r *run) each(ctx context.Context, order []*config, work func(context.Context, *config) error) error {
	if r.Parallel <= 1 {
		for _, c := range order {
			if err := work(ctx, c); err != nil {
				return err
			}
		}
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var first error
	var wg sync.WaitGroup
	places := make(chan struct{}, r.Parallel)
	for _, queue := range r.queues(order) {
		r.waiting(func() { places <- struct{}{} }) // in the round's order
		wg.Go(func() {
			defer func() { <-places }()
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, c := range queue {
				if first != nil {
					return
				}
				if err := work(ctx, c); err != nil && first == nil {
					first = err
					cancel()
				}
			}
		})
	}
	r.waiting(wg.Wait)
	return first
}

func (r *run) queues(order []*config) [][]*config {
	var queues [][]*config
	at := map[string]int{}
	for _, c := range order {
		name := r.Shares[c.Config]
		if i, ok := at[name]; ok && name != "" {
			queues[i] = append(queues[i], c)
			continue
		}
		at[name] = len(queues)
		queues = append(queues, []*config{c})
	}
	return queues
}

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
