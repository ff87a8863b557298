package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/price"
	"coldbench/bench/internal/render"
	"coldbench/bench/internal/results"
)

const namesOfRuns = `RUN is, in this order: the path of a run file or of a folder (its newest finished
run), the ID of a run of the results folder, latest (the newest finished run,
without rehearsals), previous (the one before it of the same backend and
engine), or a git revision (the newest finished run committed there).`

type reportOptions struct {
	runs                      []string
	format, plot, output, out string
}

func (a *app) reportCommand() *cobra.Command {
	var o reportOptions
	cmd := &cobra.Command{
		Use:   "report [RUN]...",
		Short: "Render run files again",
		Long: `Render runs, the newest first. Without RUN, the newest finished run of each backend
and engine, as results/*.md holds it: the report of a run is a function of its
file and of the run that it names as its reference. --format summary is
results/summary.md: Billed Duration of the newest local run and of the newest run
on AWS, side by side.

` + namesOfRuns + `

Runs given together that measured the same - the same configs, images, plan and
host - are sessions of one section: from three on, intervals hold what differs
from session to session, too. Each other run is a section of its own, which
says what kept it apart.`,
		Example: `  bench report
  bench report --format markdown 20261124T080550Z-local-docker
  bench report HEAD~1
  bench report results/runs/monday.jsonl results/runs/tuesday.jsonl results/runs/friday.jsonl
  bench report --format json -o report.json
  bench report --format html -o report.html
  bench report --format svg --plot ecdf -o ecdf.svg`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.runs = args
			return a.report(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.format, "format", "text", formatNames())
	cmd.Flags().StringVar(&o.plot, "plot", "", "one plot in place of all, with --format svg: "+plotNames())
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "file to write (default the standard output)")
	cmd.Flags().StringVar(&o.out, "out", "results", "results folder")
	a.pricing.register(cmd.Flags())
	return cmd
}

func formatNames() string {
	return joinNames(render.Formats(), func(f render.Format) string { return f.Name })
}

func plotNames() string {
	return joinNames(render.Plots(), func(p render.Plot) string { return p.Name })
}

func joinNames[T any](list []T, name func(T) string) string {
	var names []string
	for _, v := range list {
		names = append(names, name(v))
	}
	return strings.Join(names, ", ")
}

func (o reportOptions) chosenFormat() (render.Format, error) {
	f, ok := render.Lookup(o.format)
	if !ok {
		return f, usagef("--format %q: must be one of %s", o.format, formatNames())
	}
	if o.plot == "" {
		return f, nil
	}
	p, ok := render.PlotNamed(o.plot)
	switch {
	case !ok:
		return f, usagef("--plot %q: must be one of %s", o.plot, plotNames())
	case f.Name != "svg":
		return f, usagef("--plot requires --format svg")
	}
	return p.Only(), nil
}

func (a *app) report(ctx context.Context, o reportOptions) error {
	f, err := o.chosenFormat()
	if err != nil {
		return err
	}
	if o.out == "" {
		return usagef("--out must not be empty")
	}
	if err := a.pricing.check(a.Dir); err != nil {
		return err
	}
	folder := a.results(o.out)
	inputs, err := folder.Inputs(ctx, o.runs)
	if err != nil {
		return err
	}
	report, files, err := folder.Report(inputs)
	if err != nil {
		return err
	}
	f = f.With(files)
	if o.output == "" {
		if f.Name == "markdown" {
			if err := folder.LinkPictures(report); err != nil {
				return err
			}
		}
		return a.show(f, report)
	}
	output := absolute(a.Dir, o.output)
	if err := results.WriteReport(output, report, f); err != nil {
		return err
	}
	// The tables of a folder are renewed together.
	if len(o.runs) == 0 && f.Name == "markdown" && filepath.Dir(output) == filepath.Clean(folder.Dir) {
		return folder.WriteSummary(report)
	}
	return nil
}

func (a *app) results(out string) results.Folder {
	return results.Folder{
		Dir: absolute(a.Dir, out), Work: a.Dir, Environ: a.Environ, Analyse: a.analyse,
		Note: a.note, Warn: a.warning,
	}
}

// show writes a report to stdout. A terminal gets colours, unless it or its user
// has none (https://no-color.org).
func (a *app) show(f render.Format, r *analysis.Report) error {
	write := f.Write
	if f.Name == "text" && a.StdoutIsTerminal && a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb" {
		write = render.Coloured
	}
	if err := write(a.Stdout, r); err != nil {
		return fmt.Errorf("printing the report: %w", err)
	}
	return nil
}

func (a *app) publish(folder results.Folder, path string, asJSON bool) error {
	report, table, err := folder.Publish(path)
	if err != nil {
		return err
	}
	name := "text"
	if asJSON {
		name = "json"
	}
	f, _ := render.Lookup(name)
	if err := a.show(f, report); err != nil {
		return err
	}
	a.note("wrote %s", folder.Relative(table))
	return nil
}

type pricing struct {
	region, file string
	// table is the one of --prices, or the one that is built in; set by check.
	table *price.Table
}

func (p *pricing) register(s *pflag.FlagSet) {
	s.StringVar(&p.region, "price-region", "", "region whose prices are shown (default where a run on AWS ran, else "+price.DefaultRegion+")")
	s.StringVar(&p.file, "prices", "", "JSON file of prices in place of the table that is built in")
}

func (p *pricing) check(dir string) error {
	p.table = price.Default()
	if p.file != "" {
		var err error
		if p.table, err = price.Load(absolute(dir, p.file)); err != nil {
			return usagef("--prices: %w", err)
		}
	}
	if names := p.table.Names(); p.region != "" && !slices.Contains(names, p.region) {
		return usagef("--price-region %q: known are %s; --prices FILE knows others", p.region, strings.Join(names, ", "))
	}
	return nil
}

func (a *app) analyse(inputs []analysis.Input) *analysis.Report {
	r := analysis.New(inputs)
	r.Price(a.pricing.table, a.pricing.region)
	return r
}
