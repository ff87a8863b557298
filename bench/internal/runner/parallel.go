package runner

import (
	"context"
	"sync"
)

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

// queues puts configurations that share something behind one another.
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
