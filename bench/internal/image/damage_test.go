package image_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"coldbench/bench/internal/image"
)

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
