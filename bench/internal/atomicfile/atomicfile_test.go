package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestWriteWhole writes a file from many sides at once, beside what a bench that
// was killed has left.
func TestWriteWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "page.md")
	for name, text := range map[string]string{".page.md.bench-123": "half", ".page.md.mine": "mine", ".other.md.bench-1": "another's"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 50 {
				if err := Write(path, 0o644, func(w io.Writer) error {
					_, err := io.WriteString(w, strings.Repeat(fmt.Sprint(i), 1000))
					return err
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	text, err := os.ReadFile(path)
	if err != nil || len(text) != 1000 || strings.Trim(string(text), string(text[:1])) != "" {
		t.Errorf("%d bytes, %v: %.20q", len(text), err, text)
	}
	var names []string
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); got != ".other.md.bench-1 .page.md.mine page.md" {
		t.Errorf("left are %s", got)
	}

	broken := errors.New("broken")
	if err := Write(path, 0o644, func(io.Writer) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("a broken page: %v", err)
	}
	if again, _ := os.ReadFile(path); string(again) != string(text) {
		t.Error("a broken page replaced a whole one")
	}
	if err := Write(filepath.Join(dir, "none", "page.md"), 0o644, func(io.Writer) error { return nil }); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}

// TestStreamLeavesNothingAfterAnError: neither the file nor what was written of it.
func TestStreamLeavesNothingAfterAnError(t *testing.T) {
	dir, broken := t.TempDir(), errors.New("broken")
	place := func() string { return filepath.Join(dir, "file") }
	_, err := Stream(dir, "part-", 0o600, func(w io.Writer) error {
		_, err := io.WriteString(w, "half")
		return errors.Join(err, broken)
	}, place)
	left, _ := os.ReadDir(dir)
	if !errors.Is(err, broken) || len(left) > 0 {
		t.Errorf("%v, left %v", err, left)
	}
	size, err := Stream(dir, "part-", 0o600, func(w io.Writer) error {
		_, err := io.WriteString(w, "whole")
		return err
	}, place)
	info, serr := os.Stat(place())
	if err != nil || serr != nil || size != 5 || info.Size() != 5 || info.Mode().Perm() != 0o600 {
		t.Errorf("%d bytes, %v, %v", size, err, serr)
	}
}
