package image_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
)

// touch gives every file below a folder another time.
func touch(t *testing.T, dir string, at time.Time) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, e os.DirEntry, err error) error {
		if err == nil {
			err = os.Chtimes(p, at, at)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestTwoClones builds the same files with other times into two stores.
func TestTwoClones(t *testing.T) {
	tree := map[string]string{"Dockerfile": "FROM scratch AS x\nCOPY . /all\nFROM scratch\nCOPY --from=x /all/sub /sub\nCOPY a /\nENTRYPOINT [\"/a\"]\n", "a": "#!a", "sub/b": "b", "sub/c/d": "d"}
	var images []coldstart.Image
	for _, at := range []int64{1.6e9, 1.7e9} {
		dir := t.TempDir()
		files(t, dir, tree)
		touch(t, dir, time.Unix(at, 0))
		img, err := open(t).Build(t.Context(), variant(dir), image.Options{Arch: "amd64"})
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, img)
	}
	if images[0].ID == images[1].ID {
		t.Error("other times give the same image ID: the builds drop them")
	}
	if images[0].ContentID != images[1].ContentID || !images[0].Identity().Renamed(images[1].Identity()) {
		t.Errorf("content IDs %s and %s", images[0].ContentID, images[1].ContentID)
	}
}

// TestBuildUsesEqualContentAgain builds, touches and builds again, into one store.
func TestBuildUsesEqualContentAgain(t *testing.T) {
	s := open(t)
	dir := t.TempDir()
	files(t, dir, map[string]string{"Dockerfile": "FROM scratch\nCOPY sub /sub\nCOPY a /\nENTRYPOINT [\"/a\"]\n", "a": "#!a", "sub/b": "b", "sub/c": "->b"})
	var log []string
	build := func(name string, o image.Options) coldstart.Image {
		t.Helper()
		log = nil
		o.Arch, o.Log = "amd64", func(line string) { log = append(log, line) }
		v := variant(dir)
		v.Name = name
		img, err := s.Build(t.Context(), v, o)
		if err != nil {
			t.Fatal(err)
		}
		return img
	}
	first := build("v", image.Options{})
	if len(log) > 0 {
		t.Errorf("log of the first build: %q", log)
	}
	if again := build("v", image.Options{}); again.ID != first.ID || len(log) > 0 {
		t.Errorf("the same files give image %s, want %s; log %q", again.ID, first.ID, log)
	}
	touch(t, dir, time.Unix(1.5e9, 0))
	if again := build("v", image.Options{}); again.ID != first.ID || len(log) != 1 || !strings.Contains(log[0], "used again") {
		t.Errorf("touched files give image %s, want %s; log %q", again.ID, first.ID, log)
	}
	// Under another name, too.
	if again := build("w", image.Options{}); again.ID != first.ID {
		t.Errorf("another variant has image %s, want %s", again.ID, first.ID)
	}
	anew := build("v", image.Options{NoCache: true})
	if anew.ID == first.ID || anew.ContentID != first.ContentID {
		t.Errorf("built anew: image %s of content %s, was %s of %s", anew.ID, anew.ContentID, first.ID, first.ContentID)
	}
	// The newest of the equal ones is used from then on.
	touch(t, dir, time.Unix(1.4e9, 0))
	if again := build("v", image.Options{}); again.ID != anew.ID {
		t.Errorf("after building anew: image %s, want %s", again.ID, anew.ID)
	}

	for name, change := range map[string]func() error{
		"data":   func() error { return os.WriteFile(filepath.Join(dir, "sub", "b"), []byte("c"), 0o644) },
		"a mode": func() error { return os.Chmod(filepath.Join(dir, "sub", "b"), 0o755) },
		"a link": func() error {
			return os.Symlink("b", filepath.Join(dir, "sub", "d"))
		},
		"a label": func() error {
			return os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nCOPY sub /sub\nCOPY a /\nENTRYPOINT [\"/a\"]\nLABEL a=b\n"), 0o644)
		},
		"layers": func() error {
			return os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nCOPY sub /sub\nCOPY a /\nCOPY a /\nENTRYPOINT [\"/a\"]\n"), 0o644)
		},
	} {
		before := build("v", image.Options{})
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if now := build("v", image.Options{}); now.ID == before.ID || len(log) > 0 {
			t.Errorf("another image is wanted after a change of %s; log %q", name, log)
		}
	}
}

// TestImagesOfAnEarlierBenchAreNotUsedAgain takes the mark of this bench's builds
// away: the files of an image without it have no times.
func TestImagesOfAnEarlierBenchAreNotUsedAgain(t *testing.T) {
	s := open(t)
	dir := t.TempDir()
	files(t, dir, map[string]string{"Dockerfile": "FROM scratch\nCOPY a /\n", "a": "a"})
	first, err := s.Build(t.Context(), variant(dir), image.Options{Arch: "amd64"})
	if err != nil {
		t.Fatal(err)
	}
	index := filepath.Join(s.Dir(), "index.json")
	data, err := os.ReadFile(index)
	if err != nil || !strings.Contains(string(data), "coldbench.builder") {
		t.Fatalf("%s, %v", data, err)
	}
	if err := os.WriteFile(index, []byte(strings.Replace(string(data), "coldbench.builder", "other.builder", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	touch(t, dir, time.Unix(1.5e9, 0))
	if now, err := s.Build(t.Context(), variant(dir), image.Options{Arch: "amd64"}); err != nil || now.ID == first.ID || now.ContentID != first.ContentID {
		t.Errorf("image %s of content %s, was %s of %s, %v", now.ID, now.ContentID, first.ID, first.ContentID, err)
	}
}
