package results

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/atomicfile"
	"coldbench/bench/internal/render"
	"coldbench/bench/internal/runfile"
)

// SummaryName is the page of a results folder that shows local and AWS in one table.
const SummaryName = "summary.md"

// pages are the formats of the pages of a place; the last one, the table, leads to
// the others.
var pages = [...]string{"html", "markdown"}

// Publish writes the pages and pictures that a new run at path changes: those of its
// place, and the summary. It returns the report of that run alone and the path of
// the table.
func (f Folder) Publish(path string) (report *analysis.Report, table string, err error) {
	run, err := File{Path: path}.Input()
	if err != nil {
		return nil, "", err
	}
	// Which files can't be read was said when the run began.
	entries, _, err := runfile.Folder(f.Runs())
	if err != nil {
		return nil, "", err
	}
	place := run.Run.Header.Place()
	all, err := newestOf(entries, place)
	if err != nil {
		return nil, "", err
	}
	shown, table, err := f.WritePages(place, all)
	if err != nil {
		return nil, "", advice.Hint(err, "bench report "+f.Relative(path))
	}
	// A rehearsal is never in the summary.
	if other := map[string]string{"local": "aws", "aws": "local"}[place]; other != "" {
		// The run is published even if runs of the other place can't be read.
		if err := f.summarize(shown, entries, other); err != nil {
			f.Warn("%s is unchanged: %v", SummaryName, err)
		}
	}
	report, _, err = f.Report([]Input{run})
	return report, table, err
}

func (f Folder) summarize(r *analysis.Report, entries []runfile.Entry, place string) error {
	inputs, err := newestOf(entries, place)
	if err != nil {
		return err
	}
	more, _, err := f.Report(inputs)
	if err != nil {
		return err
	}
	r.Sections = append(r.Sections, more.Sections...)
	return f.WriteSummary(r)
}

// WriteSummary writes the summary of a report of the newest runs.
func (f Folder) WriteSummary(r *analysis.Report) error {
	format, _ := render.Lookup("summary")
	path := filepath.Join(f.Dir, SummaryName)
	if err := writeReport(path, r, format); err != nil {
		return err
	}
	f.Note("wrote %s", f.Relative(path))
	return nil
}

// WritePages writes the pages and pictures of a place, and returns their report and
// the path of the table.
func (f Folder) WritePages(place string, inputs []Input) (report *analysis.Report, table string, err error) {
	report, files, err := f.Report(inputs)
	if err != nil {
		return nil, "", err
	}
	namePictures(report, place)
	// The pictures first: a page never links to one that is missing.
	if err := writePictures(f.Dir, report); err != nil {
		return nil, "", err
	}
	for _, name := range pages {
		format, _ := render.Lookup(name)
		table = filepath.Join(f.Dir, place+format.Ext)
		if err := writeReport(table, report, format.With(files)); err != nil {
			return nil, "", err
		}
	}
	return report, table, nil
}

// WriteReport writes a report to a file, and the pictures that a markdown page links
// to beside it.
func WriteReport(path string, r *analysis.Report, format render.Format) error {
	namePictures(r, strings.TrimSuffix(filepath.Base(path), format.Ext))
	if format.Name == "markdown" {
		if err := writePictures(filepath.Dir(path), r); err != nil {
			return err
		}
	}
	return writeReport(path, r, format)
}

func writeReport(path string, r *analysis.Report, format render.Format) error {
	return atomicfile.Write(path, 0o644, func(w io.Writer) error { return format.Write(w, r) })
}

// namePictures sets the names of the picture files of each section: BASE-ENGINE,
// or BASE for a section without an engine. Further sections of one engine get a
// number.
func namePictures(r *analysis.Report, base string) {
	used := map[string]bool{}
	for i := range r.Sections {
		s := &r.Sections[i]
		name := pictureName(base, s)
		for n, plain := 2, name; used[name]; n++ {
			name = fmt.Sprintf("%s-%d", plain, n)
		}
		used[name] = true
		s.Pictures = name
	}
}

func pictureName(base string, s *analysis.Section) string {
	if s.Engine == "" {
		return fileName(base)
	}
	return fileName(base + "-" + s.Engine)
}

// LinkPictures names the pictures of the folder in the sections that they are of, so
// that a markdown page of r is the folder's page again. A section whose pictures are
// missing, or show another run, links to none.
func (f Folder) LinkPictures(r *analysis.Report) error {
	for i := range r.Sections {
		s := &r.Sections[i]
		s.Pictures = pictureName(s.Place, s)
		there, err := drawn(f.Dir, s)
		if err != nil {
			return err
		}
		if !there {
			s.Pictures = ""
		}
	}
	return nil
}

func drawn(dir string, s *analysis.Section) (bool, error) {
	for _, p := range render.Plots() {
		if !p.Of(s) {
			continue
		}
		var want bytes.Buffer
		if err := p.Picture(&want, s); err != nil {
			return false, fmt.Errorf("drawing %s: %w", p.File(s), err)
		}
		if have, err := os.ReadFile(filepath.Join(dir, p.File(s))); err != nil || !bytes.Equal(have, want.Bytes()) {
			return false, nil
		}
	}
	return true, nil
}

// fileName replaces what may not be in the name of a file: a run file may come from
// a stranger.
func fileName(word string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, word)
}

// writePictures writes the pictures of a page into a folder. It removes an old one
// that its section no longer has, and touches no picture of another section.
func writePictures(dir string, r *analysis.Report) error {
	for i := range r.Sections {
		s := &r.Sections[i]
		for _, p := range render.Plots() {
			path := filepath.Join(dir, p.File(s))
			if p.Of(s) {
				if err := atomicfile.Write(path, 0o644, func(w io.Writer) error { return p.Picture(w, s) }); err != nil {
					return err
				}
			} else if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("removing an old picture: %w", err)
			}
		}
	}
	return nil
}
