package cli

import (
	"context"
	"fmt"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/results"
)

// resumeRun reads the run of --resume and takes from its plan what was not given.
// What was given has to agree with it; runfile.Resume compares.
func (a *app) resumeRun(ctx context.Context, m *measure, backend string, args *[]string) error {
	typed := m.resume
	file, run, err := a.results(m.out).Load(ctx, typed, results.Want{})
	switch {
	case err != nil:
		return err
	case !file.OnDisk():
		return fmt.Errorf("--resume %s: the run is in a git revision, and only a file can be continued", typed)
	case run.Header.Backend != backend:
		return usagef("%s is a run of bench %s", typed, run.Header.Backend)
	}
	m.resume, m.resumed = file.Path, run
	h := run.Header
	if err := m.makePlan(backend, &h.Plan); err != nil {
		return err
	}
	if m.plan.PayloadSha256 != h.Plan.PayloadSha256 {
		return advice.Hint(usagef("--payload is not the one that %s was begun with", typed), "give the same --payload and --env again")
	}
	if len(*args) == 0 {
		for _, c := range h.Configs {
			if c.Variant != h.Plan.Control && c.Before == "" {
				*args = addOnce(*args, c.Variant)
			}
		}
	}
	if len(*args) == 0 {
		return fmt.Errorf("%s names no configuration", typed)
	}
	return nil
}
