package image_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
)

// benchmarkStore makes a store with a base of 100 MB in 3000 files, and a
// context with a binary of 6 MB.
func benchmarkStore(b *testing.B) (*image.Store, string) {
	b.Helper()
	dir := b.TempDir()
	s, err := image.OpenStore(filepath.Join(dir, "images"))
	if err != nil {
		b.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	noise := func(n int) []byte {
		data := make([]byte, n)
		for i := range data {
			data[i] = byte(random.Uint32() & 0x3f)
		}
		return data
	}
	base, context := filepath.Join(dir, "base"), filepath.Join(dir, "context")
	for i := range 3000 {
		p := filepath.Join(base, fmt.Sprintf("usr/%d/%d", i%100, i))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(p, noise(33_000), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	if err := os.MkdirAll(context, 0o755); err != nil {
		b.Fatal(err)
	}
	for name, data := range map[string][]byte{
		filepath.Join(base, "Dockerfile"):       []byte("FROM scratch\nCOPY usr /usr\n"),
		filepath.Join(context, "Dockerfile"):    []byte("FROM scratch\nCOPY bootstrap /var/runtime/bootstrap\n"),
		filepath.Join(context, "Dockerfile-on"): []byte("FROM bench/base\nCOPY bootstrap /var/runtime/bootstrap\n"),
		filepath.Join(context, "bootstrap"):     noise(6_000_000),
	} {
		if err := os.WriteFile(name, data, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	img, err := s.Build(b.Context(), variant(base), image.Options{Arch: "amd64"})
	if err != nil {
		b.Fatal(err)
	}
	var buf bytes.Buffer
	if err := s.WriteTar(b.Context(), img.ID, &buf); err != nil {
		b.Fatal(err)
	}
	if _, err := s.Put(b.Context(), "bench/base", &buf); err != nil {
		b.Fatal(err)
	}
	return s, context
}

// BenchmarkUnchanged builds and unpacks again what is in the store already:
// what a run costs before its first sample.
func BenchmarkUnchanged(b *testing.B) {
	s, context := benchmarkStore(b)
	build := func(b *testing.B, file string) coldstart.Image {
		v := coldstart.Variant{Name: file, Build: &coldstart.Build{Context: context, Dockerfile: filepath.Join(context, file)}}
		img, err := s.Build(b.Context(), v, image.Options{Arch: "amd64"})
		if err != nil {
			b.Fatal(err)
		}
		return img
	}
	unpack := func(b *testing.B, img coldstart.Image) {
		if _, err := s.Unpack(b.Context(), img); err != nil {
			b.Fatal(err)
		}
	}
	for name, file := range map[string]string{"scratch": "Dockerfile", "base": "Dockerfile-on"} {
		img := build(b, file)
		unpack(b, img)
		b.Run("build-"+name, func(b *testing.B) {
			for b.Loop() {
				build(b, file)
			}
		})
		b.Run("unpack-"+name, func(b *testing.B) {
			for b.Loop() {
				unpack(b, img)
			}
		})
		b.Run("tar-"+name, func(b *testing.B) {
			b.SetBytes(img.CompressedBytes)
			for b.Loop() {
				if err := s.WriteTar(b.Context(), img.ID, io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
