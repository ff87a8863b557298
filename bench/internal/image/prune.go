package image

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// What is kept although nothing refers to it: unpacked images for the next
// rebuild back and forth, content that a build in progress may be about to use.
const (
	keptRoots   = 16
	rootIdle    = 24 * time.Hour
	contentIdle = time.Hour
)

// pruneRoots removes those of earlier versions and the longest unused beyond keptRoots.
func (s *Store) pruneRoots() {
	entries, err := os.ReadDir(s.path(rootsDir))
	if err != nil {
		return
	}
	var roots []fs.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			roots = append(roots, info)
		}
	}
	slices.SortFunc(roots, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	for i, root := range roots {
		stale := !strings.HasSuffix(root.Name(), rootVersion)
		if (i >= keptRoots || stale) && time.Since(root.ModTime()) > rootIdle {
			s.removeRoot(root.Name())
		}
	}
}

// removeRoot takes an unpacked image away in one step, then removes it.
func (s *Store) removeRoot(name string) {
	away, err := os.MkdirTemp(s.path(tempDir), "gone-")
	if err != nil {
		return
	}
	if os.Rename(s.path(rootsDir, name), away) != nil {
		// Where a folder can't replace an empty one, it goes into it.
		_ = os.Rename(s.path(rootsDir, name), away+"/root")
	}
	removeTree(away)
}

// prune removes what none of the entries refers to and nobody used for an hour,
// and returns how many bytes of content that was. The lock is held.
func (s *Store) prune(entries []v1.Descriptor) (int64, error) {
	blobs, layers, contents := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, e := range entries {
		blobs[e.Digest.Hex] = true
		c, err := s.load(e)
		if err != nil {
			continue
		}
		blobs[c.manifest.Config.Digest.Hex] = true
		contents[c.manifest.Config.Digest.Hex+".json"] = true
		for _, l := range c.layers {
			blobs[l.Blob.Digest.Hex] = true
			layers[l.DiffID.Hex+".json"] = true
		}
	}
	freed, err := s.removeUnused(blobsDir, blobs)
	_, errLayers := s.removeUnused(layersDir, layers)
	_, errContents := s.removeUnused(contentsDir, contents)
	s.pruneRoots()
	return freed, errors.Join(err, errLayers, errContents)
}

// removeUnused removes the files of a folder that are not in a set.
func (s *Store) removeUnused(dir string, kept map[string]bool) (int64, error) {
	entries, err := os.ReadDir(s.path(dir))
	if err != nil {
		return 0, err
	}
	var freed int64
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || kept[e.Name()] || strings.HasPrefix(e.Name(), ".") || time.Since(info.ModTime()) < contentIdle {
			continue
		}
		if err := os.Remove(s.path(dir, e.Name())); err != nil {
			return freed, err
		}
		freed += info.Size()
	}
	return freed, nil
}
