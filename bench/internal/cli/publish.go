package cli

import (
	"path/filepath"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/render"
	"coldbench/bench/internal/runfile"
)

// publish writes the pages and pictures of the folder that holds the run at path,
// and shows the run on stdout.
func (a *app) publish(out, path string, asJSON bool) error {
	run, err := a.input(path)
	if err != nil {
		return err
	}
	place := run.Run.Header.Place()
	// Which files can't be read was said when the run began.
	entries, _, err := runfile.Folder(filepath.Join(out, "runs"))
	if err != nil {
		return err
	}
	all, err := a.newestOf(entries, place)
	if err != nil {
		return err
	}
	report, table, err := a.pages(out, place, all)
	if err != nil {
		return advice.Hint(err, "bench report "+a.relative(path))
	}
	if other := beside(place); other != "" {
		// The run is published whatever is the matter with runs of another place.
		more, err := a.newestOf(entries, other)
		if err == nil {
			report.Sections = append(report.Sections, a.analyse(more).Sections...)
			err = a.writeSummary(out, report)
		}
		if err != nil {
			a.warning("%s is as it was: %v", summaryName, err)
		}
	}
	name := "text"
	if asJSON {
		name = "json"
	}
	shown, _ := render.Lookup(name)
	if err := a.show(shown, a.analyse([]analysis.Input{run})); err != nil {
		return err
	}
	a.note("wrote %s", a.relative(table))
	return nil
}

// summaryName is the page that holds local and AWS in one table.
const summaryName = "summary.md"

// beside is the place that a place is shown beside in the summary; empty for a
// rehearsal, which is never in it.
func beside(place string) string {
	switch place {
	case "local":
		return "aws"
	case "aws":
		return "local"
	}
	return ""
}

// writeSummary writes the summary of a report into a folder.
func (a *app) writeSummary(dir string, r *analysis.Report) error {
	f, _ := render.Lookup("summary")
	path := filepath.Join(dir, summaryName)
	if err := writeFile(path, r, f); err != nil {
		return err
	}
	a.note("wrote %s", a.relative(path))
	return nil
}

// pages writes the pages and pictures of a place into a folder, and returns the
// report and the path of the table, which leads to the others.
func (a *app) pages(dir, place string, inputs []analysis.Input) (report *analysis.Report, table string, err error) {
	report = a.analyse(inputs)
	namePictures(report, place)
	if err := attach(report, inputs); err != nil {
		return nil, "", err
	}
	// The pictures first: a page never links to what is not there.
	if err := writePictures(dir, report); err != nil {
		return nil, "", err
	}
	for _, name := range published {
		f, _ := render.Lookup(name)
		table = filepath.Join(dir, place+f.Ext)
		if err := writeFile(table, report, f); err != nil {
			return nil, "", err
		}
	}
	return report, table, nil
}

// published are the formats of the pages that a run writes; the table, which the
// others lead to, is the last.
var published = [...]string{"html", "markdown"}
