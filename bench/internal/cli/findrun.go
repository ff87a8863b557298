package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/runfile"
)

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
	if path := a.byID(arg, out); path != "" {
		return runfile.Open(path)
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

// noneFits is the error of a place that holds no run that fits.
func noneFits(where string, like *runfile.Header) error {
	if like == nil || like.ID == "" {
		return fmt.Errorf("no finished run to compare in %s", where)
	}
	return fmt.Errorf("no finished run in %s of the place and engine of %s, other than itself", where, like.ID)
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
	return nil, noneFits(a.relative(runs), like)
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
			a.warning("%v", runfile.AnnotateError(revision+":"+name, err))
			continue
		}
		if fits(run, like) && (newest == nil || run.Header.Started > newest.Header.Started) {
			newest = run
		}
	}
	if newest == nil {
		return nil, noneFits(fmt.Sprintf("%s of %s", folder, revision), like)
	}
	return newest, nil
}

// runPath finds the file of a run that is named by its path, or by its ID in the
// results folder.
func (a *app) runPath(arg, out string) (string, error) {
	where := absolute(a.Dir, arg)
	info, err := os.Stat(where)
	switch {
	case err == nil && info.IsDir():
		return "", advice.Hint(fmt.Errorf("%q is a folder, not a run file", arg), "name a file of "+filepath.Join(out, "runs")+", or its ID")
	case err == nil:
		return where, nil
	}
	if path := a.byID(arg, out); path != "" {
		return path, nil
	}
	if filepath.Ext(arg) == runfile.Ext || !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("opening run file: %w", err)
	}
	return "", fmt.Errorf("no run file %q, and no run of that ID in %s", arg, filepath.Join(out, "runs"))
}

// byID is the path of the run of an ID in a results folder; empty where there is
// none.
func (a *app) byID(id, out string) string {
	path := filepath.Join(absolute(a.Dir, out), "runs", id+runfile.Ext)
	if _, err := os.Stat(path); err != nil || filepath.Base(id) != id {
		return ""
	}
	return path
}
