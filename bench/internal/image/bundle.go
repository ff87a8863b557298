package image

import (
	"archive/tar"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"coldbench/bench/internal/advice"
)

// bundle is a file or folder that may hold images. Nothing is extracted: its
// names are keys, whatever they look like.
type bundle interface {
	fs.FS
	// top lists the names at the root.
	top() map[string]bool
	io.Closer
}

// openBundle opens an archive, compressed or not, or a folder.
func (s *Store) openBundle(ctx context.Context, name string) (bundle, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		root, err := os.OpenRoot(name)
		if err != nil {
			return nil, err
		}
		return folderBundle{root.FS(), root}, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	meter := s.Meter("reading "+name, 0)
	defer meter.End()
	if !info.Mode().IsRegular() {
		defer f.Close()
		return s.readBundle(ctx, io.TeeReader(f, meter))
	}
	head := make([]byte, headSize)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		f.Close()
		return nil, err
	}
	if !looksTar(head[:n]) {
		defer f.Close()
		return s.readBundle(ctx, io.TeeReader(f, meter))
	}
	b := newTarBundle(f)
	if err := b.index(ctx); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// readBundle copies an archive out of a stream into a temporary file, without
// its compression.
func (s *Store) readBundle(ctx context.Context, r io.Reader) (bundle, error) {
	plain, err := decompressed(contextReader{ctx, r})
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	f, err := os.CreateTemp(s.path(tempDir), "save-")
	if err != nil {
		return nil, err
	}
	b := newTarBundle(f)
	b.temporary = true
	if _, err = io.Copy(f, plain); err == nil {
		err = b.index(ctx)
	}
	if err != nil {
		b.Close()
		return nil, cutShort(err)
	}
	return b, nil
}

// headSize is enough to recognize a format by: one block of a tar.
const headSize = 512

// looksTar reports whether a file that starts like this is a tar archive.
func looksTar(head []byte) bool {
	_, err := tar.NewReader(bytes.NewReader(head)).Next()
	return len(head) == headSize && !errors.Is(err, tar.ErrHeader) && err != io.EOF
}

// decompressed returns the tar stream in r. An error says what r is instead.
func decompressed(r io.Reader) (io.ReadCloser, error) {
	outer, head, err := peek(r)
	if err != nil {
		return nil, err
	}
	switch {
	case len(head) == 0:
		return nil, errors.New("it is empty")
	case looksTar(head):
		return io.NopCloser(outer), nil
	case isXZ(head):
		return nil, advice.Hint(errors.New("it is compressed with xz"), "decompress it with `xz -d`")
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return nil, advice.Hint(errors.New("it is a zip archive, not an image"), saveHint)
	}
	plain, err := uncompress(head, outer)
	if err != nil {
		return nil, cutShort(err)
	}
	if plain == nil {
		return nil, advice.Hint(errors.New("it is not a tar archive"), saveHint)
	}
	inner, head, err := peek(plain)
	if err != nil {
		plain.Close()
		return nil, cutShort(err)
	}
	if !looksTar(head) {
		plain.Close()
		return nil, advice.Hint(errors.New("it is compressed, but not a tar archive"), saveHint)
	}
	return struct {
		io.Reader
		io.Closer
	}{inner, plain}, nil
}

// uncompress undoes gzip, bzip2 or zstd, by the first bytes of the content; nil
// for content that is compressed with none of them.
func uncompress(head []byte, r io.Reader) (io.ReadCloser, error) {
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return gzip.NewReader(r)
	case bytes.HasPrefix(head, []byte("BZh")):
		return io.NopCloser(bzip2.NewReader(r)), nil
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		d, err := zstd.NewReader(r)
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}
	return nil, nil
}

// isXZ reports whether content that begins with head is compressed with xz, for
// which there is no library here.
func isXZ(head []byte) bool { return bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")) }

// saveHint tells how to make an archive that can be imported.
const saveHint = "write the image to a file with `docker save IMAGE -o FILE`"

// peek returns the start of a stream and a reader of all of it.
func peek(r io.Reader) (all io.Reader, head []byte, err error) {
	head = make([]byte, headSize)
	n, err := io.ReadFull(r, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, nil, err
	}
	if err == io.ErrUnexpectedEOF && n == 0 {
		return nil, nil, err
	}
	return io.MultiReader(bytes.NewReader(head[:n]), r), head[:n], nil
}

// cutShort names what an unexpected end of an archive means.
func cutShort(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the archive is cut short: %w", err)
	}
	return err
}

// folderBundle is a folder.
type folderBundle struct {
	fs.FS
	io.Closer
}

func (b folderBundle) top() map[string]bool {
	names := map[string]bool{}
	entries, _ := fs.ReadDir(b, ".")
	for _, e := range entries {
		names[e.Name()] = true
	}
	return names
}

// tarBundle is a tar archive in a file, read in place.
type tarBundle struct {
	file      *os.File
	temporary bool // the file goes with the bundle
	members   map[string]member
	names     map[string]bool // at the root
}

// member is a file of a tar archive.
type member struct {
	offset, size int64
	link         string // the member that this one is a link to
}

var (
	_ bundle = (*tarBundle)(nil)
	_ bundle = folderBundle{}
)

func newTarBundle(f *os.File) *tarBundle {
	return &tarBundle{file: f, members: map[string]member{}, names: map[string]bool{}}
}

// index finds the members of the archive. Of two with one name the last one
// counts, as it would when extracting.
func (b *tarBundle) index(ctx context.Context) error {
	if _, err := b.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	tr := tar.NewReader(b.file)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := tr.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return cutShort(err)
		}
		name, ok := cleanName(h.Name)
		if !ok || name == "." {
			continue
		}
		first, _, _ := strings.Cut(name, "/")
		b.names[first] = true
		switch h.Typeflag {
		case tar.TypeReg:
			// The reader takes whole blocks and nothing ahead: the file stands
			// where the content starts.
			offset, err := b.file.Seek(0, io.SeekCurrent)
			if err != nil {
				return err
			}
			b.members[name] = member{offset: offset, size: h.Size}
		case tar.TypeSymlink:
			b.members[name] = member{link: path.Join(path.Dir(name), h.Linkname)}
		case tar.TypeLink:
			if target, ok := cleanName(h.Linkname); ok {
				b.members[name] = member{link: target}
			}
		}
	}
}

func (b *tarBundle) top() map[string]bool { return b.names }

// Close closes the file and removes a temporary one.
func (b *tarBundle) Close() error {
	err := b.file.Close()
	if b.temporary {
		err = errors.Join(err, os.Remove(b.file.Name()))
	}
	return err
}

// Open opens a member; links are followed inside the archive.
func (b *tarBundle) Open(name string) (fs.File, error) {
	target := name
	for range maxLinks {
		m, ok := b.members[target]
		if !ok {
			break
		}
		if m.link == "" {
			return &tarFile{io.NewSectionReader(b.file, m.offset, m.size), path.Base(target)}, nil
		}
		target = m.link
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// tarFile is an open member, and its own fs.FileInfo.
type tarFile struct {
	*io.SectionReader
	name string
}

// Stat returns the file itself.
func (f *tarFile) Stat() (fs.FileInfo, error) { return f, nil }

// Close does nothing: the archive stays open.
func (f *tarFile) Close() error { return nil }

// Name returns the last part of the member's name.
func (f *tarFile) Name() string { return f.name }

// Mode returns that of a file that can be read.
func (f *tarFile) Mode() fs.FileMode { return 0o444 }

// ModTime returns the zero time: nothing asks for it.
func (f *tarFile) ModTime() time.Time { return time.Time{} }

// IsDir returns false.
func (f *tarFile) IsDir() bool { return false }

// Sys returns nil.
func (f *tarFile) Sys() any { return nil }
