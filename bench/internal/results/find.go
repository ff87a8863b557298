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
	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runfile"
)

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

// Load finds the run that a name means, see Find, and reads it.
func (f Folder) Load(ctx context.Context, name string, want Want) (File, *runfile.Run, error) {
	file, err := f.Find(ctx, name, want)
	if err != nil {
		return file, nil, err
	}
	run, err := file.Run()
	return file, run, err
}

// Inputs reads the runs that names mean, or the newest of each engine if there is no
// name. No run is an error.
func (f Folder) Inputs(ctx context.Context, names []string) ([]Input, error) {
	if len(names) == 0 {
		inputs, err := f.Newest("")
		if err == nil && len(inputs) == 0 {
			err = advice.Hint(fmt.Errorf("no finished run in %s", f.Relative(f.Runs())), "bench local")
		}
		return inputs, err
	}
	var inputs []Input
	for _, name := range names {
		file, err := f.Find(ctx, name, Want{})
		if err != nil {
			return nil, err
		}
		in, err := file.Input()
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, in)
	}
	return inputs, nil
}

// Compare compares the runs that two names mean; without a base, the images in the
// other run. It warns of what is odd about their files.
func (f Folder) Compare(ctx context.Context, base, now string, how analysis.CompareOptions) (*analysis.Comparison, error) {
	_, run, err := f.loadToCompare(ctx, now, Want{})
	if err != nil {
		return nil, err
	}
	var c *analysis.Comparison
	if base == "" {
		c, err = analysis.CompareBefore(run, how)
	} else {
		file, old, readErr := f.loadToCompare(ctx, base, Like(run.Header))
		if readErr != nil {
			return nil, readErr
		}
		if how.Base = base; file.OnDisk() {
			how.Base = f.Relative(file.Path)
		}
		c, err = analysis.Compare(old, run, how)
	}
	if err == nil {
		return c, nil
	}
	err = fmt.Errorf("comparing: %w", err)
	switch {
	case errors.Is(err, analysis.ErrUnlike):
		err = advice.Hint(err, "compare runs of one backend, engine and strategy")
	case errors.Is(err, analysis.ErrNotAgainst):
		err = advice.Hint(err, "name two runs, or measure with bench local --against")
	}
	return nil, err
}

func (f Folder) loadToCompare(ctx context.Context, name string, want Want) (File, *runfile.Run, error) {
	file, run, err := f.Load(ctx, name, want)
	if err == nil {
		for _, w := range run.Warnings {
			f.Warn("%s", runfile.AnnotateWarning(f.Relative(file.Path), w))
		}
	}
	return file, run, err
}

// Experience reads the newest run of the folder that fits and has samples to go
// by. It is empty if there is none.
func (f Folder) Experience(fits func(runfile.Header) bool) (*plan.Experience, error) {
	entries, _, err := runfile.Folder(f.Runs())
	if err != nil {
		return &plan.Experience{}, err
	}
	for _, e := range slices.Backward(entries) {
		if !fits(e.Header) {
			continue
		}
		x := plan.NewExperience(e.Header.ID, e.Header.Plan.Strategy)
		if _, err := runfile.Scan(e.Path, x.Add); err != nil {
			return &plan.Experience{}, err
		}
		if x.Samples >= 2 {
			return x, nil
		}
	}
	return &plan.Experience{}, nil
}
