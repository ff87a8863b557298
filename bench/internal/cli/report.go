package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/render"
	"coldbench/bench/internal/runfile"
)

func (a *app) reportCommand() *cobra.Command {
	var format, output, out, plot string
	cmd := &cobra.Command{
		Use:   "report [RUN]...",
		Short: "Render run files again",
		Long: `Render runs, the newest first. RUN is a run file or the ID of one of the results
folder. Without RUN the newest finished run of each backend and engine is taken,
as results/*.md holds it: the report of a run is a function of its file and of
the run that it names as previous. --format summary is results/summary.md: Billed Duration of
the newest local run and of the newest run on AWS, side by side.

Runs given together that measured the same - the same configs, images, plan and
host - are sessions of one section: from three on, intervals hold what differs
from session to session, too. Each other run is a section of its own, which
says what kept it apart.`,
		Example: `  bench report
  bench report --format markdown 20261124T080550Z-local-docker
  bench report results/runs/monday.jsonl results/runs/tuesday.jsonl results/runs/friday.jsonl
  bench report --format json -o report.json
  bench report --format html -o report.html
  bench report --format svg --plot ecdf -o ecdf.svg`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.report(args, format, plot, output, out)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", strings.Join(formatNames(), ", "))
	cmd.Flags().StringVar(&plot, "plot", "", "one plot in place of all, with --format svg: "+strings.Join(plotNames(), ", "))
	cmd.Flags().StringVarP(&output, "output", "o", "", "file to write (default the standard output)")
	cmd.Flags().StringVar(&out, "out", "results", "folder whose runs are taken without RUN")
	a.pricing.register(cmd.Flags())
	return cmd
}

func formatNames() []string {
	var names []string
	for _, f := range render.Formats() {
		names = append(names, f.Name)
	}
	return names
}

func plotNames() []string {
	var names []string
	for _, p := range render.Plots() {
		names = append(names, p.Name)
	}
	return names
}

func (a *app) report(args []string, format, plot, output, out string) error {
	f, ok := render.Lookup(format)
	if !ok {
		return usagef("--format %q: must be one of %s", format, strings.Join(formatNames(), ", "))
	}
	if plot != "" {
		p, ok := render.PlotNamed(plot)
		switch {
		case !ok:
			return usagef("--plot %q: must be one of %s", plot, strings.Join(plotNames(), ", "))
		case f.Name != "svg":
			return usagef("--plot requires --format svg")
		}
		f = p.Only()
	}
	if out == "" {
		return usagef("--out must not be empty")
	}
	if err := a.pricing.check(a.Dir); err != nil {
		return err
	}
	var inputs []analysis.Input
	for _, arg := range args {
		path, err := a.runPath(arg, out)
		if err != nil {
			return err
		}
		in, err := a.input(path)
		if err != nil {
			return err
		}
		inputs = append(inputs, in)
	}
	if len(args) == 0 {
		var err error
		if inputs, err = a.newest(filepath.Join(absolute(a.Dir, out), "runs"), ""); err != nil {
			return err
		}
		if len(inputs) == 0 {
			return advice.Hint(fmt.Errorf("no finished run in %s", filepath.Join(out, "runs")), "bench local")
		}
	}
	report := a.analyse(inputs)
	if f.Name == "html" {
		if err := attach(report, inputs); err != nil {
			return err
		}
	}
	if output == "" {
		if f.Name == "markdown" {
			if err := linkPictures(absolute(a.Dir, out), report); err != nil {
				return err
			}
		}
		return a.show(f, report)
	}
	output = absolute(a.Dir, output)
	base := strings.TrimSuffix(filepath.Base(output), f.Ext)
	namePictures(report, base)
	if f.Name == "markdown" {
		if err := writePictures(filepath.Dir(output), report); err != nil {
			return err
		}
	}
	if err := writeFile(output, report, f); err != nil {
		return err
	}
	// The tables of a folder are renewed together.
	if dir := absolute(a.Dir, out); len(args) == 0 && f.Name == "markdown" && filepath.Dir(output) == filepath.Clean(dir) {
		return a.writeSummary(dir, report)
	}
	return nil
}

// attach adds to each section its run files.
func attach(r *analysis.Report, inputs []analysis.Input) error {
	paths := map[string]string{}
	for _, in := range inputs {
		if in.Run != nil && in.Run.Path != "" {
			paths[in.Run.Header.ID] = in.Run.Path
		}
	}
	for i := range r.Sections {
		s := &r.Sections[i]
		s.Raw = nil
		for _, id := range s.Runs() {
			path, ok := paths[id]
			if !ok {
				continue
			}
			st, err := os.Stat(path)
			if err != nil {
				return fmt.Errorf("reading run file: %w", err)
			}
			s.Raw = append(s.Raw, analysis.RunFile{Name: filepath.Base(path), Size: st.Size(), Open: func() (io.ReadCloser, error) { return os.Open(path) }})
		}
	}
	return nil
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

// newest reads the newest finished run of each engine in a folder of runs, and
// of each place (see runfile.Header.Place) where place is empty. A run that was
// interrupted is not finished: it is reported on when it is asked for.
func (a *app) newest(runs, place string) ([]analysis.Input, error) {
	entries, unreadable, err := runfile.Folder(runs)
	if err != nil {
		return nil, err
	}
	for _, w := range unreadable {
		a.warning("%s", w)
	}
	return a.newestOf(entries, place)
}

// newestOf is newest of the run files that a folder was found to hold.
func (a *app) newestOf(entries []runfile.Entry, place string) ([]analysis.Input, error) {
	type engine struct{ place, engine string }
	seen := map[engine]bool{}
	var inputs []analysis.Input
	for _, e := range slices.Backward(entries) {
		key := engine{e.Header.Place(), e.Header.Engine}
		if seen[key] || (place != "" && place != e.Header.Place()) {
			continue
		}
		in, err := a.input(e.Path)
		if err != nil {
			return nil, err
		}
		if end := in.Run.End; end == nil || end.Stopped == runfile.StoppedInterrupted {
			continue
		}
		seen[key] = true
		inputs = append(inputs, in)
	}
	return inputs, nil
}

// input reads a run file, and the run beside it that it names as previous.
func (a *app) input(path string) (analysis.Input, error) {
	in := analysis.Input{Samples: new(analysis.Samples)}
	run, err := runfile.Scan(path, in.Samples.Add)
	if err != nil {
		return analysis.Input{}, err
	}
	in.Run = run
	if id := run.Header.Reference; id != "" && filepath.IsLocal(id) {
		in.ReferenceSamples = new(analysis.Samples)
		previous, err := runfile.Scan(filepath.Join(filepath.Dir(path), id+runfile.Ext), in.ReferenceSamples.Add)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return analysis.Input{}, fmt.Errorf("reading the previous run: %w", err)
		}
		in.Reference = previous
	}
	return in, nil
}

// writeFile replaces a file with a report, whole or not at all.
func writeFile(path string, r *analysis.Report, f render.Format) error {
	return writeWhole(path, func(w io.Writer) error { return f.Write(w, r) })
}
