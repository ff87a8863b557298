package image

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// rootStage is the folder of an image that is being unpacked, beside its place.
type rootStage struct {
	temp     string
	root     *os.Root // the folder root in temp
	unpacker *unpacker
	layers   []v1.Hash // the diff IDs of what is unpacked, the lowest first
	err      error     // of a layer that is unpacked only in part
}

// startRoot makes an empty folder. It must be dropped, also after it was moved.
func (s *Store) startRoot() (*rootStage, error) {
	temp, err := os.MkdirTemp(s.path(tempDir), "root-")
	if err != nil {
		return nil, err
	}
	r := &rootStage{temp: temp}
	dir := filepath.Join(temp, "root")
	if err = os.Mkdir(dir, 0o755); err == nil {
		// A function's user must be able to get there, whatever the umask.
		err = errors.Join(os.Chmod(temp, 0o755), os.Chmod(dir, 0o755))
	}
	if err == nil {
		r.root, err = os.OpenRoot(dir)
	}
	if err != nil {
		r.drop()
		return nil, err
	}
	r.unpacker = newUnpacker(r.root)
	return r, nil
}

// stream unpacks one more layer, whose diff ID the caller computes and enters.
func (r *rootStage) stream(layer io.Reader) {
	r.unpacker.fresh = map[string]bool{}
	r.err = readTar("layer", layer, r.unpacker.member)
}

// begins reports whether the folder holds the lowest of an image's layers only.
func (r *rootStage) begins(layers []layer) bool {
	if r == nil || r.err != nil || len(r.layers) > len(layers) {
		return false
	}
	for i, diffID := range r.layers {
		if layers[i].DiffID != diffID {
			return false
		}
	}
	return true
}

func (r *rootStage) close() {
	r.unpacker.leave()
	r.root.Close()
}

// drop removes the folder, unless it was moved; for nil it does nothing.
func (r *rootStage) drop() {
	if r == nil {
		return
	}
	if r.root != nil {
		r.close()
	}
	removeTree(r.temp)
}
