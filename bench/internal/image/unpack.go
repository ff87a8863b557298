package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"coldbench/bench/internal/coldstart"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// mountPoints and hostsFile are in every unpacked image, beside what the image has, so
// that a read-only mount of it is a usable root.
var mountPoints = []string{"dev", "proc", "sys", "tmp"}

const hostsFile = "etc/hosts"

// rootVersion is part of the name of an unpacked image's folder, and is raised whenever
// Unpack makes something else of the same image. Folders of version 1 have no suffix and
// the time of unpacking; those of version 2 have neither sys nor etc/hosts.
const rootVersion = "-3"

// rootPlace returns where an image with an ID is unpacked, or would be.
func (s *Store) rootPlace(hex string) string { return s.path(rootsDir, hex+rootVersion) }

// Unpack returns the folder that holds the files of an image of the store, for reading only.
// It is made once for an image ID. It has the image's modification times, and its modes but
// no set-ID bits; owners are the image's if this process is root, else its own, who may
// then write to every folder; devices are left out. dev, proc, sys and tmp are always
// folders, etc/hosts is always a file.
func (s *Store) Unpack(ctx context.Context, img coldstart.Image) (string, error) {
	return s.unpackOnce(ctx, img.ID, func() (*content, error) {
		return s.byID(img.ID)
	})
}

// unpackOnce is Unpack of content that is looked for if the folder is not there.
func (s *Store) unpackOnce(ctx context.Context, id string, find func() (*content, error)) (string, error) {
	h, err := v1.NewHash(id)
	if err != nil {
		return "", fmt.Errorf("unpacking image %q: %w", id, err)
	}
	lock, _ := s.roots.LoadOrStore(h.Hex, &sync.Mutex{})
	one := lock.(*sync.Mutex)
	one.Lock()
	defer one.Unlock()

	place := s.rootPlace(h.Hex)
	root := filepath.Join(place, "root")
	if info, err := os.Lstat(root); err == nil && info.IsDir() {
		now := time.Now()
		_ = os.Chtimes(place, now, now)
		return root, nil
	}
	c, err := find()
	if err == nil {
		err = s.unpack(ctx, c, place)
	}
	if err != nil {
		return "", fmt.Errorf("unpacking image %s: %w", id, err)
	}
	s.pruneRoots()
	return root, nil
}

// unpack makes the folder of an image beside its place and moves it there.
func (s *Store) unpack(ctx context.Context, c *content, place string) error {
	r := c.started
	if !r.begins(c.layers) {
		var err error
		if r, err = s.startRoot(); err != nil {
			return err
		}
	}
	defer r.drop()
	rest := c.layers[len(r.layers):]
	r.unpacker.meter = s.Meter("unpacking", s.unpackedSize(rest))
	defer r.unpacker.meter.End()
	for _, l := range rest {
		if err := r.unpacker.layer(ctx, s, l); err != nil {
			return err
		}
	}
	return r.moveTo(place)
}

// unpackedSize returns the bytes of the files in layers, 0 if a layer is unknown.
func (s *Store) unpackedSize(layers []layer) (size int64) {
	for _, l := range layers {
		info, ok := s.layerInfo(l.DiffID)
		if !ok {
			return 0
		}
		size += info.Unpacked
	}
	return size
}

// moveTo completes the folder and moves it to its place.
func (r *rootStage) moveTo(place string) error {
	if err := r.unpacker.finish(); err != nil {
		return err
	}
	r.close()
	err := os.Rename(r.temp, place)
	if errors.Is(err, fs.ErrExist) || errors.Is(err, errNotEmpty) {
		// Another process was faster, with the same content.
		return nil
	}
	return err
}
