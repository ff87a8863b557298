package cli

import (
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
// the page, or after the run's place where base is empty. The newest run's have
// that name as it is, those of further ones their engine's beside it.
func namePictures(r *analysis.Report, base string) {
	used := map[string]bool{}
	for i := range r.Sections {
		s := &r.Sections[i]
		name := base
		if name == "" {
			name = s.Place
		}
		name = fileName(name)
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

// writePictures writes the pictures that a page in a folder links to, and
// removes those of their names that it has no more.
func writePictures(dir string, r *analysis.Report) error {
	for i := range r.Sections {
		s := &r.Sections[i]
		for _, p := range render.Plots() {
			path := filepath.Join(dir, p.File(s))
			if !p.Of(s) {
				if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
					return fmt.Errorf("removing an old picture: %w", err)
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
