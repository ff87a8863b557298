package rehearsal

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
)

// Registry holds the fresh images of a rehearsal: another image with one more layer, whose
// bytes are kept on disk for a run that is resumed.
type Registry struct {
	store *image.Store
	dir   string

	mu       sync.Mutex
	made     map[string]freshImage // by digest
	unpacked []coldstart.Image
}

type freshImage struct {
	of   coldstart.Image
	data []byte
}

const kept = 30 * 24 * time.Hour

// NewRegistry returns a registry that keeps its bytes in a folder.
func NewRegistry(store *image.Store, dir string) *Registry {
	return &Registry{store: store, dir: dir, made: map[string]freshImage{}}
}

// Unpack unpacks an image, makes n fresh images of it and takes up earlier ones.
func (r *Registry) Unpack(ctx context.Context, img coldstart.Image, n int, earlier []string) (coldstart.Image, []string, error) {
	var fresh []string
	var err error
	if img.Root, err = r.store.Unpack(ctx, img); err == nil && n > 0 {
		fresh, err = r.make(img, n)
		r.recall(img, earlier)
	}
	return img, fresh, err
}

func (r *Registry) make(img coldstart.Image, n int) ([]string, error) {
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		return nil, fmt.Errorf("keeping fresh images: %w", err)
	}
	r.forget()
	var digests []string
	for range n {
		data := image.FreshData()
		digest, err := r.store.Fresh(img, data)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(r.file(digest), data, 0o644); err != nil {
			return nil, fmt.Errorf("keeping fresh images: %w", err)
		}
		r.made[digest] = freshImage{img, data}
		digests = append(digests, digest)
	}
	return digests, nil
}

// recall takes up images that an earlier rehearsal made, if their bytes are still there.
func (r *Registry) recall(img coldstart.Image, digests []string) {
	for _, digest := range digests {
		data, err := os.ReadFile(r.file(digest))
		if err != nil || len(data) != image.FreshSize {
			continue
		}
		if have, err := r.store.Fresh(img, data); err == nil && have == digest {
			r.made[digest] = freshImage{img, data}
		}
	}
}

// file is where the bytes of an image are. A text that is no digest has no file.
func (r *Registry) file(digest string) string {
	text := strings.TrimPrefix(digest, "sha256:")
	if _, err := hex.DecodeString(text); err != nil || text == "" {
		text = "none"
	}
	return filepath.Join(r.dir, text)
}

func (r *Registry) forget() {
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > kept {
			_ = os.Remove(filepath.Join(r.dir, e.Name()))
		}
	}
}

// Find unpacks the image with the digest that a name ends in.
func (r *Registry) Find(ctx context.Context, uri string) (coldstart.Image, error) {
	_, digest, _ := strings.Cut(uri, "@")
	r.mu.Lock()
	defer r.mu.Unlock()
	fresh, ok := r.made[digest]
	if !ok {
		return coldstart.Image{}, fmt.Errorf("the rehearsal has no image %q", uri)
	}
	img, err := r.store.UnpackFresh(ctx, fresh.of, fresh.data)
	if err == nil {
		r.unpacked = append(r.unpacked, img)
	}
	return img, err
}

// Close removes what was unpacked.
func (r *Registry) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, img := range r.unpacked {
		r.store.RemoveFresh(img)
	}
	r.unpacked = nil
}
