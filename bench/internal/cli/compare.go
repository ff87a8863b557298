package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/render"
)

type comparison struct {
	base, new string // base is empty where new has images of another run
	out       string
	how       analysis.CompareOptions
	json      bool
}

func (a *app) compareCommand() *cobra.Command {
	var c comparison
	var failOver string
	cmd := &cobra.Command{
		Use:   "compare [BASE] NEW",
		Short: "Compare two runs: what changed, and is it more than noise?",
		Long: `Compare two runs config by config. BASE is another run than NEW, of the same
backend and engine: with the same folder for both, it is the one before.

` + namesOfRuns + `

Runs taken apart differ by what the host did meanwhile, too. Configs whose image
is the same in both are the control: their change is printed as the host's
drift, and a changed image gets a verdict only on what lies beyond it. An image is
the same if its files and configuration are, apart from file times and labels;
another entrypoint, command, working directory or environment in the compose file
is a change.

Without BASE, NEW is a run of bench local --against: it holds the images of both,
measured in turns, and needs no control.

--fail-over 5% ends with exit code 3 where the interval of a change, one that
holds for all comparisons together, lies wholly beyond 5 %. Where no image
changed there is nothing to judge, and it passes; that something changed and
none of it could be judged is an error, exit code 1, and not a pass.`,
		Example: `  bench compare results/runs/A.jsonl results/runs/B.jsonl
  bench compare previous latest
  bench compare HEAD~1 latest --fail-over 5%
  bench local --against HEAD~1 && bench compare results --fail-over 5%`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if c.new = args[len(args)-1]; len(args) == 2 {
				c.base = args[0]
			}
			if cmd.Flags().Changed("fail-over") {
				share, err := plan.Share(failOver)
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
	cmd.Flags().StringVar(&c.out, "out", "results", "results folder")
	return cmd
}

func (a *app) compare(ctx context.Context, c comparison) error {
	change, err := a.results(c.out).Compare(ctx, c.base, c.new, c.how)
	if err != nil {
		return err
	}
	a.warnings(change.Warnings)
	write := render.ComparisonText
	if c.json {
		write = render.ComparisonJSON
	}
	if err := write(a.Stdout, change); err != nil {
		return fmt.Errorf("printing the comparison: %w", err)
	}
	if err := a.jobSummary(change); err != nil {
		return err
	}
	return a.gate(change)
}

func (a *app) gate(c *analysis.Comparison) error {
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
		a.say("%s over the gate of %g%%", plan.Plural(g.Tripped, "change"), 100*g.FailOver)
		return errIncomplete
	case g.Judged == 0 && g.Unjudged > 0:
		return errors.New("the gate could not judge anything: see the notes")
	case g.Judged == 0:
		a.note("no image changed: the gate has nothing to judge, and passes")
	case g.Unjudged > 0:
		a.warning("the gate could not judge %s", plan.Plural(g.Unjudged, "comparison"))
	}
	return nil
}

// jobSummary appends the comparison to the summary of a GitHub job.
func (a *app) jobSummary(c *analysis.Comparison) error {
	file := a.getenv("GITHUB_STEP_SUMMARY")
	if file == "" {
		return nil
	}
	f, err := os.OpenFile(absolute(a.Dir, file), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		if err = render.ComparisonMarkdown(f, c); err == nil {
			_, err = fmt.Fprintln(f) // what follows is a paragraph of its own
		}
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fmt.Errorf("writing the job summary: %w", err)
	}
	return nil
}
