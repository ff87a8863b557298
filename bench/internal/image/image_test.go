package image_test

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"testing"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
)

// filesTime is the time of what files writes.
var filesTime = time.Unix(1_400_000_000, 0)

// files writes a folder: names that end with "/" are folders, "->" in front of
// a content makes a symbolic link, "#!" an executable. All of it has filesTime.
func files(t *testing.T, dir string, tree map[string]string) {
	t.Helper()
	defer func() {
		for name := range tree {
			for ; name != "."; name = path.Dir(path.Clean(name)) {
				setModTime(t, filepath.Join(dir, name), filesTime)
			}
		}
	}()
	for name, data := range tree {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if name[len(name)-1] == '/' {
			if err := os.MkdirAll(p, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		switch {
		case len(data) > 2 && data[:2] == "->":
			err = os.Symlink(data[2:], p)
		case len(data) > 1 && data[:2] == "#!":
			err = os.WriteFile(p, []byte(data), 0o755)
		default:
			err = os.WriteFile(p, []byte(data), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// open opens a new store.
func open(t *testing.T) *image.Store {
	t.Helper()
	s, err := image.OpenStore(filepath.Join(t.TempDir(), "images"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// variant describes a build of the Dockerfile in a folder.
func variant(dir string) coldstart.Variant {
	return coldstart.Variant{Name: "v", Build: &coldstart.Build{Context: dir, Dockerfile: filepath.Join(dir, "Dockerfile")}}
}

// build builds the Dockerfile of a folder that is made for it.
func build(t *testing.T, s *image.Store, tree map[string]string, o image.Options) (coldstart.Image, error) {
	t.Helper()
	dir := t.TempDir()
	files(t, dir, tree)
	if o.Arch == "" {
		o.Arch = "amd64"
	}
	return s.Build(context.Background(), variant(dir), o)
}

// unpacked returns a file of an unpacked image.
func unpacked(t *testing.T, s *image.Store, img coldstart.Image, name string) string {
	t.Helper()
	root, err := s.Unpack(context.Background(), img)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
