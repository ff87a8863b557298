package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"unicode"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/host"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runfile"
	"coldbench/bench/internal/runner"
)

type job struct {
	header  runfile.Header
	configs []OpenTarget // as in the header
	// images are those that may be deployed, for a plan that does.
	images map[coldstart.Config][]string
	// after is called when the last sample was taken, before anything is
	// published: it puts back what was changed, and returns what a reader of the
	// run should know. nil for nothing.
	after func() ([]string, error)
}

func (a *app) run(ctx context.Context, m measure, j job) (failed error) {
	folder := a.results(m.out)
	entries, err := folder.Entries()
	if err != nil {
		return err
	}
	var file *runfile.Writer
	var begun *runfile.Run
	if m.Resume {
		if file, begun, err = runfile.Resume(m.resume, j.header, a.Now()); err == nil {
			entries = runfile.Before(entries, begun.Header)
		}
	} else {
		begun = &runfile.Run{Header: j.header}
		if reference, ok := runfile.ReferenceFor(entries, j.header); ok {
			j.header.Reference = reference.Header.ID
		}
		file, err = runfile.CreateIn(folder.Runs(), a.Now(), j.header)
	}
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return advice.Hint(err, "--out DIR puts the results elsewhere")
	case err != nil:
		return err
	}
	todo := j.runnerJob()
	todo.Past = begun.Past()
	if todo.Redeploy == 0 { // otherwise its deployments have first starts of their own
		todo.FirstAfterDeploy = begun.FirstStarts(entries)
	}
	path := folder.Relative(file.Path())
	a.note("writing %s", path)

	result, warnings, err := a.takeSamples(ctx, m, j.header, todo, file)
	if names := begun.Header.RenamedImages(j.header); len(names) > 0 {
		warnings = append(warnings, "resumed with another image ID, same content: "+strings.Join(names, ", "))
	}
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
	a.warnings(warnings)
	for _, g := range result.GaveUp {
		if out := lastLines(g.Last.Output, 5); out != "" {
			a.say("the last output of %v:\n%s", g.Config, out)
		}
	}
	if unrestored != nil {
		// Said at once, and in the end by the exit code.
		a.complain(unrestored)
		defer func() { failed = whileUnrestored(ctx, failed) }()
	}
	keepGoing := fmt.Sprintf("bench report %s, or go on with bench %s --resume %s", path, j.header.Backend, path)
	if err != nil {
		if hint := advice.HintOf(err); hint != "" {
			a.hint("%s", hint)
		}
		return advice.Hint(fmt.Errorf("measuring: %w", err), keepGoing)
	}
	if result.Stopped == runner.StoppedInterrupted {
		a.say("interrupted, %s kept", plan.Plural(result.Samples, "sample"))
		a.hint("%s", keepGoing)
		return errInterrupted
	}
	a.pricing = m.pricing
	if err := a.publish(folder, file.Path(), m.json); err != nil {
		return err
	}
	switch {
	case len(result.GaveUp) == len(j.configs):
		return advice.Hint(errors.New("every variant was given up"), "bench report "+path)
	case result.Samples == 0:
		return advice.Hint(errors.New("no sample was taken"), "bench report "+path)
	case result.Failures > 0 || result.Unproved > 0 || len(result.GaveUp) > 0:
		a.say("%s gave no sample; the report says why", withoutSample(result.Failures, result.Unproved))
		return errIncomplete
	case m.strict && len(j.header.Unavailable) > 0:
		a.say("%s could not be measured (--strict)", plan.Plural(len(j.header.Unavailable), "variant"))
		return errIncomplete
	}
	return nil
}

func (j job) runnerJob() runner.Job {
	todo := runner.Job{
		Plan:    j.header.Plan,
		Targets: map[coldstart.Config]coldstart.Target{},
		Images:  j.images,
		Shares:  map[coldstart.Config]string{},
	}
	for i, c := range j.configs {
		todo.Configs = append(todo.Configs, c.config)
		todo.Targets[c.config] = c.target
		if f := j.header.Configs[i].Function; f != nil {
			todo.Shares[c.config] = f.Name
		}
	}
	return todo
}

// takeSamples runs a job into a file while the machine is watched, and returns
// what a reader of the run should know.
func (a *app) takeSamples(ctx context.Context, m measure, h runfile.Header, todo runner.Job, file *runfile.Writer) (runner.Result, []string, error) {
	medians := runner.Watch(file)
	step, end := a.progress(m.verbose).Run(h.Plan, todo.Configs, medians)
	noise := a.watchHost(h, h.Plan.WarmRuns > 0 && h.Plan.Pause.Duration >= 2*host.ShortestLook)
	noise.Begin(ctx)
	o := runner.Options{Clock: noise, Progress: step}
	rule, err := h.Plan.Rule()
	if err != nil {
		return runner.Result{}, nil, err
	}
	if rule != nil {
		o.Rule = rule
	}
	result, err := runner.Run(ctx, todo, medians, o)
	end()
	load := noise.End(ctx)
	file.Host(hostLoad(load))
	return result, append(result.Warnings, load.Warnings(analysis.Margin)...), err
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

// withoutSample spells what gave no sample; one of the counts at least is not 0.
func withoutSample(failures, unproved int) string {
	var parts []string
	if failures > 0 {
		parts = append(parts, plan.Plural(failures, "failed attempt"))
	}
	if unproved > 0 {
		parts = append(parts, plan.Plural(unproved, "unproved invocation"))
	}
	return strings.Join(parts, " and ")
}

func describeHost(e *Engine) runfile.Host {
	f := host.Describe()
	return runfile.Host{
		Fingerprint: f.Fingerprint(e.Cgroup()), OS: f.OS, Kernel: f.Kernel, CPU: f.CPU, CPUs: f.CPUs, MemoryMB: f.MemoryMB,
		EngineVersion: e.Version(), Cgroup: e.Cgroup(),
	}
}

func (a *app) watchHost(h runfile.Header, pauses bool) *host.Noise {
	// An engine of containers is reached through DOCKER_HOST.
	stat, daemon := a.HostStat, a.getenv("DOCKER_HOST")
	remote := h.Plan.Network != "" && daemon != "" && !strings.HasPrefix(daemon, "unix://")
	if h.Backend != "local" || remote {
		stat = nil
	}
	return host.Watch(coldstart.Wall{}, stat, pauses)
}

func hostLoad(l *host.Load) *runfile.HostLoad {
	if l == nil {
		return nil
	}
	return &runfile.HostLoad{BusyShare: l.Busy, WaitedS: l.Waited.Seconds(), StolenShare: l.Stolen}
}
