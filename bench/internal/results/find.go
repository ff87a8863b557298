package results

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/runfile"
)

// The names of runs of a folder that are no path, ID or git revision.
const (
	latest   = "latest"
	previous = "previous"
)

// Want narrows what a name can mean that fits several runs: a folder, latest,
// previous, a git revision. The zero value takes any run.
type Want struct {
	// Place and Engine are those of the run; empty for any.
	Place, Engine string
	// Not is the ID of a run that is not meant.
	Not string
}

// Like wants another run of the place and engine of h.
func Like(h runfile.Header) Want { return Want{h.Place(), h.Engine, h.ID} }

func (w Want) fits(h runfile.Header) bool {
	return (w.Place == "" || h.Place() == w.Place) && (w.Engine == "" || h.Engine == w.Engine) && (w.Not == "" || h.ID != w.Not)
}

// Find finds the run that a name means. A name is, in this order:
//
//   - a path: of a run file, or of a folder, which means its newest finished run,
//   - the ID of a run of this folder,
//   - latest: the newest finished run of this folder, rehearsals excluded,
//   - previous: the finished run before that one, of the same place and engine,
//   - a git revision: the newest finished run of this folder in it.
func (f Folder) Find(ctx context.Context, name string, want Want) (File, error) {
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(f.Work, name)
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		runs := filepath.Join(path, "runs")
		if _, err := os.Stat(runs); err != nil {
			runs = path
		}
		entries, err := f.entriesOf(runs)
		if err != nil {
			return File{}, err
		}
		return f.newest(entries, nil, f.Relative(runs), want)
	case err == nil:
		return File{Path: path}, nil
	case filepath.Ext(name) == runfile.Ext || !errors.Is(err, os.ErrNotExist):
		return File{}, fmt.Errorf("opening run file: %w", err)
	}
	byID := filepath.Join(f.Runs(), name+runfile.Ext)
	if _, err := os.Stat(byID); err == nil && filepath.Base(name) == name {
		return File{Path: byID}, nil
	}
	if name == latest || name == previous {
		return f.recent(name, want)
	}
	return f.committed(ctx, name, want)
}

func (f Folder) recent(name string, want Want) (File, error) {
	entries, err := f.Entries()
	if err != nil {
		return File{}, err
	}
	where := f.Relative(f.Runs())
	entries = slices.DeleteFunc(entries, func(e runfile.Entry) bool { return e.Header.Rehearsal != "" })
	if name == previous {
		other := want.Not
		want.Not = ""
		last, err := f.newest(entries, nil, where, want)
		if err != nil {
			return File{}, err
		}
		i := slices.IndexFunc(entries, func(e runfile.Entry) bool { return e.Path == last.Path })
		entries, want = entries[:i], Like(entries[i].Header)
		if other != "" {
			want.Not = other
		}
	}
	return f.newest(entries, nil, where, want)
}

func (f Folder) committed(ctx context.Context, name string, want Want) (File, error) {
	where := f.Relative(f.Runs())
	if strings.HasPrefix(name, "-") {
		return File{}, advice.Usage(fmt.Errorf("%q: not a run, folder or git revision", name))
	}
	at := &revision{ctx: ctx, name: name, dir: f.Work, environ: f.Environ}
	if !at.exists() {
		return File{}, advice.Hint(
			fmt.Errorf("no run %q: it is no file or folder, no ID of a run in %s, and no git revision", name, where),
			"name one of these, or "+latest+" or "+previous)
	}
	folder, err := filepath.Rel(f.Work, f.Runs())
	if err != nil {
		return File{}, fmt.Errorf("looking for runs in %s: %w", name, err)
	}
	folder = "./" + filepath.ToSlash(folder)
	entries, unreadable, err := at.entries(folder)
	if err != nil {
		return File{}, err
	}
	for _, w := range unreadable {
		f.Warn("%s", w)
	}
	return f.newest(entries, at, folder+" of "+name, want)
}

// newest returns the newest finished run that is wanted. where names the place of
// the runs in the error.
func (f Folder) newest(entries []runfile.Entry, at *revision, where string, want Want) (File, error) {
	unfinished := ""
	for _, e := range slices.Backward(entries) {
		if !want.fits(e.Header) {
			continue
		}
		file := File{Path: e.Path, at: at}
		if ok, err := file.finished(); ok || err != nil {
			return file, err
		}
		if unfinished == "" {
			unfinished = f.Relative(e.Path)
		}
	}
	return File{}, none(where, unfinished, at == nil, want)
}

// none is the error of a place without a finished run that is wanted.
func none(where, unfinished string, onDisk bool, want Want) error {
	err := fmt.Errorf("no finished run in %s", where)
	switch kind := strings.TrimSpace(want.Place + " " + want.Engine); {
	case want.Not != "":
		err = fmt.Errorf("%w of the place and engine of %s, other than itself", err, want.Not)
	case kind != "":
		err = fmt.Errorf("no finished %s run in %s", kind, where)
	}
	switch {
	case unfinished != "" && onDisk:
		return advice.Hint(err, "name the unfinished run itself: "+unfinished)
	case want.Not == "" && onDisk:
		return advice.Hint(err, "bench local")
	}
	return err
}
