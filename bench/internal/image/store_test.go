package image_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
)

// TestReproducible builds the same files under other conditions; only what is
// in them may count.
func TestReproducible(t *testing.T) {
	text := "FROM scratch\nCOPY . /app\nCOPY run /\nWORKDIR /w\nENTRYPOINT [\"/run\"]\n"
	tree := map[string]string{"Dockerfile": text, "run": "#!run", "sub/a": "a", "sub/b/c": "c", "link": "->run"}
	s := open(t)
	first, err := build(t, s, tree, image.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(t *testing.T, dir string){
		"the same": func(t *testing.T, dir string) {},
		"times": func(t *testing.T, dir string) {
			old := time.Unix(1e9, 5)
			if err := os.Chtimes(filepath.Join(dir, "run"), old, old); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(filepath.Join(dir, "sub"), old, old); err != nil {
				t.Fatal(err)
			}
		},
		"a narrow umask": func(t *testing.T, dir string) { chmods(t, dir, 0o700, 0o600, 0o700) },
		"a wide umask":   func(t *testing.T, dir string) { chmods(t, dir, 0o2777, 0o666, 0o777) },
		"a read-only folder": func(t *testing.T, dir string) {
			chmods(t, dir, 0o555, 0o444, 0o555)
			t.Cleanup(func() { chmods(t, dir, 0o755, 0o644, 0o755) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, store := range []*image.Store{s, open(t)} {
				dir := t.TempDir()
				files(t, dir, tree)
				change(t, dir)
				again, err := store.Build(t.Context(), variant(dir), image.Options{Arch: "amd64"})
				if err != nil {
					t.Fatal(err)
				}
				if again.ID != first.ID || again.Digest != first.Digest {
					t.Errorf("image %s, manifest %s; first %s, %s", again.ID, again.Digest, first.ID, first.Digest)
				}
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

// TestDamage cuts and changes files of a store: each is noticed or of no
// consequence, never a wrong image.
func TestDamage(t *testing.T) {
	tree := map[string]string{"Dockerfile": "FROM scratch\nCOPY a /\nCOPY b /\n", "a": strings.Repeat("a", 5000), "b": "b"}
	whole := open(t)
	want, err := build(t, whole, tree, image.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	filepath.WalkDir(whole.Dir(), func(p string, e os.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && e.Name() != ".lock" {
			rel, _ := filepath.Rel(whole.Dir(), p)
			names = append(names, rel)
		}
		return err
	})
	if len(names) < 7 {
		t.Fatalf("the store holds only %q", names)
	}
	for _, name := range names {
		for how, damage := range map[string]func([]byte) []byte{
			"cut":     func(b []byte) []byte { return b[:len(b)/2] },
			"empty":   func(b []byte) []byte { return nil },
			"flipped": func(b []byte) []byte { b[len(b)/2] ^= 0x40; return b },
		} {
			t.Run(how+" "+name, func(t *testing.T) {
				dir := t.TempDir()
				if err := os.CopyFS(dir, os.DirFS(whole.Dir())); err != nil {
					t.Fatal(err)
				}
				data, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, name), damage(data), 0o644); err != nil {
					t.Fatal(err)
				}
				for try := 1; ; try++ {
					s, err := image.OpenStore(dir)
					if err != nil {
						t.Fatal(err)
					}
					img, err := build(t, s, tree, image.Options{})
					if err == nil && img.ID != want.ID {
						t.Fatalf("image %s, want %s", img.ID, want.ID)
					}
					var root string
					if err == nil {
						err = s.WriteTar(t.Context(), img.ID, io.Discard)
					}
					if err == nil {
						root, err = s.Unpack(t.Context(), img)
					}
					if err == nil {
						for _, f := range []string{"a", "b"} {
							if got, err := os.ReadFile(filepath.Join(root, f)); err != nil || string(got) != tree[f] {
								t.Fatalf("%s holds %.20q, %v", f, got, err)
							}
						}
						return
					}
					// A damage that was found is mended by the next build.
					if try == 3 {
						t.Fatalf("the third run fails too: %v", err)
					}
				}
			})
		}
	}
}

// engine is a container engine for tests.
type engine struct {
	images map[string][]byte // by reference, as docker save
	arch   string
	saves  int
	broken error
}

func (e *engine) Save(ctx context.Context, ref string) (io.ReadCloser, error) {
	e.saves++
	if e.broken != nil {
		return nil, e.broken
	}
	return io.NopCloser(bytes.NewReader(e.images[ref])), nil
}

func (e *engine) Describe(ctx context.Context, ref, platform string) (coldstart.Image, error) {
	data, ok := e.images[ref]
	if !ok {
		return coldstart.Image{}, fmt.Errorf("no such image: %s", ref)
	}
	return coldstart.Image{ID: fmt.Sprintf("sha256:%064x", len(data)), Arch: e.arch}, nil
}

var _ image.Engine = (*engine)(nil)

// TestEngine takes images out of an engine, and again when they changed there.
func TestEngine(t *testing.T) {
	s := open(t)
	e := &engine{arch: "amd64", images: map[string][]byte{"mine:1": saved(t, "amd64", layerTar(t, file("one")))}}
	take := func() coldstart.Image {
		t.Helper()
		img, err := s.Take(t.Context(), coldstart.Variant{Name: "v", Image: "mine:1"}, image.Options{Arch: "amd64", Engine: e})
		if err != nil {
			t.Fatal(err)
		}
		return img
	}
	first := take()
	if got := unpacked(t, s, first, "one"); got != "one" {
		t.Errorf("file holds %q", got)
	}
	if again := take(); again.ID != first.ID || e.saves != 1 {
		t.Errorf("the second time %s after %d saves", again.ID, e.saves)
	}
	built, err := build(t, s, map[string]string{"Dockerfile": "FROM mine:1\nCOPY Dockerfile /d\n"}, image.Options{Engine: e})
	if err != nil || built.Base != "mine:1" || e.saves != 1 {
		t.Errorf("built %+v after %d saves: %v", built, e.saves, err)
	}

	e.images["mine:1"] = saved(t, "amd64", layerTar(t, file("one"), file("two"), file("three")))
	second := take()
	if second.ID == first.ID || e.saves != 2 {
		t.Errorf("the engine's new image was not taken: %s after %d saves", second.ID, e.saves)
	}
	if got := unpacked(t, s, second, "two"); got != "two" {
		t.Errorf("file holds %q", got)
	}

	// Without the engine the last one stands; with DescribeOnly nothing is copied.
	if img, err := s.Take(t.Context(), coldstart.Variant{Name: "v", Image: "mine:1"}, image.Options{Arch: "amd64"}); err != nil || img.ID != second.ID {
		t.Errorf("without the engine %s, %v", img.ID, err)
	}
	img, err := s.Take(t.Context(), coldstart.Variant{Name: "v", Image: "mine:1", Command: []string{"c"}}, image.Options{Arch: "amd64", Engine: e, DescribeOnly: true})
	if err != nil || img.Ref != "mine:1" || e.saves != 2 || len(img.Command) != 1 {
		t.Errorf("described %+v, %v, %d saves", img, err, e.saves)
	}

	// An ID is never looked for in a registry.
	for _, id := range []string{second.ID, "sha256:" + strings.Repeat("1", 64)} {
		img, err := s.Take(t.Context(), coldstart.Variant{Name: "v", Image: id}, image.Options{Arch: "amd64", Engine: e})
		if (err == nil) != (id == second.ID) || err == nil && img.ID != id || err != nil && !strings.Contains(err.Error(), "with this ID") {
			t.Errorf("by ID %s: %s, %v", id, img.ID, err)
		}
	}

	// An engine that fails, or has it for another machine, is named in the error.
	e.images["127.0.0.1:1/x"], e.broken = e.images["mine:1"], errors.New("the daemon is gone")
	_, err = s.Take(t.Context(), coldstart.Variant{Name: "v", Image: "127.0.0.1:1/x"}, image.Options{Arch: "amd64", Engine: e})
	if err == nil || !strings.Contains(err.Error(), "the daemon is gone") {
		t.Errorf("got %v", err)
	}
	_, err = s.Take(t.Context(), coldstart.Variant{Name: "v", Image: "127.0.0.1:1/x"}, image.Options{Arch: "arm64", Engine: e})
	if err == nil || !strings.Contains(err.Error(), "for linux/amd64 only") {
		t.Errorf("got %v", err)
	}
}

// TestPutWins shows that what was put into the store by hand comes first.
func TestPutWins(t *testing.T) {
	s := open(t)
	ref := "public.ecr.aws/lambda/provided:al2"
	put, err := s.Put(t.Context(), ref, bytes.NewReader(saved(t, "amd64", layerTar(t, file("put")))))
	if err != nil {
		t.Fatal(err)
	}
	e := &engine{arch: "amd64", images: map[string][]byte{ref: saved(t, "amd64", layerTar(t, file("engine")))}}
	got, err := s.Take(t.Context(), coldstart.Variant{Name: "v", Image: ref}, image.Options{Arch: "amd64", Engine: e})
	if err != nil || got.ID != put.ID {
		t.Errorf("got %s, %v, want %s", got.ID, err, put.ID)
	}
	if _, err := s.Put(t.Context(), "x", strings.NewReader("no archive")); err == nil {
		t.Error("no archive was put into the store")
	}
	if _, err := s.Put(t.Context(), "NOT A REF", bytes.NewReader(e.images[ref])); err == nil {
		t.Error("an image was put under no reference")
	}
	if _, err := s.Get(t.Context(), put.ID); err != nil {
		t.Error(err)
	}
	if _, err := s.Get(t.Context(), "sha256:"+strings.Repeat("0", 64)); err == nil {
		t.Error("an image that was never there was found")
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
		p := filepath.Join(roots, fmt.Sprintf("%064d", i), "root", "x")
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
	severity := func(dir string) coldstart.Severity {
		t.Helper()
		f := image.Check(t.Context(), dir)
		if len(f) != 1 || f[0].Subject != "image store" || f[0].Text == "" {
			t.Fatalf("findings %+v", f)
		}
		return f[0].Severity
	}
	if got := severity(s.Dir()); got != coldstart.OK {
		t.Errorf("a store: %s", got)
	}
	if got := severity(filepath.Join(t.TempDir(), "not", "there")); got != coldstart.OK {
		t.Errorf("no store yet: %s", got)
	}
	plain := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := severity(plain); got != coldstart.Problem {
		t.Errorf("a file in its place: %s", got)
	}
	if _, err := image.OpenStore(plain); err == nil || coldstart.HintOf(err) == "" {
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

// TestKilled kills building processes at many moments; afterwards the store
// still gives the right image.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("IMAGE_TEST_KILLED"); dir != "" {
		for i := 0; ; i++ {
			s, err := image.OpenStore(filepath.Join(dir, "images"))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "context", "n"), []byte(fmt.Sprint(os.Getpid(), i)), 0o644); err != nil {
				t.Fatal(err)
			}
			img, err := s.Build(context.Background(), variant(filepath.Join(dir, "context")), image.Options{Arch: "amd64"})
			if err == nil {
				_, err = s.Unpack(context.Background(), img)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	dir := t.TempDir()
	files(t, dir, map[string]string{"context/Dockerfile": "FROM scratch\nCOPY n /n\nCOPY big /big\n", "context/big": strings.Repeat("x", 1<<20), "context/n": ""})
	for i := range 10 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		cmd.Env = append(os.Environ(), "IMAGE_TEST_KILLED="+dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(40+13*i) * time.Millisecond)
		cmd.Process.Kill()
		cmd.Wait()
		s, err := image.OpenStore(filepath.Join(dir, "images"))
		if err != nil {
			t.Fatal(err)
		}
		list, err := s.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range list {
			if err := s.WriteTar(t.Context(), l.ID, io.Discard); err != nil {
				t.Errorf("after kill %d: %v", i, err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "context", "n"), []byte("final"), 0o644); err != nil {
			t.Fatal(err)
		}
		img, err := s.Build(t.Context(), variant(filepath.Join(dir, "context")), image.Options{Arch: "amd64"})
		if err != nil {
			t.Fatal(err)
		}
		if got := unpacked(t, s, img, "n"); got != "final" {
			t.Errorf("after kill %d the file holds %q", i, got)
		}
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
	if err == nil || !strings.Contains(coldstart.HintOf(err), "writable") {
		t.Errorf("got %v with the hint %q", err, coldstart.HintOf(err))
	}
	if f := image.Check(t.Context(), filepath.Join(dir, "images")); len(f) != 1 || f[0].Severity != coldstart.Problem || f[0].Hint == "" {
		t.Errorf("findings %+v", f)
	}
}
