package image

import (
	"context"
	"fmt"
	"io"

	"coldbench/bench/internal/coldstart"
)

// Put imports an archive that holds one image.
func (s *Store) Put(ctx context.Context, ref string, archive io.Reader) (coldstart.Image, error) {
	img, _, err := s.ImportStream(ctx, archive, ImportOptions{Ref: ref})
	return img, err
}

// Prune is what the store does by itself when an image drops out of its index.
func (s *Store) Prune() (int64, error) {
	unlock, err := s.index.Lock()
	if err != nil {
		return 0, err
	}
	defer unlock()
	entries, err := s.readIndex()
	if err != nil {
		return 0, fmt.Errorf("pruning image store: %w", err)
	}
	return s.prune(entries)
}
