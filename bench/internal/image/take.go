package image

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// taking is an image that is to be copied into the store.
type taking struct {
	ref   string
	image takeable
	// platform that the image must be for; empty for its own.
	platform string
	notes    map[string]string
	// plain leaves layers that are blobs of the store already without compression.
	plain bool
	// alive gets a write for each piece that comes from a registry; say announces large
	// layers. Both may be nil.
	alive io.Writer
	say   func(format string, args ...any)
}

// takeable is what take needs of an image.
type takeable interface {
	RawConfigFile() ([]byte, error)
	// RawManifest returns nil for an image that has no manifest of its own.
	RawManifest() ([]byte, error)
	MediaType() (types.MediaType, error)
	// Layers returns the lowest layer first.
	Layers() ([]v1.Layer, error)
}

// take copies an image into the store, but for layers that the store has.
func (s *Store) take(ctx context.Context, t taking) (*content, error) {
	configRaw, err := t.image.RawConfigFile()
	if err != nil {
		return nil, err
	}
	config, err := v1.ParseConfigFile(bytes.NewReader(configRaw))
	if err != nil {
		return nil, fmt.Errorf("reading image configuration: %w", err)
	}
	own := config.OS + "/" + config.Architecture
	if config.OS != "linux" || t.platform != "" && own != t.platform {
		return nil, fmt.Errorf("the image is for %s, not %s", own, cmp.Or(t.platform, "for Linux"))
	}
	layers, err := t.image.Layers()
	if err != nil {
		return nil, err
	}
	if len(layers) != len(config.RootFS.DiffIDs) {
		return nil, fmt.Errorf("the image has %d layers and %d diff IDs", len(layers), len(config.RootFS.DiffIDs))
	}
	media, err := t.image.MediaType()
	if err != nil {
		return nil, err
	}
	if media != types.OCIManifestSchema1 {
		media = types.DockerManifestSchema2
	}
	var taken []layer
	for i, l := range layers {
		diffID := config.RootFS.DiffIDs[i]
		blob, err := s.takeLayer(ctx, t, l, diffID)
		if err != nil {
			return nil, fmt.Errorf("layer %d: %w", i+1, err)
		}
		taken = append(taken, layer{Blob: described(blob, layerMedia(blob, diffID, layerKind(media))), DiffID: diffID})
	}
	c, err := s.keepManifest(t.image, configRaw, taken)
	if err == nil && c == nil {
		c, err = s.writeManifest(media, configRaw, config, taken)
	}
	if err != nil {
		return nil, err
	}
	for i := range c.layers {
		c.layers[i].hashed = t.plain && c.layers[i].plain()
	}
	c.entry = c.desc
	c.entry.Platform = &v1.Platform{OS: "linux", Architecture: config.Architecture}
	c.entry.Annotations = map[string]string{annotationRef: t.ref}
	maps.Copy(c.entry.Annotations, t.notes)
	return c, s.record(c.entry)
}

// keepManifest stores the image's own manifest, so that its digest stays; nil if the
// store has other layers.
func (s *Store) keepManifest(img takeable, config []byte, layers []layer) (*content, error) {
	raw, err := img.RawManifest()
	if err != nil || raw == nil {
		return nil, nil
	}
	own, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil || own.Config.Digest != hashOf(config) || !slices.EqualFunc(own.Layers, layers, func(d v1.Descriptor, l layer) bool {
		return d.Digest == l.Blob.Digest && d.Size == l.Blob.Size
	}) {
		return nil, nil
	}
	if _, err := s.putBlob(config); err != nil {
		return nil, err
	}
	d, err := s.putBlob(raw)
	if err != nil {
		return nil, err
	}
	if d.MediaType, err = img.MediaType(); err != nil {
		return nil, err
	}
	c, err := s.load(d)
	if err != nil {
		return nil, err
	}
	return s.keepImage(c), nil
}

// takeLayer copies a layer, compressed with gzip unless it is, for registries want that.
func (s *Store) takeLayer(ctx context.Context, t taking, l v1.Layer, diffID v1.Hash) (v1.Descriptor, error) {
	if blob, ok := s.layerBlob(diffID, t.plain); ok {
		return blob, nil
	}
	media, err := l.MediaType()
	if err != nil {
		return v1.Descriptor{}, err
	}
	write := s.fetchLayer
	if strings.HasSuffix(string(media), "zstd") || media == types.DockerUncompressedLayer || media == types.OCIUncompressedLayer {
		write = s.compressLayer
	}
	blob, err := s.addBlob(func(w io.Writer) error { return write(ctx, t, l, w) })
	if err != nil {
		return v1.Descriptor{}, err
	}
	// Also if there is a record: that may be of another blob.
	_, err = s.examine(ctx, layer{Blob: blob, DiffID: diffID})
	return blob, err
}

// fetchLayer copies a layer as it is compressed.
func (s *Store) fetchLayer(ctx context.Context, t taking, l v1.Layer, w io.Writer) error {
	size, err := l.Size()
	if err != nil {
		return err
	}
	if size > 4<<20 && t.say != nil {
		t.say("pulling %d MB of %s", size>>20, t.ref)
	}
	r, err := l.Compressed()
	if err != nil {
		return err
	}
	defer r.Close()
	work := "copying "
	if t.alive != nil {
		work = "pulling "
	}
	meter := s.Meter(work+t.ref, size)
	defer meter.End()
	return t.copy(ctx, io.MultiWriter(w, meter), r)
}

// compressLayer compresses a layer, the same bytes for the same content.
func (s *Store) compressLayer(ctx context.Context, t taking, l v1.Layer, w io.Writer) error {
	r, err := l.Uncompressed()
	if err != nil {
		return err
	}
	defer r.Close()
	meter := s.Meter("compressing "+t.ref, 0)
	defer meter.End()
	zip := gzip.NewWriter(w)
	if err := t.copy(ctx, io.MultiWriter(zip, meter), r); err != nil {
		return err
	}
	return zip.Close()
}

func (t taking) copy(ctx context.Context, w io.Writer, r io.Reader) error {
	if t.alive != nil {
		w = io.MultiWriter(t.alive, w)
	}
	_, err := io.Copy(w, contextReader{ctx, r})
	return err
}
