package image

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
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

// splitBundle reads the archive in a stream.
func (s *Store) splitBundle(ctx context.Context, r io.Reader) (*splitBundle, error) {
	plain, err := decompressed(contextReader{ctx, r})
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	b := &splitBundle{store: s, members: map[string]splitMember{}, names: map[string]bool{}}
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
			m.blob, err = b.store.blobOf(r)
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

// blobOf stores content as a blob and returns its path. The digest is computed
// beside the writing.
func (s *Store) blobOf(r io.Reader) (string, error) {
	w, err := s.newBlob()
	if err != nil {
		return "", err
	}
	defer w.abort()
	sum := newSideSum()
	defer sum.stop()
	if w.n, err = io.CopyBuffer(io.MultiWriter(w.file, sum), r, make([]byte, sideChunk)); err != nil {
		return "", err
	}
	h, _, err := w.commitAs(sum.hex())
	return s.blobPath(h), err
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
