package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// errDamaged is wrapped by the error of reading content that is not what its
// digest says. It has then been removed, so that it will be fetched or made
// again.
var errDamaged = errors.New("content does not match its digest")

// blobPath returns where content with a digest is, or would be.
func (s *Store) blobPath(h v1.Hash) string { return s.path(blobsDir, h.Hex) }

// hasBlob reports whether content is there in full length.
func (s *Store) hasBlob(d v1.Descriptor) bool {
	if d.Digest.Algorithm != "sha256" || len(d.Digest.Hex) != 2*sha256.Size {
		return false
	}
	info, err := os.Stat(s.blobPath(d.Digest))
	return err == nil && info.Mode().IsRegular() && info.Size() == d.Size
}

// keepBlob marks content as in use, for Prune; it is false where there is none.
func (s *Store) keepBlob(d v1.Descriptor) bool {
	if !s.hasBlob(d) {
		return false
	}
	now := time.Now()
	_ = os.Chtimes(s.blobPath(d.Digest), now, now)
	return true
}

// openBlob opens content; reading it to its end fails with errDamaged where it
// is not what its digest says.
func (s *Store) openBlob(d v1.Descriptor) (io.ReadCloser, error) {
	f, err := os.Open(s.blobPath(d.Digest))
	if err != nil {
		return nil, err
	}
	return &verifier{file: f, sum: sha256.New(), want: d}, nil
}

// readBlob returns small content, verified.
func (s *Store) readBlob(d v1.Descriptor) ([]byte, error) {
	r, err := s.openBlob(d)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// verifier reads a blob's file and compares its digest at the end.
type verifier struct {
	file *os.File
	sum  hash.Hash
	n    int64
	want v1.Descriptor
}

func (v *verifier) Read(p []byte) (int, error) {
	n, err := v.file.Read(p)
	v.sum.Write(p[:n])
	v.n += int64(n)
	if err == io.EOF && (v.n != v.want.Size || hex.EncodeToString(v.sum.Sum(nil)) != v.want.Digest.Hex) {
		os.Remove(v.file.Name())
		return n, fmt.Errorf("reading %s: %w", v.want.Digest, errDamaged)
	}
	return n, err
}

func (v *verifier) Close() error { return v.file.Close() }

// blobWriter takes content whose digest is known when all of it is written.
type blobWriter struct {
	store *Store
	file  *os.File
	sum   hash.Hash
	n     int64
}

// newBlob starts new content. It must be committed or aborted.
func (s *Store) newBlob() (*blobWriter, error) {
	f, err := os.CreateTemp(s.path(tempDir), "blob-")
	if err != nil {
		return nil, err
	}
	return &blobWriter{store: s, file: f, sum: sha256.New()}, nil
}

func (b *blobWriter) Write(p []byte) (int, error) {
	n, err := b.file.Write(p)
	b.sum.Write(p[:n])
	b.n += int64(n)
	return n, err
}

// commit puts the content in its place and returns its digest and size.
func (b *blobWriter) commit() (v1.Hash, int64, error) {
	return b.commitAs(hex.EncodeToString(b.sum.Sum(nil)))
}

// commitAs is commit of content whose digest the caller computed.
func (b *blobWriter) commitAs(sum string) (v1.Hash, int64, error) {
	h := v1.Hash{Algorithm: "sha256", Hex: sum}
	err := b.file.Chmod(0o644)
	if cerr := b.file.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(b.file.Name(), b.store.blobPath(h))
	}
	if err != nil {
		os.Remove(b.file.Name())
		return v1.Hash{}, 0, err
	}
	return h, b.n, nil
}

// abort gives the content up; after commit it does nothing.
func (b *blobWriter) abort() {
	if b.file.Close() == nil {
		os.Remove(b.file.Name())
	}
}

// putBlob stores small content.
func (s *Store) putBlob(data []byte) (v1.Hash, error) {
	h, _, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		return h, err
	}
	if s.keepBlob(v1.Descriptor{Digest: h, Size: int64(len(data))}) {
		return h, nil
	}
	w, err := s.newBlob()
	if err != nil {
		return h, err
	}
	if _, err := w.Write(data); err != nil {
		w.abort()
		return h, err
	}
	h, _, err = w.commit()
	return h, err
}

// contextReader stops reading when the context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
