package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"unicode"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/host"
	"coldbench/bench/internal/runfile"
	"coldbench/bench/internal/runner"
)

// job is a run that is ready to be taken.
type job struct {
	header  runfile.Header
	configs []opened // as in the header
	// images are those that may be deployed, for a plan that does.
	images map[coldstart.Config][]string
	// after is called when the last sample was taken, before anything is
	// published: it puts back what was changed, and returns what a reader of the
	// run should know. nil for nothing.
	after func() ([]string, error)
}

// run takes the samples of a run into its file, and writes the tables.
func (a *app) run(ctx context.Context, m measure, j job, out string) (failed error) {
	header, configs := j.header, j.configs
	header.Plan.Precision = m.precision
	folder := a.results(out)
	entries, err := folder.Entries()
	if err != nil {
		return err
	}
	take := runner.Job{
		Plan:             header.Plan,
		Targets:          map[coldstart.Config]coldstart.Target{},
		FirstAfterDeploy: map[coldstart.Config]bool{},
		Images:           j.images,
		Shares:           map[coldstart.Config]string{},
	}
	seen := runfile.ImagesSeen(entries, header.Backend, header.Engine, header.Host.Fingerprint)
	for i, c := range configs {
		take.Configs = append(take.Configs, c.config)
		take.Targets[c.config] = c.target
		if !seen.Has(header.Configs[i]) {
			take.FirstAfterDeploy[c.config] = true
		}
		if f := header.Configs[i].Function; f != nil {
			take.Shares[c.config] = f.Name
			seen.Add(header.Configs[i]) // its other memory sizes are the same image
		}
	}
	file, past, err := a.openRun(m, header, entries, folder.Runs())
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return advice.Hint(err, "--out DIR puts the results elsewhere")
	case err != nil:
		return err
	}
	var renamed []string
	if past != nil {
		take.Past, take.FirstAfterDeploy = pastOf(past, runfile.Before(entries, past.Header))
		renamed = resumedRenamed(past.Header, header)
	}
	if take.Redeploy > 0 {
		take.FirstAfterDeploy = nil // its deployments have first starts of their own
	}
	path := a.relative(file.Path())
	a.note("writing %s", path)

	watched := watch(file, take.Configs)
	progress := a.progress(m, header.Plan, watched)
	noise := a.watchHost(header, m.warmRuns > 0 && m.pause >= 2*host.ShortestLook)
	noise.Begin(ctx)
	result, err := runner.Run(ctx, take, watched, runner.Options{Clock: noise, Progress: progress.step, Rule: m.rule})
	progress.end()
	load := noise.End(ctx)
	file.Host(hostLoad(load))
	warnings := append(append(result.Warnings, load.Warnings(analysis.Margin)...), renamed...)
	var unrestored error
	if j.after != nil {
		var more []string
		more, unrestored = j.after()
		warnings = append(warnings, more...)
	}
	for _, g := range result.GaveUp {
		warnings = append(warnings, g.String())
	}
	err = errors.Join(err, file.End(a.Now(), string(result.Stopped), warnings), file.Close())
	for _, w := range warnings {
		a.warning("%s", w)
	}
	for _, g := range result.GaveUp {
		if out := lastLines(g.Last.Output, 5); out != "" {
			a.say("the last output of %v:\n%s", g.Config, out)
		}
	}
	if unrestored != nil {
		// Said at once, and in the end by the exit code.
		a.say("%v", unrestored)
		a.hint("%s", advice.HintOf(unrestored))
		defer func() { failed = whileUnrestored(ctx, failed) }()
	}
	if err != nil {
		if hint := advice.HintOf(err); hint != "" {
			a.hint("%s", hint)
		}
		return advice.Hint(fmt.Errorf("measuring: %w", err), keepGoing(header.Backend, path))
	}
	if result.Stopped == runner.StoppedInterrupted {
		a.say("interrupted, %s kept", plural(result.Samples, "sample"))
		a.hint("%s", keepGoing(header.Backend, path))
		return errInterrupted
	}
	a.pricing = m.pricing
	if err := a.publish(folder, file.Path(), m.json); err != nil {
		return err
	}
	switch {
	case len(result.GaveUp) == len(configs):
		return advice.Hint(errors.New("every variant was given up"), "bench report "+path)
	case result.Samples == 0:
		return advice.Hint(errors.New("no sample was taken"), "bench report "+path)
	case result.Failures > 0 || result.Unproved > 0 || len(result.GaveUp) > 0:
		a.say("%s gave no sample; the report says why", withoutSample(result.Failures, result.Unproved))
		return errIncomplete
	case m.strict && len(header.Unavailable) > 0:
		a.say("%s could not be measured (--strict)", plural(len(header.Unavailable), "variant"))
		return errIncomplete
	}
	return nil
}

// whileUnrestored returns the error of a run that left functions changed. An error
// that is not printed yet stays; another one only decides the exit code.
func whileUnrestored(ctx context.Context, failed error) error {
	switch {
	case failed != nil && !errors.Is(failed, errIncomplete) && !errors.Is(failed, errInterrupted):
		return failed
	case ctx.Err() != nil:
		return errInterrupted
	}
	return errUnrestored
}

// openRun begins a run file, or takes up the one of --resume.
func (a *app) openRun(m measure, header runfile.Header, entries []runfile.Entry, runs string) (*runfile.Writer, *runfile.Run, error) {
	if m.resume != "" {
		return runfile.Resume(absolute(a.Dir, m.resume), header, a.Now())
	}
	if reference, ok := runfile.ReferenceFor(entries, header); ok {
		header.Reference = reference.Header.ID
	}
	file, err := runfile.CreateIn(runs, a.Now(), header)
	return file, nil, err
}

// pastOf says what a run that is resumed has taken, and which configurations
// belong into its round 0: those whose image the runs before it had not seen,
// unless one was started without ever having been in round 0.
func pastOf(run *runfile.Run, before []runfile.Entry) (runner.Past, map[coldstart.Config]bool) {
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
	return []string{"resumed with another image ID, same content: " + strings.Join(names, ", ")}
}

// lastLines returns the end of a function's output, without what a terminal
// would take for a command.
func lastLines(output string, n int) string {
	output = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == '\n' {
			return r
		}
		return ' '
	}, strings.TrimSpace(output))
	lines := strings.Split(output, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func keepGoing(backend, path string) string {
	return fmt.Sprintf("bench report %s, or go on with bench %s --resume %s", path, backend, path)
}

// relative shortens a path for a message where it lies below the working
// directory.
func (a *app) relative(path string) string {
	if short, err := filepath.Rel(a.Dir, path); err == nil && filepath.IsLocal(short) {
		return short
	}
	return path
}

// withoutSample spells what gave no sample; one of the counts at least is not 0.
func withoutSample(failures, unproved int) string {
	var parts []string
	if failures > 0 {
		parts = append(parts, plural(failures, "failed attempt"))
	}
	if unproved > 0 {
		parts = append(parts, plural(unproved, "unproved invocation"))
	}
	return strings.Join(parts, " and ")
}
