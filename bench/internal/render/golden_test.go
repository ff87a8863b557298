package render_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/render"
)

var update = flag.Bool("update", false, "rewrite the golden files, and compare with them")

func TestGolden(t *testing.T) {
	all := reports()
	if len(all) == 0 {
		t.Fatal("no reports")
	}
	files := map[string]bool{}
	for name, inputs := range all {
		for _, f := range render.Formats() {
			path := filepath.Join("testdata", name+f.Ext)
			files[path] = true
			t.Run(name+"/"+f.Name, func(t *testing.T) {
				var got bytes.Buffer
				if err := f.Write(&got, analysis.New(inputs)); err != nil {
					t.Fatal(err)
				}
				if *update {
					if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got.Bytes(), want) {
					t.Errorf("%s differs; -update rewrites it\ngot:\n%s", path, got.Bytes())
				}
			})
		}
	}
	left, err := filepath.Glob("testdata/*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range left {
		if !files[path] {
			t.Errorf("%s belongs to no report", path)
		}
	}
}

// TestSameBytes asks for the same bytes again, whatever the order of the runs.
func TestSameBytes(t *testing.T) {
	for name, inputs := range reports() {
		turned := slices.Clone(inputs)
		slices.Reverse(turned)
		for _, f := range render.Formats() {
			var a, b bytes.Buffer
			if err := errors.Join(f.Write(&a, analysis.New(inputs)), f.Write(&b, analysis.New(turned))); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(a.Bytes(), b.Bytes()) {
				t.Errorf("%s as %s depends on the order of the runs", name, f.Name)
			}
		}
	}
}

// brokenWriter takes some bytes and then no more.
type brokenWriter struct{ left int }

var errBroken = errors.New("disk full")

func (w *brokenWriter) Write(b []byte) (int, error) {
	if len(b) > w.left {
		return w.left, errBroken
	}
	w.left -= len(b)
	return len(b), nil
}

func TestBrokenWriter(t *testing.T) {
	report := analysis.New(reports()["normal"])
	for _, f := range render.Formats() {
		for _, left := range []int{0, 1, 300} {
			if err := f.Write(&brokenWriter{left}, report); !errors.Is(err, errBroken) {
				t.Errorf("%s after %d bytes: %v", f.Name, left, err)
			}
		}
	}
}

func TestEmptyReport(t *testing.T) {
	for _, f := range render.Formats() {
		var b bytes.Buffer
		if err := f.Write(&b, analysis.New(nil)); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
}

func TestFormats(t *testing.T) {
	for _, f := range render.Formats() {
		if got, ok := render.Lookup(f.Name); !ok || got.Ext != f.Ext {
			t.Errorf("Lookup(%q) = %v, %v", f.Name, got.Ext, ok)
		}
	}
	if _, ok := render.Lookup("pdf"); ok {
		t.Error("there is a pdf")
	}
}
