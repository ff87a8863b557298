package image

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// entry is a file of a layer, as far as later instructions need to know it.
type entry struct {
	// Name is clean and relative, without a slash at the end; "." is the root.
	Name string `json:"n"`
	// Type is the tar type: '0' file, '1' hard link, '2' symbolic link, '5' folder, others.
	Type byte   `json:"t"`
	Mode int64  `json:"m"`
	UID  int    `json:"u,omitempty"`
	GID  int    `json:"g,omitempty"`
	Size int64  `json:"s,omitempty"`
	Link string `json:"l,omitempty"`
	// Sum is the SHA-256 of a file's content; nil for other types.
	Sum []byte `json:"h,omitempty"`
	// Major and Minor are a device's numbers.
	Major int64 `json:"j,omitempty"`
	Minor int64 `json:"i,omitempty"`
	// Xattrs are those that keptXattr keeps, as bytes: capabilities are not UTF-8.
	Xattrs map[string][]byte `json:"x,omitempty"`
	// ModTime is the modification time in seconds since 1970, rounded down.
	ModTime int64 `json:"d,omitempty"`
	// made marks what the build makes itself, to which no source gives a time.
	made bool
}

// layerFormat is the version of what inspect records; other records are made anew.
const layerFormat = 5

// layerInfo says what is in a layer and which blob holds it.
type layerInfo struct {
	Format int `json:"format"`
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
	// hashed is true if this process has just written the blob: it is not verified again.
	hashed bool
}

// maxUnpacked is the most bytes that a layer may unpack to. Lambda takes no
// image beyond it, and a file of holes can claim far more in a few bytes.
const maxUnpacked = 10 << 30

// maxAccounts is the largest account file that is read, in bytes.
const maxAccounts = 1 << 20

// item is a file for a layer and where its content comes from.
type item struct {
	entry
	// open opens the content; for type '0' only.
	open opener
	// inode is equal for the names of one file in one source of a COPY; nil for one name.
	inode any
	// source is the number of that source.
	source int
}

func byName(a, b item) int { return strings.Compare(a.Name, b.Name) }

// writeLayer makes a layer of items, in the order of their names, and returns
// it. The content is read twice, once to learn whether the store has the layer
// already: hashing costs a twentieth of compressing.
func (s *Store) writeLayer(ctx context.Context, items []item, media types.MediaType) (layer, error) {
	slices.SortFunc(items, byName)
	var size int64
	for _, it := range items {
		size += it.Size
	}
	sum := sha256.New()
	reading := s.Meter("reading files", size)
	err := writeTar(ctx, io.MultiWriter(sum, reading), items)
	reading.End()
	if err != nil {
		return layer{}, err
	}
	diffID := v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum.Sum(nil))}
	if blob, ok := s.layerBlob(diffID, false); ok {
		return layer{Blob: described(blob, media), DiffID: diffID}, nil
	}

	sum.Reset()
	meter := s.Meter("compressing", size)
	blob, err := s.addBlob(func(w io.Writer) error {
		zip := gzip.NewWriter(w)
		if err := writeTar(ctx, io.MultiWriter(zip, sum, meter), items); err != nil {
			return err
		}
		return zip.Close()
	})
	meter.End()
	if err != nil {
		return layer{}, err
	}
	// A file that was written to in between is in the second reading.
	diffID.Hex = hex.EncodeToString(sum.Sum(nil))
	l := layer{Blob: described(blob, media), DiffID: diffID}
	// What is in the layer is read back from it, which also verifies it.
	_, err = s.examine(ctx, l)
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

func writeItem(tw *tar.Writer, it item) error {
	h := &tar.Header{
		Typeflag: it.Type,
		Name:     it.Name,
		Linkname: it.Link,
		Mode:     it.Mode,
		Uid:      it.UID,
		Gid:      it.GID,
		ModTime:  time.Unix(it.ModTime, 0),
	}
	if len(it.Xattrs) > 0 {
		h.PAXRecords = map[string]string{}
	}
	for key, value := range it.Xattrs {
		h.PAXRecords[xattrPrefix+key] = string(value)
	}
	if it.Type == tar.TypeDir {
		h.Name += "/"
	}
	if it.Type != tar.TypeReg {
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
