// Package results is a results folder: the runs in it and how they are named, and
// the pages and pictures that are made of them. It decides which run a name means
// and which runs a page shows. What a page says is left to analysis and render,
// what a run file holds to runfile.
package results

import (
	"path/filepath"
	"slices"

	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/render"
	"coldbench/bench/internal/runfile"
)

// Folder is a results folder: run files in runs/, and the pages made of them.
type Folder struct {
	// Dir is the folder's path and Work that of the working directory, both absolute.
	// Names of runs are paths from Work, and so are the paths in messages.
	Dir, Work string
	// Environ is the environment of git, as KEY=VALUE pairs.
	Environ []string
	// Analyse reports on runs; see analysis.New.
	Analyse func([]analysis.Input) *analysis.Report
	// Note and Warn print a message.
	Note, Warn func(format string, args ...any)
}

// Runs returns the path of the folder of the run files.
func (f Folder) Runs() string { return filepath.Join(f.Dir, "runs") }

// Entries lists the run files from the oldest to the newest, and warns of those
// that can't be read.
func (f Folder) Entries() ([]runfile.Entry, error) { return f.entriesOf(f.Runs()) }

func (f Folder) entriesOf(dir string) ([]runfile.Entry, error) {
	entries, unreadable, err := runfile.Folder(dir)
	for _, w := range unreadable {
		f.Warn("%s", w)
	}
	return entries, err
}

// Relative shortens a path below the working directory for a message.
func (f Folder) Relative(path string) string {
	if short, err := filepath.Rel(f.Work, path); err == nil && filepath.IsLocal(short) {
		return short
	}
	return path
}

// Report reports on runs. It returns their files, too, for a format that embeds
// them.
func (f Folder) Report(inputs []Input) (*analysis.Report, render.Files, error) {
	var list []analysis.Input
	files := render.Files{}
	for _, in := range inputs {
		file, err := in.File.raw()
		if err != nil {
			return nil, nil, err
		}
		list, files[in.Run.Header.ID] = append(list, in.Input), file
	}
	return f.Analyse(list), files, nil
}

// Newest reads the newest finished run of each engine of a place, see
// runfile.Header.Place; of each place if it is empty.
func (f Folder) Newest(place string) ([]Input, error) {
	entries, err := f.Entries()
	if err != nil {
		return nil, err
	}
	return newestOf(entries, place)
}

func newestOf(entries []runfile.Entry, place string) ([]Input, error) {
	type engine struct{ place, engine string }
	seen := map[engine]bool{}
	var inputs []Input
	for _, e := range slices.Backward(entries) {
		key := engine{e.Header.Place(), e.Header.Engine}
		if seen[key] || place != "" && place != e.Header.Place() {
			continue
		}
		file := File{Path: e.Path}
		if ok, err := file.finished(); err != nil {
			return nil, err
		} else if !ok {
			continue
		}
		in, err := file.Input()
		if err != nil {
			return nil, err
		}
		seen[key] = true
		inputs = append(inputs, in)
	}
	return inputs, nil
}
