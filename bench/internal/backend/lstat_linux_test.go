package backend_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
)

// TestFunctionSeesTheLayers: what lstat says inside of a function is what the
// layers of its image say, on every engine: times, modes, links.
func TestFunctionSeesTheLayers(t *testing.T) {
	dir := t.TempDir()
	program, err := os.ReadFile(program(t, "coldbench/bench/internal/backend/testdata/lstat"))
	if err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(dir, "files", name) }
	steps := []error{
		os.MkdirAll(in("app/__pycache__"), 0o755), os.WriteFile(in("bootstrap"), program, 0o755),
		os.WriteFile(in("app/m.py"), []byte("x = 1\n"), 0o644), os.WriteFile(in("app/__pycache__/m.pyc"), []byte("compiled"), 0o444),
		os.WriteFile(in("app/secret"), []byte("s"), 0o600), os.Link(in("app/m.py"), in("app/n.py")), os.Symlink("m.py", in("app/o.py")),
		os.Chmod(in("app"), 0o755), os.Chmod(in("app/__pycache__"), 0o711),
		os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM scratch\nCOPY files /\nCOPY files/app /copied/app\nWORKDIR /w\nENTRYPOINT [\"/bootstrap\"]\n"), 0o644),
	}
	for i, name := range []string{"bootstrap", "app/m.py", "app/__pycache__/m.pyc", "app/secret", "app/__pycache__", "app"} {
		at := time.Unix(1_500_000_000+int64(i), 123456789)
		steps = append(steps, os.Chtimes(in(name), at, at))
	}
	for _, err := range steps {
		if err != nil {
			t.Fatal(err)
		}
	}
	openUp(dir)
	s, err := image.OpenStore(filepath.Join(dir, "images"))
	if err != nil {
		t.Fatal(err)
	}
	img, err := s.Build(t.Context(), coldstart.Variant{Name: "lstat", Build: &coldstart.Build{Context: dir, Dockerfile: filepath.Join(dir, "Dockerfile")}},
		image.Options{Arch: runtime.GOARCH})
	if err != nil {
		t.Fatal(err)
	}
	want := layersSay(t, s, img)
	if len(want) < 15 {
		t.Fatalf("the layers have only %v", want)
	}
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			backend, img := e.open(t, s, img)
			got := functionSees(t, backend, img, want)
			for path, w := range want {
				if g := got[path]; g != w {
					t.Errorf("%s: the function sees %s, the layer says %s", path, g, w)
				}
			}
		})
	}
}

// layersSay lists the files of an image, each as text.
func layersSay(t *testing.T, s *image.Store, img coldstart.Image) map[string]string {
	t.Helper()
	var buf bytes.Buffer
	if err := s.WriteTar(t.Context(), img.ID, &buf); err != nil {
		t.Fatal(err)
	}
	say := map[string]string{}
	for name, data := range archived(t, &buf) {
		if !strings.HasSuffix(name.Name, ".tar.gz") {
			continue
		}
		zip, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		for h := range archived(t, zip) {
			path := filepath.Join("/", h.Name)
			first := path
			if h.Typeflag == tar.TypeLink {
				first, h.Linkname = filepath.Join("/", h.Linkname), ""
			}
			say[path] = seen(h.FileInfo().Mode().Perm(), h.ModTime, h.Linkname, first)
		}
	}
	return say
}

// archived returns the files of a tar archive.
func archived(t *testing.T, r io.Reader) map[*tar.Header][]byte {
	t.Helper()
	files := map[*tar.Header][]byte{}
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if err == io.EOF {
			return files
		}
		if err == nil {
			files[h], err = io.ReadAll(tr)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// seen is a file as text; first is the first name of a file with several.
func seen(perm os.FileMode, at time.Time, link, first string) string {
	return fmt.Sprintf("%o %s %q (%s)", perm, at.UTC().Format(time.RFC3339Nano), link, first)
}

// functionSees lists files as a function sees them.
func functionSees(t *testing.T, b coldstart.Backend, img coldstart.Image, paths map[string]string) map[string]string {
	t.Helper()
	var event []string
	for path := range paths {
		event = append(event, path)
	}
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	type stat struct {
		Path, Link string
		Mode       uint32
		Nanos      int64
		Inode      uint64
	}
	var mu sync.Mutex
	var stats []stat
	target, err := b.Open(context.Background(), coldstart.Config{Variant: "lstat", MemoryMB: 512, Arch: runtime.GOARCH}, img, coldstart.Options{
		Payload: payload, Timeout: 3 * time.Second, Log: func(line string) {
			_, text, ok := strings.Cut(line, "lstat {")
			var s stat
			if ok && json.Unmarshal([]byte("{"+text), &s) == nil {
				mu.Lock()
				defer mu.Unlock()
				stats = append(stats, s)
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	env, _, err := target.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := env.Close(); err != nil {
		t.Error(err)
	}
	if err := target.Close(); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	first := map[uint64]string{}
	for _, s := range stats {
		if name, ok := first[s.Inode]; !ok || s.Path < name {
			first[s.Inode] = s.Path
		}
	}
	list := map[string]string{}
	for _, s := range stats {
		list[s.Path] = seen(os.FileMode(s.Mode&0o777), time.Unix(0, s.Nanos), s.Link, first[s.Inode])
	}
	return list
}
