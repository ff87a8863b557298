package image_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/image"
)

// TestReproducible builds the same files under other conditions: equal input
// gives the equal image anywhere, other times the equal content, and other modes
// another image, as with docker build.
func TestReproducible(t *testing.T) {
	text := "FROM scratch\nCOPY . /app\nCOPY run /\nWORKDIR /w\nENTRYPOINT [\"/run\"]\n"
	tree := map[string]string{"Dockerfile": text, "run": "#!run", "sub/a": "a", "sub/b/c": "c", "link": "->run"}
	s := open(t)
	first, err := build(t, s, tree, image.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name            string
		change          func(t *testing.T, dir string)
		image, contents bool // is it the same?
	}{
		{"nothing", func(t *testing.T, dir string) {}, true, true},
		{"part of a second", func(t *testing.T, dir string) { chtimes(t, dir, filesTime.Add(time.Second/2)) }, true, true},
		{"times", func(t *testing.T, dir string) { chtimes(t, dir, time.Unix(1e9, 5)) }, false, true},
		{"a narrow umask", func(t *testing.T, dir string) { chmods(t, dir, 0o700, 0o600, 0o700) }, false, false},
		{"a wide umask", func(t *testing.T, dir string) { chmods(t, dir, 0o2777, 0o666, 0o777) }, false, false},
		{"a read-only folder", func(t *testing.T, dir string) {
			chmods(t, dir, 0o555, 0o444, 0o555)
			t.Cleanup(func() { chmods(t, dir, 0o755, 0o644, 0o755) })
		}, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			files(t, dir, tree)
			test.change(t, dir)
			again, err := open(t).Build(t.Context(), variant(dir), image.Options{Arch: "amd64"})
			if err != nil {
				t.Fatal(err)
			}
			if same := again.ID == first.ID && again.Digest == first.Digest; same != test.image {
				t.Errorf("the same image: %v, want %v: %s, manifest %s; first %s, %s", same, test.image, again.ID, again.Digest, first.ID, first.Digest)
			}
			if same := again.ContentID == first.ContentID; same != test.contents {
				t.Errorf("the same content: %v, want %v: %s; first %s", same, test.contents, again.ContentID, first.ContentID)
			}
		})
	}
	for name, change := range map[string]map[string]string{
		"content": {"sub/a": "b"}, "name": {"sub/a2": "a"}, "executable": {"sub/b/d": "#!"},
	} {
		dir := t.TempDir()
		files(t, dir, tree)
		files(t, dir, change)
		again, err := s.Build(t.Context(), variant(dir), image.Options{Arch: "amd64"})
		if err != nil {
			t.Fatal(err)
		}
		if again.ID == first.ID {
			t.Errorf("%s changed and the image ID did not", name)
		}
	}
}

// chtimes sets the times of the files that files wrote.
func chtimes(t *testing.T, dir string, at time.Time) {
	t.Helper()
	for _, name := range []string{"run", "sub/a", "sub"} {
		if err := os.Chtimes(filepath.Join(dir, name), at, at); err != nil {
			t.Fatal(err)
		}
	}
}

// chmods sets the modes of folders, files and executables.
func chmods(t *testing.T, dir string, folder, plain, executable os.FileMode) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, e os.DirEntry, err error) error {
		if err != nil || e.Type()&os.ModeSymlink != 0 {
			return err
		}
		switch {
		case e.IsDir():
			return os.Chmod(p, folder)
		case e.Name() == "run":
			return os.Chmod(p, executable)
		}
		return os.Chmod(p, plain)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestConcurrent builds, unpacks and writes from several stores on one folder,
// as several processes do.
func TestConcurrent(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "images")
	contexts := make([]string, 3)
	for i := range contexts {
		contexts[i] = t.TempDir()
		files(t, contexts[i], map[string]string{"Dockerfile": "FROM scratch\nCOPY a /\n", "a": fmt.Sprint(i)})
	}
	var wg sync.WaitGroup
	errs := make(chan error, 100)
	for n := range 6 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range 6 {
				errs <- func() error {
					s, err := image.OpenStore(dir)
					if err != nil {
						return err
					}
					k := (n + i) % len(contexts)
					img, err := s.Build(context.Background(), variant(contexts[k]), image.Options{Arch: "amd64"})
					if err != nil {
						return err
					}
					root, err := s.Unpack(context.Background(), img)
					if err != nil {
						return err
					}
					if data, err := os.ReadFile(filepath.Join(root, "a")); err != nil || string(data) != fmt.Sprint(k) {
						return fmt.Errorf("image %d holds %q, %v", k, data, err)
					}
					return s.WriteTar(context.Background(), img.ID, io.Discard)
				}()
			}
		}()
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	if left, _ := os.ReadDir(filepath.Join(dir, "tmp")); len(left) > 0 {
		t.Errorf("%d unfinished files are left", len(left))
	}
}

// TestPrune removes what nothing refers to, when it is old.
func TestPrune(t *testing.T) {
	s := open(t)
	img, err := build(t, s, map[string]string{"Dockerfile": "FROM scratch\nCOPY a /\n", "a": "a"}, image.Options{})
	if err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-48 * time.Hour)
	orphan, fresh := filepath.Join(s.Dir(), "blobs", "sha256", strings.Repeat("a", 64)), filepath.Join(s.Dir(), "blobs", "sha256", strings.Repeat("b", 64))
	for _, name := range []string{orphan, fresh} {
		if err := os.WriteFile(name, []byte("12345"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	filepath.WalkDir(s.Dir(), func(p string, e os.DirEntry, err error) error {
		if err == nil && p != fresh {
			err = os.Chtimes(p, old, old)
		}
		return err
	})
	freed, err := s.Prune()
	if err != nil || freed != 5 {
		t.Errorf("freed %d bytes, %v", freed, err)
	}
	if _, err := os.Stat(orphan); err == nil {
		t.Error("old content that nothing refers to is still there")
	}
	if _, err := os.Stat(fresh); err != nil {
		t.Error("new content is gone: a build may be about to use it")
	}
	if err := s.WriteTar(t.Context(), img.ID, io.Discard); err != nil {
		t.Error(err)
	}

	// Generations of one image: a bounded number stays, without being asked.
	dir := t.TempDir()
	files(t, dir, map[string]string{"Dockerfile": "FROM scratch\nCOPY n /\n"})
	for i := range 20 {
		if err := os.WriteFile(filepath.Join(dir, "n"), []byte(fmt.Sprint(i)), 0o644); err != nil {
			t.Fatal(err)
		}
		v := variant(dir)
		v.Name = "generations"
		if _, err := s.Build(t.Context(), v, image.Options{Arch: "amd64"}); err != nil {
			t.Fatal(err)
		}
		filepath.WalkDir(filepath.Join(s.Dir(), "blobs"), func(p string, e os.DirEntry, err error) error {
			if err == nil && p != fresh {
				err = os.Chtimes(p, old, old)
			}
			return err
		})
	}
	blobs, err := os.ReadDir(filepath.Dir(fresh))
	// Three for each of 8 generations and for the first image, and the fresh one.
	if err != nil || len(blobs) != 3*8+3+1 {
		t.Errorf("%d blobs are left, %v", len(blobs), err)
	}
	if list, err := s.List(t.Context()); err != nil || len(list) != 2 {
		t.Errorf("the store lists %+v, %v", list, err)
	}

	// Unpacked images: a bounded number stays.
	roots := filepath.Join(s.Dir(), "roots")
	for i := range 20 {
		p := filepath.Join(roots, fmt.Sprintf("%064d-3", i), "root", "x")
		if err := os.MkdirAll(p, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Dir(filepath.Dir(p)), old, old); err != nil {
			t.Fatal(err)
		}
	}
	root, err := s.Unpack(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(roots)
	if err != nil || len(left) != 16 {
		t.Errorf("%d unpacked images are left, %v", len(left), err)
	}
	if _, err := os.Stat(filepath.Join(root, "a")); err != nil {
		t.Error(err)
	}
}

func TestCheck(t *testing.T) {
	s := open(t)
	severity := func(dir string) advice.Severity {
		t.Helper()
		f := image.Check(t.Context(), dir)
		if len(f) != 1 || f[0].Subject != "image store" || f[0].Text == "" {
			t.Fatalf("findings %+v", f)
		}
		return f[0].Severity
	}
	if got := severity(s.Dir()); got != advice.OK {
		t.Errorf("a store: %s", got)
	}
	if got := severity(filepath.Join(t.TempDir(), "not", "there")); got != advice.OK {
		t.Errorf("no store yet: %s", got)
	}
	plain := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := severity(plain); got != advice.Problem {
		t.Errorf("a file in its place: %s", got)
	}
	if _, err := image.OpenStore(plain); err == nil || advice.HintOf(err) == "" {
		t.Errorf("a file opened as a store: %v", err)
	}
}

// TestLayout reads the store as any other program does.
func TestLayout(t *testing.T) {
	s := open(t)
	img, err := build(t, s, map[string]string{"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"}, image.Options{})
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(s.Dir(), "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index struct {
		SchemaVersion int
		Manifests     []struct{ Digest string }
	}
	if err := json.Unmarshal(data, &index); err != nil || index.SchemaVersion != 2 || len(index.Manifests) != 1 || index.Manifests[0].Digest != img.Digest {
		t.Errorf("index %s: %v", data, err)
	}
	if data, err := os.ReadFile(filepath.Join(s.Dir(), "oci-layout")); err != nil || string(data) != `{"imageLayoutVersion":"1.0.0"}` {
		t.Errorf("oci-layout %s: %v", data, err)
	}
}

// TestNotWritable opens a store where nothing may be written. Root may write
// everywhere, so that TestOrdinaryUser runs it.
func TestNotWritable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o755)
	_, err := image.OpenStore(filepath.Join(dir, "images"))
	if err == nil || !strings.Contains(advice.HintOf(err), "writable") {
		t.Errorf("got %v with the hint %q", err, advice.HintOf(err))
	}
	if f := image.Check(t.Context(), filepath.Join(dir, "images")); len(f) != 1 || f[0].Severity != advice.Problem || f[0].Hint == "" {
		t.Errorf("findings %+v", f)
	}
}

// TestKeep builds more generations of an image than the store keeps.
func TestKeep(t *testing.T) {
	s := open(t)
	dir := t.TempDir()
	files(t, dir, map[string]string{"Dockerfile": "FROM scratch\nCOPY n /\n"})
	var ids []string
	for i := range 12 {
		if err := os.WriteFile(filepath.Join(dir, "n"), []byte(fmt.Sprint(i)), 0o644); err != nil {
			t.Fatal(err)
		}
		img, err := s.Build(t.Context(), variant(dir), image.Options{Arch: "amd64"})
		if err != nil {
			t.Fatal(err)
		}
		if ids = append(ids, img.ID); i == 0 {
			s.Keep(img.ID, "sha256:of no image")
		}
	}
	for i, id := range ids {
		_, err := s.Get(t.Context(), id)
		if there, want := err == nil, i == 0 || i >= 4; there != want {
			t.Errorf("generation %d is there: %v, want %v", i, there, want)
		}
	}
}
