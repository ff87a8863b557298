package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"time"

	"coldbench/bench/internal/advice"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/rogpeppe/go-internal/lockedfile"
)

// The parts of a store's folder beside the OCI layout's own.
const (
	blobsDir    = "blobs/sha256" // content by digest
	layersDir   = "layers"       // what is in a layer, by its diff ID
	contentsDir = "contents"     // what is known of an image, by image ID
	rootsDir    = "roots"        // unpacked images, by image ID and rootVersion
	tempDir     = "tmp"          // what is being written
	lockFile    = ".lock"        // held while index.json is changed
	indexFile   = "index.json"
)

// staleAfter is the age of an unfinished file from which its process must be dead.
const staleAfter = time.Hour

// Store is the project's image store, an OCI layout in a folder, for any number of goroutines
// and processes: content is written beside its place and renamed to its digest, so that a
// killed process leaves at most a file that nothing refers to.
type Store struct {
	dir   string
	index *lockedfile.Mutex

	progress func(Progress) // nil for none

	asked sync.Map // registries, once a reference: func() (*content, error)
	roots sync.Map // unpacking, once an image: *sync.Mutex

	mu    sync.Mutex
	about string          // see About
	kept  map[string]bool // image IDs, see Keep
}

// OpenStore opens the store in dir and makes one if there is none. A damaged index is set
// aside: all that it holds can be made again.
func OpenStore(dir string) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("opening image store: %w", err)
	}
	s := &Store{
		dir:   dir,
		index: lockedfile.MutexAt(filepath.Join(dir, lockFile)),
		kept:  map[string]bool{},
	}
	if err := s.prepare(); err != nil {
		return nil, advice.Hint(fmt.Errorf("opening image store %s: %w", dir, err),
			"make "+dir+" writable, or remove it: it holds nothing that can't be made again")
	}
	return s, nil
}

// Dir returns the store's folder.
func (s *Store) Dir() string { return s.dir }

// prepare makes what is missing and removes what a killed process left.
func (s *Store) prepare() error {
	for _, d := range []string{blobsDir, layersDir, contentsDir, rootsDir, tempDir} {
		if err := os.MkdirAll(s.path(d), 0o755); err != nil {
			return err
		}
	}
	unlock, err := s.index.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	if data, err := os.ReadFile(s.path("oci-layout")); err != nil || !json.Valid(data) {
		if err := s.replaceFile("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)); err != nil {
			return err
		}
	}
	if _, err := s.readIndex(); err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			if err := os.Rename(s.path(indexFile), s.path(indexFile+".unreadable")); err != nil {
				return err
			}
		}
		if err := s.writeIndex(nil); err != nil {
			return err
		}
	}
	s.sweep()
	return nil
}

// sweep removes unfinished files of dead processes. What can't be removed is left.
func (s *Store) sweep() {
	entries, err := os.ReadDir(s.path(tempDir))
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > staleAfter {
			removeTree(s.path(tempDir, e.Name()))
		}
	}
}

func (s *Store) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

// The annotations of an index entry.
const (
	annotationRef      = "org.opencontainers.image.ref.name" // what it was imported as; OCI's own
	annotationBase     = "coldbench.base"                    // the reference that FROM named
	annotationSource   = "coldbench.source"                  // one of the sources
	annotationVariant  = "coldbench.variant"                 // what it was built for
	annotationBuilder  = "coldbench.builder"                 // the buildVersion of what bench built
	annotationEngineID = "coldbench.engine-id"               // under which the engine knew it
)

// The sources of an image.
const (
	sourceBuild    = "build"    // built in process
	sourcePut      = "put"      // imported from a file or stream
	sourceEngine   = "engine"   // saved from a container engine
	sourceRegistry = "registry" // pulled
)

// readIndex returns the entries of index.json whose manifest is there.
func (s *Store) readIndex() ([]v1.Descriptor, error) {
	data, err := os.ReadFile(s.path(indexFile))
	if err != nil {
		return nil, err
	}
	var m v1.IndexManifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("reading %s: %w", indexFile, err)
	}
	kept := m.Manifests[:0]
	for _, d := range m.Manifests {
		if s.hasBlob(d) {
			kept = append(kept, d)
		}
	}
	return kept, nil
}

// images returns the images of the index whose content is there, the newest first.
func (s *Store) images() (iter.Seq[*content], error) {
	entries, err := s.readIndex()
	return func(yield func(*content) bool) {
		for _, e := range slices.Backward(entries) {
			if c, err := s.load(e); err == nil && !yield(c) {
				return
			}
		}
	}, err
}

// writeIndex replaces index.json. The lock is held.
func (s *Store) writeIndex(entries []v1.Descriptor) error {
	if entries == nil {
		entries = []v1.Descriptor{}
	}
	data, err := json.MarshalIndent(v1.IndexManifest{
		SchemaVersion: 2,
		MediaType:     types.OCIImageIndex,
		Manifests:     entries,
	}, "", "  ")
	if err != nil {
		return err
	}
	return s.replaceFile(indexFile, append(data, '\n'))
}

// keptGenerations is how many images of one name and architecture the index keeps, for two
// benches may build different ones under one name. Those of Keep come on top.
const keptGenerations = 8

// record enters an image under its name and architecture, as the newest.
func (s *Store) record(d v1.Descriptor) error {
	unlock, err := s.index.Lock()
	if err != nil {
		return fmt.Errorf("locking image store: %w", err)
	}
	defer unlock()
	entries, err := s.readIndex()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if n := len(entries); n > 0 && reflect.DeepEqual(entries[n-1], d) {
		return nil
	}
	kept, same, dropped := []v1.Descriptor{d}, 1, false
	for _, e := range slices.Backward(entries) {
		if nameOf(e) == nameOf(d) {
			if e.Digest == d.Digest {
				continue
			}
			if same++; same > keptGenerations && !s.keeps(e) {
				dropped = true
				continue
			}
		}
		kept = append(kept, e)
	}
	slices.Reverse(kept)
	if err := s.writeIndex(kept); err != nil {
		return err
	}
	if dropped {
		// Whatever can't be removed now is tried again next time.
		_, _ = s.prune(kept)
	}
	return nil
}

// Keep keeps images in the index while this Store is used, whatever is built after them:
// those that may be measured again. An unknown ID does no harm.
func (s *Store) Keep(ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		s.kept[id] = true
	}
}

// keeps reports whether an entry is one of Keep.
func (s *Store) keeps(d v1.Descriptor) bool {
	c, err := s.load(d)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept[c.id()]
}

// nameOf is what two entries of one image's generations have in common.
func nameOf(d v1.Descriptor) [3]string {
	name := [3]string{d.Annotations[annotationVariant], canonical(d.Annotations[annotationRef])}
	if d.Platform != nil {
		name[2] = d.Platform.Architecture
	}
	return name
}

// removeTree removes a folder whatever the modes of the folders in it.
func removeTree(dir string) error {
	err := os.RemoveAll(dir)
	if err == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if e != nil && e.IsDir() {
			_ = os.Chmod(p, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}
