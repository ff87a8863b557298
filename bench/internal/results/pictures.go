package results

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/atomicfile"
	"coldbench/bench/internal/render"
)

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

// drawn reports whether each picture of a section is in a folder.
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
