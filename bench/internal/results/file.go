package results

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/render"
	"coldbench/bench/internal/runfile"
)

// File is a run file on disk or in a git revision.
type File struct {
	// Path is the file's; REVISION:PATH for one of a git revision.
	Path string
	// at is the git revision that holds the file; nil for a file on disk.
	at *revision
}

// OnDisk reports whether the file is on disk, and not only in a git revision.
func (f File) OnDisk() bool { return f.at == nil }

// open fails with an error that wraps fs.ErrNotExist if there is no such file.
func (f File) open() (io.ReadSeekCloser, error) {
	if f.at != nil {
		return f.at.open(f.Path)
	}
	r, err := os.Open(f.Path)
	if err != nil {
		return nil, fmt.Errorf("opening run file: %w", err)
	}
	return r, nil
}

// Run reads the run with all that its samples hold.
func (f File) Run() (*runfile.Run, error) { return f.scan(nil) }

// Input is a run to report on and its file.
type Input struct {
	analysis.Input
	File File
}

// Input reads the run, and the one beside it that it names as its reference.
func (f File) Input() (Input, error) {
	in := Input{File: f}
	in.Samples = new(analysis.Samples)
	var err error
	if in.Run, err = f.scan(in.Samples.Add); err != nil {
		return Input{}, err
	}
	id := in.Run.Header.Reference
	if id == "" || !filepath.IsLocal(id) {
		return in, nil
	}
	in.ReferenceSamples = new(analysis.Samples)
	in.Reference, err = f.beside(id + runfile.Ext).scan(in.ReferenceSamples.Add)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Input{}, fmt.Errorf("reading the reference run: %w", err)
	}
	return in, nil
}

func (f File) beside(name string) File {
	return File{Path: f.Path[:len(f.Path)-len(filepath.Base(f.Path))] + name, at: f.at}
}

// scan reads the run and hands over its samples, or keeps them in the run if each
// is nil.
func (f File) scan(each func(*coldstart.Sample)) (*runfile.Run, error) {
	r, err := f.open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	run, err := runfile.ScanFrom(r, each)
	if err != nil {
		return nil, runfile.AnnotateError(f.Path, err)
	}
	run.Path = f.Path
	return run, nil
}

func (f File) raw() (render.RunFile, error) {
	r, err := f.open()
	if err != nil {
		return render.RunFile{}, err
	}
	defer r.Close()
	size, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return render.RunFile{}, fmt.Errorf("reading run file: %w", err)
	}
	return render.RunFile{
		Name: path.Base(filepath.ToSlash(f.Path)), Size: size,
		Open: func() (io.ReadCloser, error) { return f.open() },
	}, nil
}

func (f File) finished() (bool, error) {
	r, err := f.open()
	if err != nil {
		return false, err
	}
	defer r.Close()
	end, err := runfile.ReadEnd(r)
	if err != nil {
		return false, runfile.AnnotateError(f.Path, err)
	}
	return end != nil && end.Stopped != runfile.StoppedInterrupted, nil
}
