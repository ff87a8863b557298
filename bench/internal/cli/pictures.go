package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/render"
)

// namePictures says in each section what its picture files are called: after
// the page base. The newest run's have that name as it is, those of further ones
// their engine's beside it.
func namePictures(r *analysis.Report, base string) {
	used := map[string]bool{}
	for i := range r.Sections {
		s := &r.Sections[i]
		name := fileName(base)
		if used[name] {
			name += "-" + fileName(s.Engine)
		}
		for n, plain := 2, name; used[name]; n++ {
			name = fmt.Sprintf("%s-%d", plain, n)
		}
		used[name] = true
		s.Pictures = name
	}
}

// linkPictures names the pictures of a results folder in the sections that they
// are of, so that the text is the folder's page again. A section whose pictures
// are not there, or show another run, links to none.
func linkPictures(dir string, r *analysis.Report) error {
	for i := range r.Sections {
		s := &r.Sections[i]
		for _, name := range []string{s.Place, s.Place + "-" + s.Engine} {
			s.Pictures = fileName(name)
			there, err := drawn(dir, s)
			if err != nil {
				return err
			}
			if there {
				break
			}
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

// fileName keeps of a word what may be in the name of a file: a run file may be
// a stranger's.
func fileName(word string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, word)
}

// writePictures writes the pictures that a page of a name in a folder links to,
// and removes those of their names that it has no more: of a plot that there is
// nothing to draw for, and of an engine that was not the newest one before.
func writePictures(dir, base string, r *analysis.Report) error {
	used := map[string]bool{}
	for _, s := range r.Sections {
		used[s.Pictures] = true
	}
	for i := range r.Sections {
		s := &r.Sections[i]
		before := *s
		before.Pictures = fileName(base) + "-" + fileName(s.Engine)
		for _, p := range render.Plots() {
			if !used[before.Pictures] {
				if err := removePicture(filepath.Join(dir, p.File(&before))); err != nil {
					return err
				}
			}
			path := filepath.Join(dir, p.File(s))
			if !p.Of(s) {
				if err := removePicture(path); err != nil {
					return err
				}
				continue
			}
			if err := writeWhole(path, func(w io.Writer) error { return p.Picture(w, s) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// removePicture removes an old picture, where there is one.
func removePicture(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing an old picture: %w", err)
	}
	return nil
}
