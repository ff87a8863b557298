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
	"slices"
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

// UnpackFresh unpacks such an image as Unpack does, beside the images of the
// store, of which it is none. Its files are those of the unpacked original, shared
// where the file system can; its folders are its own.
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
	return img, s.makeRoot(s.rootPlace(id.Hex), func(dir string) error {
		return shareTree(ctx, original, dir, func() error { return writeFresh(filepath.Join(dir, freshFile), data) })
	})
}

// writeFresh makes the file of a fresh image, in place of a link to the original's.
func writeFresh(name string, data []byte) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		return err
	}
	if err := os.Chmod(name, 0o644); err != nil {
		return err
	}
	return os.Chtimes(name, time.Time{}, time.Unix(0, 0))
}

// RemoveFresh takes the folder of an image away that UnpackFresh made.
func (s *Store) RemoveFresh(img coldstart.Image) {
	if _, hex, ok := strings.Cut(img.ID, ":"); ok && img.Root == filepath.Join(s.rootPlace(hex), "root") {
		s.removeRoot(filepath.Base(s.rootPlace(hex)))
	}
}

// shareTree fills an empty folder with links to, or else copies of, another one's files,
// and calls more before it sets the folders' modes and times.
func shareTree(ctx context.Context, from, to string, more func() error) error {
	root, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer root.Close()
	type sharedFolder struct {
		name string
		info fs.FileInfo
	}
	var folders []sharedFolder
	err = filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
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
		name := filepath.Join(to, rel)
		if e.IsDir() {
			if rel != "." {
				err = os.Mkdir(name, 0o755)
			}
			folders = append(folders, sharedFolder{rel, info})
			return errors.Join(err, ownAs(name, info))
		}
		if info.Mode().Type() == fs.ModeSymlink {
			var target string
			if target, err = os.Readlink(path); err == nil {
				err = os.Symlink(target, name)
			}
		} else if os.Link(path, name) == nil {
			return nil
		} else {
			err = copyFile(path, name)
		}
		if err == nil {
			err = ownAs(name, info) // which may take bits of the mode away
		}
		if err == nil && info.Mode().IsRegular() {
			err = os.Chmod(name, info.Mode().Perm())
		}
		if err != nil {
			return err
		}
		return setModTime(root, rel, info.ModTime())
	})
	if err == nil {
		err = more()
	}
	for _, f := range slices.Backward(folders) {
		if err == nil {
			err = root.Chmod(f.name, f.info.Mode().Perm()|f.info.Mode()&fs.ModeSticky)
		}
		if err == nil {
			err = setModTime(root, f.name, f.info.ModTime())
		}
	}
	return err
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
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
