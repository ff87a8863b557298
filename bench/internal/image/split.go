package image

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"path"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// splitSize is the size in bytes from which a member becomes a blob: layers. Smaller ones
// are held in memory: configurations, manifests, versions.
const splitSize = 64 << 10

// splitter reads a saved image whose layers become blobs of the store, under their
// own digests: what came as a stream is written once. Blobs that no image comes to
// refer to are pruned like all others.
type splitter struct {
	archiveBundle
	store  *Store
	root   *rootStage // takes layers as they come; nil for none
	last   string     // the folder in the archive of the last layer in root
	single bool       // whether the image has one layer
}

// splitBundle reads the archive in a stream. Each layer is inspected meanwhile and,
// if it comes in its turn, unpacked into root, which may be nil. layers is the
// number of the image's layers, 0 if unknown.
func (s *Store) splitBundle(ctx context.Context, r io.Reader, root *rootStage, layers int) (bundle, error) {
	plain, err := decompressed(contextReader{ctx, r})
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	b := &splitter{store: s, root: root, single: layers == 1}
	b.close = func() error { return nil } // the blobs stay
	if err := b.read(plain, b.keep); err != nil {
		return nil, err
	}
	return b, drain(plain)
}

// keep holds a small member in memory and stores a large one as a blob. If that is a
// layer, what is learned and unpacked meanwhile spares reading it again; if that
// fails, whoever reads the blob later gets the error.
func (b *splitter) keep(name string, size int64, r io.Reader) (opener, error) {
	if size < splitSize {
		data, err := io.ReadAll(r)
		return text(string(data)), err
	}
	info := layerInfo{Format: layerFormat}
	var inspected error
	work := []func(io.Reader){func(r io.Reader) { inspected = readTar("layer", r, info.read) }}
	next := b.follows(name)
	if next {
		work = append(work, b.root.stream)
	}
	d, err := b.store.blobOf(r, work...)
	if err != nil {
		return nil, err
	}
	if next {
		b.root.layers = append(b.root.layers, d.Digest)
		b.last = path.Dir(name)
	}
	if _, known := b.store.layerInfo(d.Digest); inspected == nil && !known {
		info.Blob = described(d, types.DockerUncompressedLayer)
		err = b.store.writeLayerInfo(d.Digest, info)
	}
	return fileOf(b.store.blobPath(d.Digest)), err
}

// follows reports whether a member is the layer to be unpacked next. An archive's order
// is not that of the layers, whose list comes last, but up to Docker 24 the file json
// beside a layer names its parent. A newer one has to have a single layer.
func (b *splitter) follows(name string) bool {
	if b.root == nil || b.root.err != nil {
		return false
	}
	if b.single {
		return len(b.root.layers) == 0
	}
	data, err := readDocument(b, path.Join(path.Dir(name), "json"))
	var l legacyLayer
	return err == nil && json.Unmarshal(data, &l) == nil && l.Parent == b.last
}

// sideChunk is how far the work of blobOf may be behind the writing, in bytes.
const sideChunk = 256 << 10

// blobOf stores content as a blob, and does other work on it in goroutines beside the
// writing. The content ends with io.EOF, also after an error. Work may return early.
func (s *Store) blobOf(r io.Reader, work ...func(io.Reader)) (v1.Descriptor, error) {
	return s.addBlob(func(w io.Writer) error {
		to := []io.Writer{w}
		var sides sync.WaitGroup
		defer sides.Wait()
		for _, f := range work {
			r, side := io.Pipe()
			defer side.Close()
			sides.Go(func() {
				f(bufio.NewReaderSize(r, sideChunk))
				_ = drain(r) // or the writer would wait for ever
			})
			to = append(to, side)
		}
		// Engines send a few kilobytes at a time, each of which would wake every side.
		all := bufio.NewWriterSize(io.MultiWriter(to...), sideChunk)
		if _, err := io.Copy(all, r); err != nil {
			return err
		}
		return all.Flush()
	})
}
