package image

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"coldbench/bench/internal/coldstart"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// FreshSize is the size of the file that makes an image a new one, in bytes.
const FreshSize = 1 << 10

// freshFile is its name; the directory of images is the root in every variant.
const freshFile = ".bench-fresh"

// FreshData returns random bytes for a fresh image.
func FreshData() []byte {
	data := make([]byte, FreshSize)
	rand.Read(data) // never fails
	return data
}

// Fresh returns the digest that Push gives an image of the store with one more
// layer, which holds data.
func (s *Store) Fresh(img coldstart.Image, data []byte) (digest string, err error) {
	defer wrap(&err, "making a fresh image of %s", img.ID)
	fresh, err := s.fresh(context.Background(), img, data)
	if err != nil {
		return "", err
	}
	h, err := fresh.Digest()
	if err != nil {
		return "", err
	}
	return h.String(), nil
}

func (s *Store) fresh(ctx context.Context, img coldstart.Image, data []byte) (v1.Image, error) {
	original, err := s.original(ctx, img.ID)
	if err != nil {
		return nil, err
	}
	return freshen(original, data)
}

// UnpackFresh unpacks such an image as Unpack does, beside the images of the store. Its files
// are shared with the unpacked original, if the file system can; its folders are its own.
func (s *Store) UnpackFresh(ctx context.Context, img coldstart.Image, data []byte) (_ coldstart.Image, err error) {
	defer wrap(&err, "unpacking a fresh image of %s", img.ID)
	fresh, err := s.fresh(ctx, img, data)
	if err != nil {
		return img, err
	}
	digest, err := fresh.Digest()
	if err != nil {
		return img, err
	}
	id, err := fresh.ConfigName()
	if err != nil {
		return img, err
	}
	original, err := s.Unpack(ctx, img)
	if err != nil {
		return img, err
	}
	img.ID, img.Digest, img.Ref = id.String(), digest.String(), ""
	img.Root = filepath.Join(s.rootPlace(id.Hex), "root")
	img.Layers++
	img.SizeBytes += FreshSize
	if info, err := os.Lstat(img.Root); err == nil && info.IsDir() {
		return img, nil
	}
	r, err := s.startRoot()
	if err != nil {
		return img, err
	}
	defer r.drop()
	if err := r.share(ctx, original); err != nil {
		return img, err
	}
	h := &tar.Header{Typeflag: tar.TypeReg, Name: freshFile, Mode: 0o644, ModTime: time.Unix(0, 0)}
	if err := r.unpacker.member(h, bytes.NewReader(data)); err != nil {
		return img, err
	}
	return img, r.moveTo(s.rootPlace(id.Hex))
}

// RemoveFresh takes the folder of an image away that UnpackFresh made.
func (s *Store) RemoveFresh(img coldstart.Image) {
	if _, hex, ok := strings.Cut(img.ID, ":"); ok && img.Root == filepath.Join(s.rootPlace(hex), "root") {
		s.removeRoot(filepath.Base(s.rootPlace(hex)))
	}
}

// share puts another folder's content into this one. Files are linked, or copied if
// they can't be.
func (r *rootStage) share(ctx context.Context, from string) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if info.Mode().IsRegular() && os.Link(path, filepath.Join(r.root.Name(), rel)) == nil {
			return nil
		}
		target := ""
		if info.Mode().Type() == fs.ModeSymlink {
			if target, err = os.Readlink(path); err != nil {
				return err
			}
		}
		h, err := tar.FileInfoHeader(info, target)
		if err != nil {
			return err
		}
		h.Name = filepath.ToSlash(rel)
		if !info.Mode().IsRegular() {
			return r.unpacker.member(h, nil)
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		return r.unpacker.member(h, f)
	})
}

// freshen returns an image with one more layer, which holds data.
func freshen(img v1.Image, data []byte) (v1.Image, error) {
	var buf bytes.Buffer
	it := item{entry: entry{Type: tar.TypeReg, Name: freshFile, Mode: 0o644}, open: text(string(data))}
	if err := writeTar(context.Background(), &buf, []item{it}); err != nil {
		return nil, err
	}
	kind, err := img.MediaType()
	if err != nil {
		return nil, err
	}
	media := layerKind(kind)
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(buf.Bytes())), nil
	}, tarball.WithMediaType(media))
	if err != nil {
		return nil, err
	}
	return mutate.Append(img, mutate.Addendum{Layer: layer, MediaType: media, History: v1.History{CreatedBy: "bench images push --fresh"}})
}
