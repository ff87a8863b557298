package image_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/image"
)

// A fresh image is unpacked as what Push would have pushed: the original's files
// and one more. The original stays as it was, whatever is done to the copy's
// folders.
func TestUnpackFresh(t *testing.T) {
	s := open(t)
	img, err := build(t, s, map[string]string{
		"Dockerfile": "FROM scratch\nCOPY --chmod=0750 run /bin/run\nCOPY tree /t\nWORKDIR /w\n",
		"run":        "#!run", "tree/a": "a", "tree/sub/b": "b", "tree/link": "->a",
	}, image.Options{})
	if err != nil {
		t.Fatal(err)
	}
	root, err := s.Unpack(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	before := listing(t, root)
	data := image.FreshData()
	if len(data) != image.FreshSize || bytes.Equal(data, image.FreshData()) {
		t.Fatalf("%d bytes, or the same twice", len(data))
	}
	digest, err := s.Fresh(img, data)
	if err != nil || !strings.HasPrefix(digest, "sha256:") || digest == img.Digest {
		t.Fatalf("%s, %v", digest, err)
	}
	got, err := s.UnpackFresh(t.Context(), img, data)
	if err != nil {
		t.Fatal(err)
	}
	to := got.Root
	if got.Digest != digest || got.ID == img.ID || got.Layers != img.Layers+1 || to == root || got.WorkingDir != img.WorkingDir {
		t.Errorf("%+v of %+v, want digest %s", got, img, digest)
	}
	if text, err := os.ReadFile(filepath.Join(to, ".bench-fresh")); err != nil || !bytes.Equal(text, data) {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	if again, err := s.UnpackFresh(t.Context(), img, data); err != nil || again.Root != to {
		t.Errorf("again: %+v, %v", again, err)
	}
	if err := os.Remove(filepath.Join(to, ".bench-fresh")); err != nil {
		t.Fatal(err)
	}
	// Removing a file gave the folder a new time.
	if err := os.Chtimes(to, time.Time{}, modTime(t, root)); err != nil {
		t.Fatal(err)
	}
	if after := listing(t, to); after != before {
		t.Errorf("it holds\n%swant\n%s", after, before)
	}
	if err := os.WriteFile(filepath.Join(to, "new"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if after := listing(t, root); after != before {
		t.Errorf("the original is now\n%sand was\n%s", after, before)
	}
	s.RemoveFresh(img) // it is none
	s.RemoveFresh(got)
	if _, err := os.Lstat(to); err == nil || listing(t, root) != before {
		t.Errorf("removed: %v", err)
	}
	if other, err := s.Fresh(img, image.FreshData()); err != nil || other == digest {
		t.Errorf("other bytes have the same digest: %v", err)
	}
	if again, err := s.Fresh(img, data); err != nil || again != digest {
		t.Errorf("the same bytes have another digest: %s, %v", again, err)
	}
}

// What can't be made leaves nothing.
func TestUnpackFreshFails(t *testing.T) {
	s := open(t)
	img, err := build(t, s, map[string]string{"Dockerfile": "FROM scratch\nCOPY run /run\n", "run": "r"}, image.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.UnpackFresh(ctx, img, image.FreshData()); err == nil {
		t.Error("an interrupted one is whole")
	}
	unknown := img
	unknown.ID = "sha256:" + strings.Repeat("0", 64)
	if _, err := s.UnpackFresh(t.Context(), unknown, image.FreshData()); err == nil {
		t.Error("an image that the store has not was unpacked")
	}
	if _, err := s.Fresh(unknown, nil); err == nil {
		t.Error("an image that the store has not has a digest")
	}
	for _, folder := range []string{"roots", "tmp"} {
		if left, err := os.ReadDir(filepath.Join(s.Dir(), folder)); err != nil || len(left) > 0 {
			t.Errorf("%s holds %v, %v", folder, left, err)
		}
	}
}

// listing names every file with its mode, its time, and what it holds or points
// to.
func listing(t *testing.T, root string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		b.WriteString(info.Mode().String() + " " + info.ModTime().UTC().Format(time.RFC3339Nano) + " " + name)
		switch {
		case info.Mode().Type() == fs.ModeSymlink:
			to, _ := os.Readlink(path)
			b.WriteString(" -> " + to)
		case info.Mode().IsRegular():
			text, _ := os.ReadFile(path)
			b.WriteString(" " + string(text))
		}
		b.WriteString("\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The file of a fresh image that is made fresh once more is replaced, not
// written to: it is shared.
func TestUnpackFreshOfAFreshOne(t *testing.T) {
	s := open(t)
	img, err := build(t, s, map[string]string{"Dockerfile": "FROM scratch\nCOPY .bench-fresh /\n", ".bench-fresh": "old"}, image.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.UnpackFresh(t.Context(), img, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if text := unpacked(t, s, img, ".bench-fresh"); text != "old" {
		t.Errorf("the original holds %q", text)
	}
}
