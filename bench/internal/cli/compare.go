package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/render"
	"coldbench/bench/internal/runfile"
)

// comparison is what bench compare was asked for.
type comparison struct {
	base, new string // base is empty where new has images of another run
	out       string
	how       analysis.Against
	json      bool
}

func (a *app) compareCommand() *cobra.Command {
	var c comparison
	var failOver string
	cmd := &cobra.Command{
		Use:   "compare [BASE] NEW",
		Short: "Compare two runs: what changed, and is it more than noise?",
		Long: `Compare two runs config by config. BASE and NEW are run files, IDs of runs of the
results folder, folders (the newest finished run in them) or git revisions of the
results folder (the newest finished run committed there).

Runs taken apart differ by what the host did meanwhile, too. Configs whose image
is the same in both are the control: their change is printed as the host's
drift, and a changed image gets a verdict only on what lies beyond it.

Without BASE, NEW is a run of bench local --against: it holds the images of both,
measured in turns, and needs no control.

--fail-over 5% ends with exit code 3 where the interval of a change, one that
holds for all comparisons together, lies wholly beyond 5 %. Where no image
changed there is nothing to judge, and it passes; that something changed and
none of it could be judged is an error, exit code 1, and not a pass.`,
		Example: `  bench compare results/runs/A.jsonl results/runs/B.jsonl
  bench compare HEAD~1 results --fail-over 5%
  bench local --against HEAD~1 && bench compare results --fail-over 5%`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if c.new = args[len(args)-1]; len(args) == 2 {
				c.base = args[0]
			}
			if cmd.Flags().Changed("fail-over") {
				share, err := share(failOver)
				if err != nil {
					return usagef("--fail-over %q: %w", failOver, err)
				}
				c.how.FailOver = &share
			}
			for _, m := range c.how.Metrics {
				if err := analysis.CheckMetric(m); err != nil {
					return usagef("--metric: %w", err)
				}
			}
			return a.compare(cmd.Context(), c)
		},
	}
	cmd.Flags().StringVar(&failOver, "fail-over", "", "exit 3 where a change lies wholly beyond this, 5% say")
	cmd.Flags().StringSliceVar(&c.how.Metrics, "metric", nil, "CLASS.METRIC,... (default cold.total,warm.total)")
	cmd.Flags().BoolVar(&c.how.Force, "force", false, "judge runs of different hosts")
	cmd.Flags().BoolVar(&c.json, "json", false, "print JSON")
	cmd.Flags().StringVar(&c.out, "out", "results", "results folder that git revisions are of")
	return cmd
}

// share reads a percentage: 5% and 5 are the same.
func share(s string) (float64, error) {
	v, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(s, "%")), 64)
	switch {
	case err != nil:
		return 0, errors.New("a percentage, 5% say")
	case math.IsNaN(v) || v < 0 || v > 1e4:
		return 0, errors.New("a percentage from 0% to 10000%")
	}
	return v / 100, nil
}

func (a *app) compare(ctx context.Context, c comparison) error {
	change, err := a.changeOf(ctx, c)
	switch {
	case errors.Is(err, analysis.ErrUnlike):
		return coldstart.Hint(fmt.Errorf("comparing: %w", err), "compare runs of one backend, engine and strategy")
	case errors.Is(err, analysis.ErrNotAgainst):
		return coldstart.Hint(fmt.Errorf("comparing: %w", err), "name two runs, or measure with bench local --against")
	case errors.Is(err, analysis.ErrNothing):
		return fmt.Errorf("comparing: %w", err)
	case err != nil:
		return err
	}
	for _, w := range change.Warnings {
		a.warning("%s", w)
	}
	write := render.ChangeText
	if c.json {
		write = render.ChangeJSON
	}
	if err := write(a.Stdout, change); err != nil {
		return fmt.Errorf("printing the comparison: %w", err)
	}
	if err := a.jobSummary(change); err != nil {
		return err
	}
	return a.gate(change)
}

// changeOf reads the runs that are compared and sets one against the other.
func (a *app) changeOf(ctx context.Context, c comparison) (*analysis.Change, error) {
	now, err := a.runOf(ctx, c.new, c.out, nil)
	if err != nil {
		return nil, err
	}
	a.warnOf(c.new, now)
	if c.base == "" {
		return analysis.CompareBefore(now, c.how)
	}
	base, err := a.runOf(ctx, c.base, c.out, &now.Header)
	if err != nil {
		return nil, err
	}
	a.warnOf(c.base, base)
	if c.how.Base = c.base; base.Path != "" {
		c.how.Base = a.relative(base.Path)
	}
	return analysis.Compare(base, now, c.how)
}

// warnOf says what is odd about a run's file.
func (a *app) warnOf(arg string, run *runfile.Run) {
	name := arg
	if run.Path != "" {
		name = a.relative(run.Path)
	}
	for _, w := range run.Warnings {
		a.warning("%s", runfile.WarningIn(name, w))
	}
}

// gate turns the outcome of --fail-over into an exit code.
func (a *app) gate(c *analysis.Change) error {
	if !c.Judged {
		a.hint("--force judges them all the same")
	} else if c.Settle != "" {
		a.hint("%s", c.Settle)
	} else if c.Uncontrolled() {
		a.hint("measure both images in one run, interleaved, or keep a variant that does not change as the control")
	}
	g := c.Gate
	switch {
	case g == nil:
		return nil
	case g.Tripped > 0:
		a.say("%s over the gate of %g%%", plural(g.Tripped, "change"), 100*g.FailOver)
		return errGate
	case g.Judged == 0 && g.Unjudged > 0:
		return errors.New("the gate could not judge anything: see the notes")
	case g.Judged == 0:
		a.note("no image changed: the gate has nothing to judge, and passes")
	case g.Unjudged > 0:
		a.warning("the gate could not judge %s", plural(g.Unjudged, "comparison"))
	}
	return nil
}

// jobSummary appends the comparison to the summary of a GitHub job.
func (a *app) jobSummary(c *analysis.Change) error {
	file := a.getenv("GITHUB_STEP_SUMMARY")
	if file == "" {
		return nil
	}
	var text bytes.Buffer
	if err := render.ChangeMarkdown(&text, c); err != nil {
		return fmt.Errorf("writing the job summary: %w", err)
	}
	f, err := os.OpenFile(absolute(a.Dir, file), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("writing the job summary: %w", err)
	}
	_, err = f.Write(append(text.Bytes(), '\n'))
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing the job summary: %w", err)
	}
	return nil
}

// runOf reads the run that an argument names: a file, the ID of one of the results
// folder, the newest finished one of a folder or of a git revision. Where like is
// given, it is one of the same place and engine, if like has one, and another one
// than like.
func (a *app) runOf(ctx context.Context, arg, out string, like *runfile.Header) (*runfile.Run, error) {
	where := absolute(a.Dir, arg)
	info, err := os.Stat(where)
	switch {
	case err == nil && info.IsDir():
		return a.newestIn(where, like)
	case err == nil:
		return runfile.Open(where)
	case filepath.Ext(arg) == runfile.Ext || !errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("opening run file: %w", err)
	}
	if filepath.Base(arg) == arg {
		byID := filepath.Join(absolute(a.Dir, out), "runs", arg+runfile.Ext)
		if _, err := os.Stat(byID); err == nil {
			return runfile.Open(byID)
		}
	}
	return a.committed(ctx, arg, out, like)
}

// fits reports whether a run is finished and of like's place and engine.
func fits(run *runfile.Run, like *runfile.Header) bool {
	h := run.Header
	if like != nil && (h.Place() != like.Place() || like.Engine != "" && h.Engine != like.Engine || h.ID == like.ID) {
		return false
	}
	return run.End != nil && run.End.Stopped != runfile.StoppedInterrupted
}

func (a *app) newestIn(dir string, like *runfile.Header) (*runfile.Run, error) {
	runs := filepath.Join(dir, "runs")
	if _, err := os.Stat(runs); err != nil {
		runs = dir
	}
	entries, unreadable, err := runfile.Folder(runs)
	if err != nil {
		return nil, err
	}
	for _, w := range unreadable {
		a.warning("%s", w)
	}
	for _, e := range slices.Backward(entries) {
		run, err := runfile.Open(e.Path)
		if err != nil {
			return nil, err
		}
		if fits(run, like) {
			return run, nil
		}
	}
	return nil, fmt.Errorf("no finished run to compare in %s", a.relative(runs))
}

// committed reads the newest finished run of a git revision.
func (a *app) committed(ctx context.Context, revision, out string, like *runfile.Header) (*runfile.Run, error) {
	if strings.HasPrefix(revision, "-") {
		return nil, usagef("%q is no run, folder or git revision", revision)
	}
	git := func(args ...string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Dir, cmd.Env = a.Dir, a.Environ
		return cmd.Output()
	}
	if _, err := git("rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}"); err != nil {
		return nil, fmt.Errorf("%q is no run file or its ID, no folder and no git revision", revision)
	}
	// git takes a path that begins with ./ from here, and not from its top.
	folder, err := filepath.Rel(a.Dir, filepath.Join(absolute(a.Dir, out), "runs"))
	if err != nil {
		return nil, fmt.Errorf("looking for runs in %s: %w", revision, err)
	}
	folder = "./" + filepath.ToSlash(folder)
	names, err := git("ls-tree", "--name-only", "-z", revision, folder+"/")
	if err != nil {
		return nil, fmt.Errorf("listing the runs of %s: %w", revision, err)
	}
	var newest *runfile.Run
	for name := range strings.SplitSeq(strings.TrimRight(string(names), "\x00"), "\x00") {
		if path.Ext(name) != runfile.Ext {
			continue
		}
		text, err := git("show", revision+":./"+name)
		if err != nil {
			return nil, fmt.Errorf("reading %s of %s: %w", name, revision, err)
		}
		run, err := runfile.Read(bytes.NewReader(text))
		if err != nil {
			a.warning("%v", runfile.In(revision+":"+name, err))
			continue
		}
		if fits(run, like) && (newest == nil || run.Header.Started > newest.Header.Started) {
			newest = run
		}
	}
	if newest == nil {
		return nil, fmt.Errorf("no finished run to compare in %s of %s", folder, revision)
	}
	return newest, nil
}
