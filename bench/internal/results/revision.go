package results

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"coldbench/bench/internal/runfile"
)

type revision struct {
	ctx     context.Context
	name    string
	dir     string // the working directory
	environ []string
}

func (r *revision) git(args ...string) ([]byte, error) {
	cmd := exec.CommandContext(r.ctx, "git", args...)
	cmd.Dir, cmd.Env = r.dir, r.environ
	return cmd.Output()
}

func (r *revision) exists() bool {
	_, err := r.git("rev-parse", "--verify", "--quiet", "--end-of-options", r.name+"^{commit}")
	return err == nil
}

// entries lists the run files of a folder from the oldest to the newest, with paths
// as in File. It returns a warning for each that can't be read.
func (r *revision) entries(folder string) (entries []runfile.Entry, warnings []string, err error) {
	names, err := r.git("ls-tree", "--name-only", "-z", r.name, folder+"/")
	if err != nil {
		return nil, nil, fmt.Errorf("listing the runs of %s: %w", r.name, err)
	}
	for name := range strings.SplitSeq(string(names), "\x00") {
		if filepath.Ext(name) != runfile.Ext {
			continue
		}
		path := r.name + ":" + name
		text, err := r.open(path)
		if err != nil {
			return nil, nil, err
		}
		h, err := runfile.ReadHeader(text)
		if err != nil {
			warnings = append(warnings, runfile.AnnotateError(path, err).Error())
			continue
		}
		entries = append(entries, runfile.Entry{Path: path, Header: h})
	}
	slices.SortStableFunc(entries, func(a, b runfile.Entry) int { return cmp.Compare(a.Header.Started, b.Header.Started) })
	return entries, warnings, nil
}

type blob struct{ *bytes.Reader }

func (blob) Close() error { return nil }

// open reads a file of the revision by its path as in File.
func (r *revision) open(path string) (io.ReadSeekCloser, error) {
	// git takes a path that begins with ./ from here, and any other from its top.
	object := r.name + ":./" + strings.TrimPrefix(path, r.name+":")
	text, err := r.git("show", object)
	if err == nil {
		return blob{bytes.NewReader(text)}, nil
	}
	if _, missing := r.git("cat-file", "-e", object); missing != nil {
		err = fs.ErrNotExist
	}
	return nil, fmt.Errorf("reading %s: %w", path, err)
}
