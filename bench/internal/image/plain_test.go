package image_test

import (
	"archive/tar"
	"bytes"
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

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
)

// takeUnpacked takes an engine's image as the sandbox does.
func takeUnpacked(t *testing.T, s *image.Store, e *engine) coldstart.Image {
	t.Helper()
	img, err := s.Take(t.Context(), coldstart.Variant{Name: "v", Image: "mine:1"}, image.Options{Arch: "amd64", Engine: e.connect, Unpack: true})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// bigLayer is a layer above splitSize, so that it becomes a blob while it comes.
func bigLayer(t *testing.T, name string) []byte {
	t.Helper()
	return layerOf(t, member{data: strings.Repeat(name, 100_000)}.named(name), member{data: "small"}.named(name+"-not-UTF-8-\xff"))
}

func (m member) named(name string) member {
	m.Name, m.Mode = name, 0o644
	return m
}

// TestEngineImageIsKeptPlain: what comes from an engine is stored as it came, and
// all that is known of it and unpacked from it is what the compressed image gives.
func TestEngineImageIsKeptPlain(t *testing.T) {
	layers := [][]byte{bigLayer(t, "a"), bigLayer(t, "b"), layerOf(t, member{}.named(".wh.a"))}
	archive := saved(t, "amd64", layers...)
	e := &engine{images: map[string][]byte{"mine:1": archive}, arch: "amd64"}
	s, other := open(t), open(t)
	img := takeUnpacked(t, s, e)
	for _, l := range layers[:2] {
		if got, err := os.ReadFile(filepath.Join(s.Dir(), "blobs/sha256", hexOf(l))); err != nil || !bytes.Equal(got, l) {
			t.Errorf("the layer is not stored as it came: %d bytes, %v", len(got), err)
		}
	}
	want, err := other.Put(t.Context(), "mine:1", bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	if img.ID != want.ID || img.ContentID != want.ContentID || img.SizeBytes != want.SizeBytes || img.Layers != want.Layers {
		t.Errorf("took %+v, want %+v", img, want)
	}
	if img.Digest != "" || img.CompressedBytes != 0 {
		t.Errorf("digest %q, %d bytes compressed of an image that was not compressed", img.Digest, img.CompressedBytes)
	}
	wantRoot, err := other.Unpack(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(s.Dir(), "roots", filepath.Base(filepath.Dir(wantRoot)), "root")
	if _, err := os.Stat(root); err != nil {
		t.Fatalf("Take did not unpack: %v", err)
	}
	if got, want := identities(t, root), identities(t, wantRoot); got != want || got == "" {
		t.Errorf("unpacked\n%s\nwant\n%s", got, want)
	}
	if again := takeUnpacked(t, s, e); again.ID != img.ID || again.ContentID != img.ContentID || e.saves != 1 {
		t.Errorf("took %s again after %d saves", again.ID, e.saves)
	}
	var loaded bytes.Buffer
	if err := s.WriteTar(t.Context(), img.ID, &loaded); err != nil {
		t.Fatal(err)
	}
	if back, err := open(t).Put(t.Context(), "x/y", &loaded); err != nil || back.ID != img.ID {
		t.Errorf("what docker load gets is %s, %v", back.ID, err)
	}
}

// TestPlainImageIsCompressedWhereItMatters: a push and a build on top of a plain
// image give what they give where it never was plain.
func TestPlainImageIsCompressedWhereItMatters(t *testing.T) {
	archive := saved(t, "amd64", bigLayer(t, "a"), bigLayer(t, "b"))
	files := map[string]string{"Dockerfile": "FROM mine:1\nCOPY c /c\n", "c": "c"}
	data := image.FreshData()
	type outcome struct{ built, digest, fresh string }
	var got []outcome
	for _, plain := range []bool{true, false} {
		e := &engine{images: map[string][]byte{"mine:1": archive}, arch: "amd64"}
		s := open(t)
		var img coldstart.Image
		if plain {
			img = takeUnpacked(t, s, e)
		} else {
			var err error
			if img, err = s.Take(t.Context(), coldstart.Variant{Name: "v", Image: "mine:1"}, image.Options{Arch: "amd64", Engine: e.connect}); err != nil {
				t.Fatal(err)
			}
			if img.Digest == "" || img.CompressedBytes == 0 {
				t.Errorf("no digest of a compressed image: %+v", img)
			}
		}
		built, err := build(t, s, files, image.Options{Arch: "amd64", Engine: e.connect, Unpack: true})
		if err != nil {
			t.Fatal(err)
		}
		fresh, err := s.Fresh(img, data)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, outcome{built.ID, built.Digest, fresh})
		for _, d := range layerTypes(t, s, built.Digest) {
			if !strings.HasSuffix(d, "gzip") {
				t.Errorf("plain %v: a layer of the built image is %s", plain, d)
			}
		}
	}
	if got[0] != got[1] || got[0].digest == "" {
		t.Errorf("plain %+v, compressed %+v", got[0], got[1])
	}
}

// layerTypes returns the media types of the layers of a manifest in a store.
func layerTypes(t *testing.T, s *image.Store, digest string) (kinds []string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.Dir(), "blobs/sha256", strings.TrimPrefix(digest, "sha256:")))
	if err != nil {
		t.Fatal(err)
	}
	var m struct{ Layers []struct{ MediaType string } }
	if err := json.Unmarshal(raw, &m); err != nil || len(m.Layers) == 0 {
		t.Fatalf("manifest %s: %v", raw, err)
	}
	for _, l := range m.Layers {
		kinds = append(kinds, l.MediaType)
	}
	return kinds
}

// TestDamagedSaveIsNotTaken: a layer that is another one than the configuration
// says is noticed although its digest is computed while it comes.
func TestDamagedSaveIsNotTaken(t *testing.T) {
	archive := saved(t, "amd64", bigLayer(t, "a"))
	at := bytes.Index(archive, []byte("aaaa"))
	archive[at] = 'x'
	e := &engine{images: map[string][]byte{"mine:1": archive}, arch: "amd64"}
	for _, cut := range []int{0, 50_000, len(archive) - 2048} {
		e.images["mine:1"] = archive[:len(archive)-cut]
		s := open(t)
		_, err := s.Take(t.Context(), coldstart.Variant{Name: "v", Image: "mine:1"}, image.Options{Arch: "amd64", Engine: e.connect, Unpack: true, PullTimeout: -1})
		if err == nil {
			t.Errorf("took an archive without its last %d bytes and with another layer", cut)
		}
		if list, err := s.List(t.Context()); err != nil || len(list) != 0 {
			t.Errorf("the store lists %v, %v", list, err)
		}
		if left, err := os.ReadDir(filepath.Join(s.Dir(), "tmp")); err != nil || len(left) > 0 {
			t.Errorf("left in tmp: %v, %v", left, err)
		}
	}
}

// endless is a save that never ends.
type endless struct{ io.Reader }

func (endless) Close() error { return nil }

type endlessEngine struct {
	engine
	cancel context.CancelFunc
}

func (e *endlessEngine) connect(context.Context) (image.Engine, error) { return e, nil }

func (e *endlessEngine) Save(context.Context, string) (io.ReadCloser, error) {
	return endless{io.MultiReader(bytes.NewReader(e.images["mine:1"][:100_000]), stopReader{e.cancel})}, nil
}

// stopReader cancels and then waits for the reader to notice.
type stopReader struct{ cancel context.CancelFunc }

func (r stopReader) Read(p []byte) (int, error) { r.cancel(); return len(p), nil }

func TestSaveEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	e := &endlessEngine{engine{images: map[string][]byte{"mine:1": saved(t, "amd64", bigLayer(t, "a"))}, arch: "amd64"}, cancel}
	if _, err := open(t).Take(ctx, coldstart.Variant{Name: "v", Image: "mine:1"}, image.Options{Arch: "amd64", Engine: e.connect, Unpack: true}); err == nil || ctx.Err() == nil {
		t.Errorf("took it: %v", err)
	}
}

// TestOneProgressWhileUnpacking: an engine's image is inspected and unpacked at
// once, and a reader sees one piece of work at a time.
func TestOneProgressWhileUnpacking(t *testing.T) {
	s := open(t)
	var mu sync.Mutex
	running, most := map[string]bool{}, 0
	var works []string
	s.OnProgress(func(p image.Progress) {
		mu.Lock()
		defer mu.Unlock()
		if !running[p.Work] && !p.Ended {
			works = append(works, p.Work)
		}
		if running[p.Work] = true; p.Ended {
			delete(running, p.Work)
		}
		most = max(most, len(running))
	})
	takeUnpacked(t, s, &engine{images: map[string][]byte{"mine:1": saved(t, "amd64", bigLayer(t, "a"), bigLayer(t, "b"))}, arch: "amd64"})
	if most != 1 || len(running) != 0 || len(works) != 2 || works[1] != "unpacking" {
		t.Errorf("%d at once, %v not ended, of %q", most, running, works)
	}
}

// chained is a saved image like those of Docker up to 24: the file json beside a
// layer names the parent. order is that of the layers in the archive.
func chained(t *testing.T, layers [][]byte, order ...int) []byte {
	t.Helper()
	config := configOf(t, "amd64", layers...)
	var parts []part
	var names []string
	for i := range layers {
		names = append(names, fmt.Sprintf("%d/layer.tar", i))
	}
	for _, i := range order {
		about := object{"id": fmt.Sprint(i)}
		if i > 0 {
			about["parent"] = fmt.Sprint(i - 1)
		}
		parts = append(parts, part{name: fmt.Sprintf("%d/json", i), data: asJSON(t, about)}, part{name: names[i], data: layers[i]})
	}
	return archived(t, append(parts,
		part{name: hexOf(config) + ".json", data: config},
		part{name: "manifest.json", data: asJSON(t, []object{{"Config": hexOf(config) + ".json", "RepoTags": []string{"mine:1"}, "Layers": names}})}))
}

// TestLayersAreUnpackedInTheirOrder: whichever of its layers can be unpacked while
// they come, an image's folder is the same.
func TestLayersAreUnpackedInTheirOrder(t *testing.T) {
	big := strings.Repeat("x", 100_000)
	under := func(name, data string) member {
		m := member{data: data}.named(name)
		m.ModTime = time.Unix(int64(len(name)), 0)
		return m
	}
	layers := [][]byte{
		layerOf(t, under("d/a", big), under("d/b", "lowest"), under("e/c", "lowest")),
		layerOf(t, under("d/b", "middle"), under("d/.wh.a", ""), under("e/big", big)),
		layerOf(t, under("e/.wh..wh..opq", ""), under("e/d", big), under("d/b", "highest")),
	}
	want := ""
	for _, order := range [][]int{{2, 1, 0}, {0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}} {
		s := open(t)
		takeUnpacked(t, s, &engine{images: map[string][]byte{"mine:1": chained(t, layers, order...)}, arch: "amd64"})
		roots, err := filepath.Glob(filepath.Join(s.Dir(), "roots/*/root"))
		if err != nil || len(roots) != 1 {
			t.Fatalf("order %v: unpacked %v, %v", order, roots, err)
		}
		got := identities(t, roots[0])
		if want == "" {
			want = got // nothing is unpacked early: the lowest comes last
		}
		if data, err := os.ReadFile(filepath.Join(roots[0], "d/b")); got != want || string(data) != "highest" {
			t.Errorf("order %v: unpacked\n%s\nwant\n%s\nd/b is %q, %v", order, got, want, data, err)
		}
		if left, err := os.ReadDir(filepath.Join(s.Dir(), "tmp")); err != nil || len(left) > 0 {
			t.Errorf("order %v: left in tmp: %v, %v", order, left, err)
		}
	}
}

// TestDamagedLayerIsNotUnpacked: what was unpacked before a layer turned out to be
// another one than the configuration says is removed.
func TestDamagedLayerIsNotUnpacked(t *testing.T) {
	layers := [][]byte{bigLayer(t, "a"), bigLayer(t, "b")}
	archive := chained(t, layers, 0, 1)
	for _, damaged := range []string{"aaaaaaaa", "bbbbbbbb"} {
		data := bytes.Clone(archive)
		data[bytes.Index(data, []byte(damaged))] = 'x'
		s := open(t)
		if _, err := s.Take(t.Context(), coldstart.Variant{Name: "v", Image: "mine:1"}, image.Options{
			Arch: "amd64", Engine: (&engine{images: map[string][]byte{"mine:1": data}, arch: "amd64"}).connect, Unpack: true, PullTimeout: -1,
		}); err == nil {
			t.Errorf("took an image with damaged %s", damaged)
		}
		for _, dir := range []string{"tmp", "roots"} {
			if left, err := os.ReadDir(filepath.Join(s.Dir(), dir)); err != nil || len(left) > 0 {
				t.Errorf("damaged %s: left in %s: %v, %v", damaged, dir, left, err)
			}
		}
	}
}

// TestCompressedLayerIsVerified: a compressed layer that is not what the configuration
// says is refused, also if the store has the right one without compression.
func TestCompressedLayerIsVerified(t *testing.T) {
	layers := [][]byte{bigLayer(t, "a")}
	s := open(t)
	img := takeUnpacked(t, s, &engine{images: map[string][]byte{"mine:1": chained(t, layers, 0)}, arch: "amd64"})
	config := configOf(t, "amd64", layers...)
	put := func(layer []byte) (coldstart.Image, error) {
		return s.Put(t.Context(), "other:1", bytes.NewReader(archived(t, []part{
			{name: "layer", data: gzipped(layer)}, {name: "config", data: config},
			{name: "manifest.json", data: asJSON(t, []object{{"Config": "config", "Layers": []string{"layer"}}})},
		})))
	}
	if _, err := put(bigLayer(t, "b")); err == nil || !strings.Contains(err.Error(), "content does not match its digest") {
		t.Errorf("another layer: %v", err)
	}
	if got, err := put(layers[0]); err != nil || got.ID != img.ID || got.Digest == "" {
		t.Errorf("the right layer: %+v, %v", got, err)
	}
}

// TestRemovedLinkLeadsNowhere: a folder that the entry before was put in by the name
// of a symbolic link is another one when the link is removed.
func TestRemovedLinkLeadsNowhere(t *testing.T) {
	link := member{}.named("l")
	link.Typeflag, link.Linkname = tar.TypeSymlink, "."
	s := open(t)
	img, err := s.Put(t.Context(), "mine:1", bytes.NewReader(saved(t, "amd64", layerOf(t, link),
		layerOf(t, member{data: "x"}.named("l/x"), member{}.named("l/.wh.l"), member{data: "y"}.named("l/y")))))
	if err != nil {
		t.Fatal(err)
	}
	root, err := s.Unpack(t.Context(), img)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"x", "l/y"} {
		if _, err := os.Lstat(filepath.Join(root, name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Lstat(filepath.Join(root, "y")); err == nil {
		t.Error("y lies beside the link that led there")
	}
}
