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

	"coldbench/bench/internal/atomicfile"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// errDamaged is wrapped by the error of reading content that does not match its
// digest. It has been removed, so that it is fetched or made again.
var errDamaged = errors.New("content does not match its digest")

func (s *Store) blobPath(h v1.Hash) string { return s.path(blobsDir, h.Hex) }

// hasBlob reports whether content is there in full length.
func (s *Store) hasBlob(d v1.Descriptor) bool {
	if d.Digest.Algorithm != "sha256" || len(d.Digest.Hex) != 2*sha256.Size {
		return false
	}
	info, err := os.Stat(s.blobPath(d.Digest))
	return err == nil && info.Mode().IsRegular() && info.Size() == d.Size
}

// keepBlob marks content as in use, for prune; it is false where there is none.
func (s *Store) keepBlob(d v1.Descriptor) bool {
	if !s.hasBlob(d) {
		return false
	}
	now := time.Now()
	_ = os.Chtimes(s.blobPath(d.Digest), now, now)
	return true
}

// openBlob opens content; its last Read fails with errDamaged if it is damaged.
func (s *Store) openBlob(d v1.Descriptor) (io.ReadCloser, error) {
	f, err := os.Open(s.blobPath(d.Digest))
	if err != nil {
		return nil, err
	}
	return &verifier{f, sha256.New(), d.Digest}, nil
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
	want v1.Hash
}

func (v *verifier) Read(p []byte) (int, error) {
	n, err := v.file.Read(p)
	v.sum.Write(p[:n])
	if err == io.EOF && hex.EncodeToString(v.sum.Sum(nil)) != v.want.Hex {
		os.Remove(v.file.Name())
		return n, fmt.Errorf("reading %s: %w", v.want, errDamaged)
	}
	return n, err
}

func (v *verifier) Close() error { return v.file.Close() }

// addBlob stores what fill writes under its digest.
func (s *Store) addBlob(fill func(io.Writer) error) (v1.Descriptor, error) {
	sum := sha256.New()
	digest := func() v1.Hash { return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum.Sum(nil))} }
	size, err := atomicfile.Stream(s.path(tempDir), "file-", 0o644, func(f io.Writer) error {
		return fill(io.MultiWriter(f, sum))
	}, func() string { return s.blobPath(digest()) })
	return v1.Descriptor{Digest: digest(), Size: size}, err
}

func (s *Store) putBlob(data []byte) (v1.Descriptor, error) {
	d := v1.Descriptor{Digest: hashOf(data), Size: int64(len(data))}
	if s.keepBlob(d) {
		return d, nil
	}
	return s.addBlob(func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

func (s *Store) replaceFile(name string, data []byte) error {
	_, err := atomicfile.Stream(s.path(tempDir), "file-", 0o644, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}, func() string { return s.path(name) })
	return err
}

func hashOf(data []byte) v1.Hash {
	h, _, _ := v1.SHA256(bytes.NewReader(data)) // reading memory can't fail
	return h
}

// drain reads to the end, so that a verifying reader gets to its verdict.
func drain(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
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
