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

	"github.com/klauspost/compress/zstd"

	"coldbench/bench/internal/advice"
)

// opener opens content and says how long it is.
type opener func() (io.ReadCloser, int64, error)

// text opens content in memory.
func text(data string) opener { return part(strings.NewReader(data), 0, int64(len(data))) }

// part opens a part of a file, or of memory, that stays open.
func part(r io.ReaderAt, offset, size int64) opener {
	return func() (io.ReadCloser, int64, error) {
		return io.NopCloser(io.NewSectionReader(r, offset, size)), size, nil
	}
}

// fileOf opens a file of the store.
func fileOf(name string) opener {
	return func() (io.ReadCloser, int64, error) { return sized(os.Open(name)) }
}

func sized(f *os.File, err error) (io.ReadCloser, int64, error) {
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// bundle is a file or folder that may hold images. Nothing is extracted: its
// names are keys, whatever they look like.
type bundle interface {
	// open opens a file; one that is not there is an error that wraps
	// fs.ErrNotExist.
	open(name string) (io.ReadCloser, int64, error)
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
		return folderBundle{root}, err
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	meter := s.Meter("reading "+name, 0)
	defer meter.End()
	if info.Mode().IsRegular() {
		head := make([]byte, headSize)
		n, err := f.ReadAt(head, 0)
		if err == nil || err == io.EOF {
			if looksTar(head[:n]) {
				return indexed(ctx, f, f.Close)
			}
		}
	}
	defer f.Close()
	return s.readBundle(ctx, io.TeeReader(f, meter))
}

// readBundle copies an archive from a stream, decompressed, into a temporary file.
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
	remove := func() error { return errors.Join(f.Close(), os.Remove(f.Name())) }
	if _, err = io.Copy(f, plain); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		remove()
		return nil, cutShort(err)
	}
	return indexed(ctx, f, remove)
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
	return readCloser{inner, plain}, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

// uncompress undoes gzip, bzip2 or zstd, told by the first bytes; nil for none of them.
func uncompress(head []byte, r io.Reader) (io.ReadCloser, error) {
	switch {
	case isGzip(head):
		return gzip.NewReader(r)
	case bytes.HasPrefix(head, []byte("BZh")):
		return io.NopCloser(bzip2.NewReader(r)), nil
	case isZstd(head):
		d, err := zstd.NewReader(r)
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}
	return nil, nil
}

func isGzip(head []byte) bool { return bytes.HasPrefix(head, []byte("\x1f\x8b")) }
func isZstd(head []byte) bool { return bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")) }

// isXZ reports whether content is compressed with xz, for which there is no library here.
func isXZ(head []byte) bool { return bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")) }

// saveHint tells how to make an archive that can be imported.
const saveHint = "write the image to a file with `docker save IMAGE -o FILE`"

// peek returns the start of a stream and a reader of all of it.
func peek(r io.Reader) (all io.Reader, head []byte, err error) {
	head = make([]byte, headSize)
	n, err := io.ReadFull(r, head)
	if err != nil && err != io.EOF && (err != io.ErrUnexpectedEOF || n == 0) {
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

type folderBundle struct{ *os.Root }

func (b folderBundle) open(name string) (io.ReadCloser, int64, error) { return sized(b.Open(name)) }

func (b folderBundle) top() map[string]bool {
	names := map[string]bool{}
	entries, _ := fs.ReadDir(b.FS(), ".")
	for _, e := range entries {
		names[e.Name()] = true
	}
	return names
}

type archiveBundle struct {
	members map[string]archiveMember
	names   map[string]bool // at the root
	close   func() error
}

// archiveMember is a file of an archive, or the name of the one that it links to.
type archiveMember struct {
	open opener
	link string
}

var (
	_ bundle = (*archiveBundle)(nil)
	_ bundle = folderBundle{}
)

// indexed finds the members of an archive in an open file and reads them in place.
func indexed(ctx context.Context, f *os.File, close func() error) (bundle, error) {
	b := &archiveBundle{close: close}
	err := b.read(contextReader{ctx, f}, func(_ string, size int64, _ io.Reader) (opener, error) {
		// The reader takes whole blocks and nothing ahead: the file stands
		// where the content starts.
		offset, err := f.Seek(0, io.SeekCurrent)
		return part(f, offset, size), err
	})
	if err != nil {
		close()
		return nil, err
	}
	return b, nil
}

// read has keep take each file of an archive. Of two with one name the last counts.
func (b *archiveBundle) read(r io.Reader, keep func(name string, size int64, r io.Reader) (opener, error)) error {
	b.members, b.names = map[string]archiveMember{}, map[string]bool{}
	for tr := tar.NewReader(r); ; {
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
		var m archiveMember
		switch h.Typeflag {
		case tar.TypeReg:
			if m.open, err = keep(name, h.Size, tr); err != nil {
				return cutShort(err)
			}
		case tar.TypeSymlink:
			m.link = path.Join(path.Dir(name), h.Linkname)
		case tar.TypeLink:
			m.link, ok = cleanName(h.Linkname)
		default:
			continue
		}
		if ok {
			b.members[name] = m
		}
	}
}

func (b *archiveBundle) top() map[string]bool { return b.names }

func (b *archiveBundle) Close() error { return b.close() }

// open follows links inside the archive.
func (b *archiveBundle) open(name string) (io.ReadCloser, int64, error) {
	target := name
	for range maxLinks {
		m, ok := b.members[target]
		if !ok {
			break
		}
		if m.open != nil {
			return m.open()
		}
		target = m.link
	}
	return nil, 0, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}
