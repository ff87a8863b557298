package image

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func (i *layerInfo) read(h *tar.Header, r io.Reader) error {
	e, ok := entryOf(h)
	switch {
	case h.Typeflag == tar.TypeXGlobalHeader:
		return nil
	case !ok:
		return fmt.Errorf("entry %q leads out of the image", h.Name)
	}
	if e.Type == tar.TypeReg {
		i.Unpacked += e.Size
		sum := sha256.New()
		r = io.TeeReader(r, sum)
		if isAccounts(e.Name) && e.Size <= maxAccounts {
			data, err := io.ReadAll(r)
			if err != nil {
				return err
			}
			enter(&i.Accounts, e.Name, string(data))
		}
		if err := drain(r); err != nil {
			return err
		}
		e.Sum = sum.Sum(nil)
	}
	i.Entries = append(i.Entries, e)
	return nil
}

// isAccounts reports whether a file may be needed to look up user names.
func isAccounts(name string) bool { return name == "etc/passwd" || name == "etc/group" }

// layerInfo returns what is known of a layer; false where that is nothing.
func (s *Store) layerInfo(diffID v1.Hash) (layerInfo, bool) {
	var info layerInfo
	if !s.readRecord(layersDir, diffID.Hex, &info) || info.Format != layerFormat || info.Blob.Digest.Hex == "" {
		return layerInfo{}, false
	}
	for i := range info.Entries {
		e := &info.Entries[i]
		e.Name, e.Link = fromRecord(e.Name), fromRecord(e.Link)
	}
	return info, true
}

// toRecord returns a file's name for JSON, which can't hold bytes that are not UTF-8.
func toRecord(name string) string {
	if utf8.ValidString(name) && !strings.HasPrefix(name, `"`) {
		return name
	}
	return strconv.Quote(name)
}

func fromRecord(text string) string {
	if name, err := strconv.Unquote(text); err == nil && strings.HasPrefix(text, `"`) {
		return name
	}
	return text
}

func (s *Store) writeLayerInfo(diffID v1.Hash, info layerInfo) error {
	info.Entries = slices.Clone(info.Entries)
	for i := range info.Entries {
		e := &info.Entries[i]
		e.Name, e.Link = toRecord(e.Name), toRecord(e.Link)
	}
	return s.writeRecord(layersDir, diffID.Hex, info)
}

// readRecord reads what writeRecord wrote; false where that is nothing.
func (s *Store) readRecord(dir, name string, v any) bool {
	data, err := os.ReadFile(s.path(dir, name+".json"))
	if err != nil {
		return false
	}
	sum, data, _ := bytes.Cut(data, []byte("\n"))
	return string(sum) == hashOf(data).Hex && json.Unmarshal(data, v) == nil
}

// writeRecord stores what was found out after its digest, by which damage is noticed.
func (s *Store) writeRecord(dir, name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.replaceFile(filepath.Join(dir, name+".json"), append([]byte(hashOf(data).Hex+"\n"), data...))
}

// inspect returns what is in a layer, and examines it if that is not known yet.
func (s *Store) inspect(ctx context.Context, l layer) (layerInfo, error) {
	if info, ok := s.layerInfo(l.DiffID); ok {
		return info, nil
	}
	return s.examine(ctx, l)
}

// examine reads a layer, which verifies it, and records what is in it.
func (s *Store) examine(ctx context.Context, l layer) (layerInfo, error) {
	info := layerInfo{Format: layerFormat, Blob: described(l.Blob, layerMedia(l.Blob, l.DiffID, types.DockerLayer))}
	var meter *Meter
	if !l.hashed { // or it would show beside that of unpacking
		meter = s.Meter("verifying", 0)
		defer meter.End()
	}
	err := s.readLayer(ctx, l, func(h *tar.Header, r io.Reader) error {
		return info.read(h, io.TeeReader(r, meter))
	})
	if err != nil {
		return layerInfo{}, err
	}
	return info, s.writeLayerInfo(l.DiffID, info)
}

// readLayer hands out the files of a layer one after the other. At the end the
// content is compared with the layer's digests: an error means that nothing of
// what was handed out may be kept.
func (s *Store) readLayer(ctx context.Context, l layer, f func(*tar.Header, io.Reader) error) error {
	stored, err := partial.CompressedToLayer(storedLayer{ctx, s, l})
	if err != nil {
		return err
	}
	r, err := stored.Uncompressed()
	if err != nil {
		return fmt.Errorf("reading layer %s: %w", l.Blob.Digest, err)
	}
	defer r.Close()
	plain := io.Reader(r)
	sum := sha256.New()
	if !l.plain() { // whose one digest the blob is verified against
		plain = io.TeeReader(plain, sum)
	}
	if err := readTar("layer "+l.Blob.Digest.String(), plain, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); !l.plain() && got != l.DiffID.Hex {
		return fmt.Errorf("reading layer %s: its content is sha256:%s, not %s: %w", l.Blob.Digest, got, l.DiffID, errDamaged)
	}
	return nil
}

// readTar hands out the files of an archive, what for errors, and reads it to its end.
func readTar(what string, plain io.Reader, f func(*tar.Header, io.Reader) error) error {
	tr := tar.NewReader(plain)
	var size int64
	for {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		// GODEBUG decides whether the standard library refuses names that leave
		// the archive's folder; what becomes of them is decided by f.
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return fmt.Errorf("reading %s: %w", what, err)
		}
		if size += h.Size; size > maxUnpacked || size < 0 {
			return fmt.Errorf("reading %s: it unpacks to more than %d GB, the most that an image may have on Lambda", what, maxUnpacked>>30)
		}
		if err := f(h, tr); err != nil {
			return err
		}
	}
	if err := drain(plain); err != nil {
		return fmt.Errorf("reading %s: %w", what, err)
	}
	return nil
}

// storedLayer is a blob of the store for go-containerregistry. Reading it to the end
// verifies it, unless it was just computed.
type storedLayer struct {
	ctx   context.Context
	store *Store
	layer
}

func (l storedLayer) Digest() (v1.Hash, error)            { return l.Blob.Digest, nil }
func (l storedLayer) Size() (int64, error)                { return l.Blob.Size, nil }
func (l storedLayer) MediaType() (types.MediaType, error) { return l.Blob.MediaType, nil }

func (l storedLayer) Compressed() (io.ReadCloser, error) {
	var r io.ReadCloser
	var err error
	if l.hashed {
		r, err = os.Open(l.store.blobPath(l.Blob.Digest))
	} else {
		r, err = l.store.openBlob(l.Blob)
	}
	return readCloser{contextReader{l.ctx, r}, r}, err
}

// entryOf reads a tar header; false for no file, or a name that leads out of the image.
func entryOf(h *tar.Header) (entry, bool) {
	name, ok := cleanName(h.Name)
	if !ok {
		return entry{}, false
	}
	e := entry{Name: name, Type: h.Typeflag, Mode: h.Mode & 0o7777, UID: h.Uid, GID: h.Gid, Link: h.Linkname, ModTime: h.ModTime.Unix()}
	switch h.Typeflag {
	case tar.TypeReg, '\x00':
		e.Type, e.Size, e.Link = tar.TypeReg, h.Size, ""
	case tar.TypeLink:
		if e.Link, ok = cleanName(h.Linkname); !ok {
			return entry{}, false
		}
	case tar.TypeXGlobalHeader:
		return entry{}, false
	case tar.TypeChar, tar.TypeBlock:
		e.Major, e.Minor = h.Devmajor, h.Devminor
	}
	e.Xattrs = xattrsOf(h)
	return e, true
}

// cleanName makes a name relative and clean, without a leading slash, as tar does;
// false if it leads out of the archive or can't be a file's name.
func cleanName(name string) (string, bool) {
	name = strings.TrimLeft(name, "/")
	if strings.ContainsRune(name, 0) {
		return "", false
	}
	name = path.Clean(name)
	if name == ".." || strings.HasPrefix(name, "../") {
		return "", false
	}
	return name, true
}
