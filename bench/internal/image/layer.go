package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
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
	"sort"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// entry is a file of a layer, as far as later instructions need to know it.
type entry struct {
	// Name is clean, relative and without "./" or a slash at the end; "." is
	// the root.
	Name string `json:"n"`
	// Type is the tar type: '0' file, '1' hard link, '2' symbolic link, '5'
	// folder; others are devices and the like.
	Type byte   `json:"t"`
	Mode int64  `json:"m"`
	UID  int    `json:"u,omitempty"`
	GID  int    `json:"g,omitempty"`
	Size int64  `json:"s,omitempty"`
	Link string `json:"l,omitempty"`
}

// layerInfo says what is in a layer and which blob holds it.
type layerInfo struct {
	// Blob is the compressed layer.
	Blob v1.Descriptor `json:"blob"`
	// Unpacked is the sum of the file sizes, in bytes.
	Unpacked int64   `json:"unpacked"`
	Entries  []entry `json:"entries"`
	// Accounts holds etc/passwd and etc/group where the layer has them.
	Accounts map[string]string `json:"accounts,omitempty"`
}

// layer is a layer of an image in the store.
type layer struct {
	Blob   v1.Descriptor
	DiffID v1.Hash
}

// maxUnpacked is the most bytes that a layer may unpack to. Lambda takes no
// image beyond it, and a file of holes can claim far more in a few bytes.
const maxUnpacked = 10 << 30

// maxAccounts is the size of an account file that is still read; a real one has
// a few kilobytes.
const maxAccounts = 1 << 20

// item is a file that is to be put into a layer: an entry and where its content
// comes from.
type item struct {
	entry
	// open opens the content and says how long it is; for type '0' only.
	open func() (io.ReadCloser, int64, error)
}

// text returns an open function for content in memory.
func text(data string) func() (io.ReadCloser, int64, error) {
	return func() (io.ReadCloser, int64, error) {
		return io.NopCloser(strings.NewReader(data)), int64(len(data)), nil
	}
}

// writeLayer makes a layer of items, in the order of their names, and returns
// it. The content is read twice, once to learn whether the store has the layer
// already: hashing costs a twentieth of compressing.
func (s *Store) writeLayer(ctx context.Context, items []item, media types.MediaType) (layer, error) {
	sort.Slice(items, func(i, j int) bool { return items[i].Name < items[j].Name })
	sum := sha256.New()
	if err := writeTar(ctx, sum, items); err != nil {
		return layer{}, err
	}
	diffID := v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum.Sum(nil))}
	if info, ok := s.layerInfo(diffID); ok && s.keepBlob(info.Blob) {
		return layer{Blob: described(info.Blob, media), DiffID: diffID}, nil
	}

	w, err := s.newBlob()
	if err != nil {
		return layer{}, err
	}
	defer w.abort()
	sum.Reset()
	zip := gzip.NewWriter(w)
	if err := writeTar(ctx, io.MultiWriter(zip, sum), items); err != nil {
		return layer{}, err
	}
	if err := zip.Close(); err != nil {
		return layer{}, err
	}
	// A file that was written to in between is in the second reading.
	diffID.Hex = hex.EncodeToString(sum.Sum(nil))
	digest, size, err := w.commit()
	if err != nil {
		return layer{}, err
	}
	blob := v1.Descriptor{Digest: digest, Size: size}
	l := layer{Blob: described(blob, media), DiffID: diffID}
	// What is in the layer is read back from it, which also verifies it.
	_, err = s.inspect(ctx, l)
	return l, err
}

// described returns a layer's descriptor as a manifest of one kind names it.
func described(d v1.Descriptor, media types.MediaType) v1.Descriptor {
	return v1.Descriptor{MediaType: media, Digest: d.Digest, Size: d.Size}
}

// writeTar writes items as a tar stream that depends on nothing else.
func writeTar(ctx context.Context, w io.Writer, items []item) error {
	tw := tar.NewWriter(w)
	for _, it := range items {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := writeItem(tw, it); err != nil {
			return err
		}
	}
	return tw.Close()
}

// writeItem writes one file.
func writeItem(tw *tar.Writer, it item) error {
	h := &tar.Header{
		Typeflag: it.Type,
		Name:     it.Name,
		Linkname: it.Link,
		Mode:     it.Mode,
		Uid:      it.UID,
		Gid:      it.GID,
		ModTime:  time.Unix(0, 0),
	}
	switch it.Type {
	case tar.TypeDir:
		h.Name += "/"
		return tw.WriteHeader(h)
	case tar.TypeReg:
	default:
		return tw.WriteHeader(h)
	}
	f, size, err := it.open()
	if err != nil {
		return err
	}
	defer f.Close()
	h.Size = size
	if err := tw.WriteHeader(h); err != nil {
		return err
	}
	n, err := io.Copy(tw, f)
	if errors.Is(err, tar.ErrWriteTooLong) || err == nil && n != size {
		return fmt.Errorf("reading the source of /%s: it is being written to", it.Name)
	}
	return err
}

// add enters a file.
func (i *layerInfo) add(e entry) {
	i.Entries = append(i.Entries, e)
	if e.Type == tar.TypeReg {
		i.Unpacked += e.Size
	}
}

// isAccounts reports whether a file may be needed to look up user names.
func isAccounts(name string) bool { return name == "etc/passwd" || name == "etc/group" }

func (i *layerInfo) setAccounts(name string, data []byte) {
	if i.Accounts == nil {
		i.Accounts = map[string]string{}
	}
	i.Accounts[name] = string(data)
}

// layerInfo returns what is known of a layer; false where that is nothing.
func (s *Store) layerInfo(diffID v1.Hash) (layerInfo, bool) {
	var info layerInfo
	data, err := os.ReadFile(s.path(layersDir, diffID.Hex+".json"))
	if err != nil {
		return layerInfo{}, false
	}
	sum, data, _ := bytes.Cut(data, []byte("\n"))
	if string(sum) != sha256Hex(data) || json.Unmarshal(data, &info) != nil || info.Blob.Digest.Hex == "" {
		return layerInfo{}, false
	}
	return info, true
}

// writeLayerInfo stores what is known of a layer, its digest in front: a file
// that is not what it was when it was written is as good as none.
func (s *Store) writeLayerInfo(diffID v1.Hash, info layerInfo) error {
	data, err := json.Marshal(info)
	if err != nil {
		return err
	}
	return s.writeFile(filepath.Join(layersDir, diffID.Hex+".json"), append([]byte(sha256Hex(data)+"\n"), data...))
}

func sha256Hex(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// inspect returns what is in a layer, reading and verifying it where that is
// not known yet.
func (s *Store) inspect(ctx context.Context, l layer) (layerInfo, error) {
	if info, ok := s.layerInfo(l.DiffID); ok {
		return info, nil
	}
	info := layerInfo{Blob: described(l.Blob, types.DockerLayer)}
	err := s.readLayer(ctx, l, func(h *tar.Header, r io.Reader) error {
		e, ok := entryOf(h)
		if !ok {
			return nil
		}
		info.add(e)
		if e.Type == tar.TypeReg && isAccounts(e.Name) && e.Size <= maxAccounts {
			data, err := io.ReadAll(r)
			if err != nil {
				return err
			}
			info.setAccounts(e.Name, data)
		}
		return nil
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
	r, err := s.uncompressed(l.Blob)
	if err != nil {
		return fmt.Errorf("reading layer %s: %w", l.Blob.Digest, err)
	}
	defer r.Close()
	sum := sha256.New()
	plain := io.TeeReader(contextReader{ctx, r}, sum)
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
			return fmt.Errorf("reading layer %s: %w", l.Blob.Digest, err)
		}
		if size += h.Size; size > maxUnpacked || size < 0 {
			return fmt.Errorf("reading layer %s: it unpacks to more than %d GB, the most that an image may have on Lambda", l.Blob.Digest, maxUnpacked>>30)
		}
		if err := f(h, tr); err != nil {
			return err
		}
	}
	if err := drain(plain); err != nil {
		return fmt.Errorf("reading layer %s: %w", l.Blob.Digest, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != l.DiffID.Hex {
		return fmt.Errorf("reading layer %s: its content is sha256:%s, not %s: %w", l.Blob.Digest, got, l.DiffID, errDamaged)
	}
	return nil
}

// uncompressed opens the tar stream of a layer, whatever it is compressed with.
// The blob's own digest is verified at the end.
func (s *Store) uncompressed(d v1.Descriptor) (io.ReadCloser, error) {
	l, err := partial.CompressedToLayer(storedLayer{s, d})
	if err != nil {
		return nil, err
	}
	return l.Uncompressed()
}

// storedLayer is a blob of the store as the registry library wants to see it.
type storedLayer struct {
	store *Store
	desc  v1.Descriptor
}

func (l storedLayer) Digest() (v1.Hash, error)            { return l.desc.Digest, nil }
func (l storedLayer) Size() (int64, error)                { return l.desc.Size, nil }
func (l storedLayer) MediaType() (types.MediaType, error) { return l.desc.MediaType, nil }
func (l storedLayer) Compressed() (io.ReadCloser, error)  { return l.store.openBlob(l.desc) }

// entryOf reads a tar header; false for what is no file, and for a name that
// leads out of the image.
func entryOf(h *tar.Header) (entry, bool) {
	name, ok := cleanName(h.Name)
	if !ok {
		return entry{}, false
	}
	e := entry{Name: name, Type: h.Typeflag, Mode: h.Mode & 0o7777, UID: h.Uid, GID: h.Gid, Link: h.Linkname}
	switch h.Typeflag {
	case tar.TypeReg, '\x00':
		e.Type, e.Size, e.Link = tar.TypeReg, h.Size, ""
	case tar.TypeLink:
		if e.Link, ok = cleanName(h.Linkname); !ok {
			return entry{}, false
		}
	case tar.TypeXGlobalHeader:
		return entry{}, false
	}
	return e, true
}

// cleanName makes a name of an archive relative and clean; false where it
// leads out of the archive or can't be a file's name. A leading slash is taken
// off, as tar does.
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
