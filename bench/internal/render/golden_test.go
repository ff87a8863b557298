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

// goldens are the scenarios that have golden files, by format. What the other
// scenarios and formats have to hold is in content_test.go.
var goldens = map[string][]string{
	"text":     eight,
	"markdown": eight,
	"summary":  {"aws", "failures"},
	"html":     {"failures", "redeploy"},
	"svg":      {"redeploy", "sweep"},
}

var eight = []string{"against", "aws", "failures", "normal", "redeploy", "sessions", "sweep", "two-engines"}

func TestGolden(t *testing.T) {
	all := reports()
	files := map[string]bool{filepath.Join("testdata", fieldsFile): true}
	for _, f := range render.Formats() {
		for _, name := range goldens[f.Name] {
			if all[name] == nil {
				t.Fatalf("there is no report %q", name)
			}
			path := filepath.Join("testdata", name+f.Ext)
			files[path] = true
			t.Run(name+"/"+f.Name, func(t *testing.T) { compareFile(t, path, written(t, f.Name, analysis.New(all[name]))) })
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

// compareFile compares with a golden file, which -update rewrites first.
func compareFile(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; -update rewrites it\ngot:\n%s", path, got)
	}
}

// written is a report in a format.
func written(t *testing.T, format string, r *analysis.Report) []byte {
	t.Helper()
	f, ok := render.Lookup(format)
	if !ok {
		t.Fatalf("no format %q", format)
	}
	var b bytes.Buffer
	if err := f.Write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestSameBytes asks for the same bytes again, whatever the order of the runs.
func TestSameBytes(t *testing.T) {
	for name, inputs := range reports() {
		turned := slices.Clone(inputs)
		slices.Reverse(turned)
		for _, f := range render.Formats() {
			if !bytes.Equal(written(t, f.Name, analysis.New(inputs)), written(t, f.Name, analysis.New(turned))) {
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
