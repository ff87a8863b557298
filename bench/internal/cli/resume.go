package cli

import (
	"context"
	"fmt"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/results"
	"coldbench/bench/internal/runfile"
	"coldbench/bench/internal/runner"
)

// resumeRun reads the run of --resume and takes from its plan what was not given.
// What was given has to agree with it; runfile.Resume compares.
func (a *app) resumeRun(ctx context.Context, m *measure, backend string, args *[]string) error {
	typed := m.resume
	file, err := a.find(ctx, a.results(m.out), typed, results.Want{})
	switch {
	case err != nil:
		return err
	case !file.OnDisk():
		return fmt.Errorf("--resume %s: the run is in a git revision, and only a file can be continued", typed)
	}
	m.resume = file.Path
	if m.resumed, err = file.Run(); err != nil {
		return err
	}
	h := m.resumed.Header
	if h.Backend != backend {
		return usagef("%s is a run of bench %s", typed, h.Backend)
	}
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

// resumeState returns what a run that is resumed has taken, and which
// configurations belong into its round 0: those whose image the runs before it
// had not seen, unless one was started without ever having been in round 0.
func resumeState(run *runfile.Run, before []runfile.Entry) (runner.Past, map[coldstart.Config]bool) {
	past := runner.Past{Samples: run.Samples}
	earliest := map[coldstart.Config]int{}
	note := func(c coldstart.Config, round int) {
		if had, ok := earliest[c]; !ok || round < had {
			earliest[c] = round
		}
	}
	for _, s := range run.Samples {
		note(s.Config, s.Round)
	}
	for _, r := range run.Rejects {
		past.Rejects = append(past.Rejects, r.Try())
		note(r.Try().Config, r.Round)
	}
	for _, f := range run.Failures {
		past.Failures = append(past.Failures, f.Try())
		note(f.Try().Config, f.Round)
	}
	for _, d := range run.Deployed {
		past.Deployed = append(past.Deployed, d.Note())
	}
	h := run.Header
	seen := runfile.ImagesSeen(before, h.Backend, h.Engine, h.Host.Fingerprint)
	first := map[coldstart.Config]bool{}
	for _, c := range h.Configs {
		round, started := earliest[c.Config()]
		if started && round == 0 || !started && !seen.Has(c) {
			first[c.Config()] = true
		}
		if c.Function != nil {
			seen.Add(c)
		}
	}
	return past, first
}

// resumedRenamed says which images a run goes on with under another image ID.
func resumedRenamed(was, is runfile.Header) []string {
	var names []string
	for i, c := range is.Configs {
		if c.Renamed(was.Configs[i]) {
			names = addOnce(names, c.Variant)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []string{"resumed with another image ID, same content: " + join(names)}
}
