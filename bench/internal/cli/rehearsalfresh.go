package cli

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

// freshStage is the registry of a rehearsal: images with one more layer, of which
// the bytes of that layer are kept, so that a run that goes on finds them.
type freshStage struct {
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

// keptFresh is how long the bytes of a fresh image are kept.
const keptFresh = 30 * 24 * time.Hour

func newFreshStage(store *image.Store, dir string) *freshStage {
	return &freshStage{store: store, dir: dir, made: map[string]freshImage{}}
}

// make makes n fresh images of an image and returns their digests.
func (f *freshStage) make(img coldstart.Image, n int) ([]string, error) {
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return nil, fmt.Errorf("keeping fresh images: %w", err)
	}
	f.forget()
	var digests []string
	for range n {
		data := image.FreshData()
		digest, err := f.store.Fresh(img, data)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(f.file(digest), data, 0o644); err != nil {
			return nil, fmt.Errorf("keeping fresh images: %w", err)
		}
		f.made[digest] = freshImage{img, data}
		digests = append(digests, digest)
	}
	return digests, nil
}

// recall takes up images that an earlier rehearsal made. One that is not to be had
// any more, or of another image, is left out.
func (f *freshStage) recall(img coldstart.Image, digests []string) {
	for _, digest := range digests {
		data, err := os.ReadFile(f.file(digest))
		if err != nil || len(data) != image.FreshSize {
			continue
		}
		if have, err := f.store.Fresh(img, data); err == nil && have == digest {
			f.made[digest] = freshImage{img, data}
		}
	}
}

// file is where the bytes of an image are. A digest that is none has no file.
func (f *freshStage) file(digest string) string {
	text := strings.TrimPrefix(digest, "sha256:")
	if _, err := hex.DecodeString(text); err != nil || text == "" {
		text = "none"
	}
	return filepath.Join(f.dir, text)
}

// forget removes bytes that nobody goes on with any more. What can't be removed
// does no harm.
func (f *freshStage) forget() {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > keptFresh {
			_ = os.Remove(filepath.Join(f.dir, e.Name()))
		}
	}
}

// find unpacks the image with the digest that a name ends in.
func (f *freshStage) find(ctx context.Context, uri string) (coldstart.Image, error) {
	_, digest, _ := strings.Cut(uri, "@")
	f.mu.Lock()
	defer f.mu.Unlock()
	fresh, ok := f.made[digest]
	if !ok {
		return coldstart.Image{}, fmt.Errorf("the rehearsal has no image %q", uri)
	}
	img, err := f.store.UnpackFresh(ctx, fresh.of, fresh.data)
	if err == nil {
		f.unpacked = append(f.unpacked, img)
	}
	return img, err
}

// close removes what was unpacked.
func (f *freshStage) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, img := range f.unpacked {
		f.store.RemoveFresh(img)
	}
	f.unpacked = nil
}
