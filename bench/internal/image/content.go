package image

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// contentFormat is the version of imageInfo and of what a content ID is computed of.
const contentFormat = 1

// imageInfo is what the store keeps of an image, so that its layers are read once.
type imageInfo struct {
	Format int `json:"format"`
	// ContentID is the image's, see contentID.
	ContentID string `json:"contentId"`
	// Unpacked is the sum of the file sizes of all layers, in bytes.
	Unpacked int64 `json:"unpacked"`
}

func (s *Store) imageInfo(ctx context.Context, c *content) (imageInfo, error) {
	hex := c.manifest.Config.Digest.Hex
	if info, ok := s.knownInfo(hex); ok {
		return info, nil
	}
	t, err := s.treeOf(ctx, c.layers)
	if err != nil {
		return imageInfo{}, err
	}
	info := imageInfo{Format: contentFormat, ContentID: contentID(c.config, t), Unpacked: t.unpacked}
	return info, s.writeRecord(contentsDir, hex, info)
}

// knownInfo returns what an earlier call of imageInfo found.
func (s *Store) knownInfo(hex string) (info imageInfo, ok bool) {
	ok = s.readRecord(contentsDir, hex, &info) && info.Format == contentFormat
	return info, ok
}

// KnownContentID returns the content ID of the image that the store or the engine
// knows by an ID, without reading any layer; empty if it was never computed: an
// image that only an engine holds would have to be exported for it.
func (s *Store) KnownContentID(id string) string {
	if info, ok := s.knownInfo(strings.TrimPrefix(id, "sha256:")); ok {
		return info.ContentID
	}
	images, _ := s.images()
	for c := range images {
		if c.entry.Annotations[annotationEngineID] == id {
			info, _ := s.knownInfo(c.manifest.Config.Digest.Hex)
			return info.ContentID
		}
	}
	return ""
}

// FindContent returns the ID of the newest image of the store with a content ID;
// false if it has none.
func (s *Store) FindContent(contentID string) (id string, ok bool) {
	images, _ := s.images()
	for c := range images {
		if info, known := s.knownInfo(c.manifest.Config.Digest.Hex); known && info.ContentID == contentID {
			return c.id(), true
		}
	}
	return "", false
}

// contentID returns the digest of what a function can see of its image, as
// coldstart.Image.ContentID defines it: the SHA-256 of a text with a line for each part of
// the configuration and one for each file, sorted by path, with names quoted as in Go.
//
// Labels, ports, the health check, the stop signal, ONBUILD, the author, the history and
// dates are left out: none of them reaches a function, and many builds write a date or a
// revision into a label.
//
// The second and every further name of a hard-linked file name the first one instead of the
// content. Layers do not count, only what they come to: whiteouts are applied, folders that
// nobody described are root's with mode 0755. Times are left out.
func contentID(c *v1.ConfigFile, t *tree) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "coldbench content %d\n", contentFormat)
	fmt.Fprintf(sum, "platform %q %q %q\n", c.OS, c.Architecture, c.Variant)
	fmt.Fprintf(sum, "entrypoint %q\n", c.Config.Entrypoint)
	fmt.Fprintf(sum, "cmd %q\n", c.Config.Cmd)
	fmt.Fprintf(sum, "env %q\n", c.Config.Env)
	fmt.Fprintf(sum, "workdir %q\n", path.Join("/", c.Config.WorkingDir))
	fmt.Fprintf(sum, "user %q\n", c.Config.User)
	fmt.Fprintf(sum, "volumes %q\n", slices.Sorted(maps.Keys(c.Config.Volumes)))
	hashEntry(sum, ".", t.root)
	type place struct{ layer, index int }
	first := map[place]string{}
	for _, name := range slices.Sorted(maps.Keys(t.nodes)) {
		n := t.nodes[name]
		if n.Type == tar.TypeDir {
			hashEntry(sum, name, n.entry)
			continue
		}
		p := place{n.layer, n.index}
		if other, ok := first[p]; ok {
			fmt.Fprintf(sum, "%q hard link %q\n", name, other)
			continue
		}
		first[p] = name
		hashEntry(sum, name, n.entry)
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}

func hashEntry(sum hash.Hash, name string, e entry) {
	mode := e.Mode
	if e.Type == tar.TypeSymlink {
		mode = 0o777 // Linux knows no other
	}
	fmt.Fprintf(sum, "%q %q %o %d %d", name, e.Type, mode, e.UID, e.GID)
	switch e.Type {
	case tar.TypeReg:
		fmt.Fprintf(sum, " %d %x", e.Size, e.Sum)
	case tar.TypeSymlink:
		fmt.Fprintf(sum, " %q", e.Link)
	case tar.TypeChar, tar.TypeBlock:
		fmt.Fprintf(sum, " %d %d", e.Major, e.Minor)
	}
	for _, key := range slices.Sorted(maps.Keys(e.Xattrs)) {
		fmt.Fprintf(sum, " %q=%q", key, e.Xattrs[key])
	}
	fmt.Fprintln(sum)
}

// xattrPrefix is what the PAX records of extended attributes begin with.
const xattrPrefix = "SCHILY.xattr."

// xattrsOf returns the extended attributes that count; nil for none.
func xattrsOf(h *tar.Header) map[string][]byte {
	var kept map[string][]byte
	for record, value := range h.PAXRecords {
		key, ok := strings.CutPrefix(record, xattrPrefix)
		if ok && keptXattr(key) {
			enter(&kept, key, []byte(value))
		}
	}
	return kept
}

// keptXattr reports whether an extended attribute is part of an image's content:
// file capabilities and what programs store themselves. The others are the
// machine's that made the layer: SELinux labels, overlay's bookkeeping.
func keptXattr(key string) bool {
	return key == "security.capability" || strings.HasPrefix(key, "user.") && !strings.HasPrefix(key, "user.overlay.")
}
