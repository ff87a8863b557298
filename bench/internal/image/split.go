package image

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// splitSize is the size from which on a member of a saved image becomes a blob of
// its own, in bytes. All that is smaller is held in memory: configurations,
// manifests, versions.
const splitSize = 64 << 10

// splitBundle is a saved image whose layers are blobs of the store already, under
// their own digests: what came as a stream is written once. Blobs that no image
// comes to refer to are pruned like all others.
type splitBundle struct {
	store   *Store
	root    *rootStage // takes layers as they come; nil for none
	last    string     // the folder in the archive of the last layer in root
	single  bool       // whether the image has one layer
	members map[string]splitMember
	names   map[string]bool // at the root
}

var _ bundle = (*splitBundle)(nil)

// splitMember is a file of the archive.
type splitMember struct {
	data []byte // of a small one
	blob string // the path of a large one's blob
	link string // the member that this one is a link to
}

// splitBundle reads the archive in a stream. Each layer is inspected meanwhile and,
// if it comes in its turn, unpacked into root, which may be nil. layers is the
// number of the image's layers, 0 if unknown.
func (s *Store) splitBundle(ctx context.Context, r io.Reader, root *rootStage, layers int) (*splitBundle, error) {
	plain, err := decompressed(contextReader{ctx, r})
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	b := &splitBundle{store: s, root: root, single: layers == 1, members: map[string]splitMember{}, names: map[string]bool{}}
	for tr := tar.NewReader(plain); ; {
		h, err := tr.Next()
		if err == io.EOF {
			return b, drain(plain)
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return nil, cutShort(err)
		}
		if err := b.add(h, tr); err != nil {
			return nil, cutShort(err)
		}
	}
}

func (b *splitBundle) add(h *tar.Header, r io.Reader) (err error) {
	name, ok := cleanName(h.Name)
	if !ok || name == "." {
		return nil
	}
	first, _, _ := strings.Cut(name, "/")
	b.names[first] = true
	var m splitMember
	switch h.Typeflag {
	case tar.TypeReg:
		if h.Size < splitSize {
			m.data, err = io.ReadAll(r)
		} else {
			m.blob, err = b.keep(name, r)
		}
	case tar.TypeSymlink:
		m.link = path.Join(path.Dir(name), h.Linkname)
	case tar.TypeLink:
		m.link, ok = cleanName(h.Linkname)
	default:
		return nil
	}
	if err == nil && ok {
		b.members[name] = m
	}
	return err
}

// keep stores a large member as a blob and returns its path. If it is a layer, what
// is learned and unpacked meanwhile spares reading it again; if that fails, whoever
// reads the blob later gets the error.
func (b *splitBundle) keep(name string, r io.Reader) (string, error) {
	info := layerInfo{Format: layerFormat}
	var inspected error
	work := []func(io.Reader){func(r io.Reader) { inspected = readTar("layer", r, info.read) }}
	next := b.follows(name)
	if next {
		work = append(work, b.root.stream)
	}
	h, size, err := b.store.blobOf(r, work...)
	if err != nil {
		return "", err
	}
	if next {
		b.root.layers = append(b.root.layers, h)
		b.last = path.Dir(name)
	}
	if _, known := b.store.layerInfo(h); inspected == nil && !known {
		info.Blob = v1.Descriptor{MediaType: types.DockerUncompressedLayer, Digest: h, Size: size}
		err = b.store.writeRecord(layersDir, h.Hex, info)
	}
	return b.store.blobPath(h), err
}

// follows reports whether a member is the layer to be unpacked next. The order of
// the archive is not that of the layers, and the list of these comes last, but up
// to Docker 24 the file json beside a layer names its parent. Such an image of a
// newer Docker is unpacked as it comes only if it has a single layer.
func (b *splitBundle) follows(name string) bool {
	if b.root == nil || b.root.err != nil {
		return false
	}
	if b.single {
		return len(b.root.layers) == 0
	}
	var l legacyLayer
	m, ok := b.members[path.Join(path.Dir(name), "json")]
	return ok && json.Unmarshal(m.data, &l) == nil && l.Parent == b.last
}

// blobOf stores content as a blob and returns its digest and size. The digest is
// computed beside the writing, and so is all other work on the content.
func (s *Store) blobOf(r io.Reader, work ...func(io.Reader)) (v1.Hash, int64, error) {
	w, err := s.newBlob()
	if err != nil {
		return v1.Hash{}, 0, err
	}
	defer w.abort()
	sum := sha256.New()
	to := []io.Writer{w.file}
	var sides []*side
	for _, f := range append(work, func(r io.Reader) { _, _ = io.Copy(sum, r) }) {
		side := newSide(f)
		defer side.stop()
		to, sides = append(to, side), append(sides, side)
	}
	// Engines send a few kilobytes at a time, each of which would wake every side.
	all := bufio.NewWriterSize(io.MultiWriter(to...), sideChunk)
	if w.n, err = io.Copy(all, r); err == nil {
		err = all.Flush()
	}
	if err != nil {
		return v1.Hash{}, 0, err
	}
	for _, side := range sides {
		side.stop()
	}
	return w.commitAs(hex.EncodeToString(sum.Sum(nil)))
}

func (b *splitBundle) top() map[string]bool { return b.names }

// Close does nothing: the blobs stay.
func (b *splitBundle) Close() error { return nil }

// Open opens a member; links are followed inside the archive.
func (b *splitBundle) Open(name string) (fs.File, error) {
	target := name
	for range maxLinks {
		m, ok := b.members[target]
		switch {
		case !ok:
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		case m.blob != "":
			return os.Open(m.blob)
		case m.link == "":
			return &tarFile{io.NewSectionReader(bytes.NewReader(m.data), 0, int64(len(m.data))), path.Base(target)}, nil
		}
		target = m.link
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}
