package image

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// An image that an engine saved is kept as it came, without compression: nothing
// but a push and a build on top of it needs that, and compressing 500 MB takes ten
// times as long as unpacking them. Such a layer's blob has the diff ID as digest.

// plain reports whether the layer is stored without compression.
func (l layer) plain() bool { return l.Blob.Digest == l.DiffID }

// plain reports whether a layer of the image is stored without compression. Its
// manifest is then the store's own: no registry has one like it.
func (c *content) plain() bool { return slices.ContainsFunc(c.layers, layer.plain) }

// layerBlob returns the store's blob of a layer; one without compression if plain is set.
func (s *Store) layerBlob(diffID v1.Hash, plain bool) (v1.Descriptor, bool) {
	info, ok := s.layerInfo(diffID)
	if ok && (plain || info.Blob.Digest != diffID) && s.keepBlob(info.Blob) {
		return info.Blob, true
	}
	file, err := os.Stat(s.blobPath(diffID))
	if err != nil || !plain {
		return v1.Descriptor{}, false
	}
	d := v1.Descriptor{MediaType: types.DockerUncompressedLayer, Digest: diffID, Size: file.Size()}
	return d, s.keepBlob(d)
}

// layerKind returns the media type of compressed layers in a kind of manifest.
func layerKind(manifest types.MediaType) types.MediaType {
	if manifest == types.OCIManifestSchema1 {
		return types.OCILayer
	}
	return types.DockerLayer
}

// layerMedia returns a blob's media type, kind if it is compressed.
func layerMedia(blob v1.Descriptor, diffID v1.Hash, kind types.MediaType) types.MediaType {
	switch {
	case blob.Digest != diffID:
		return kind
	case kind == types.OCILayer:
		return types.OCIUncompressedLayer
	}
	return types.DockerUncompressedLayer
}

// compressed returns c with compressed layers and enters it in the place of c.
func (s *Store) compressed(ctx context.Context, c *content) (*content, error) {
	if !c.plain() {
		return c, nil
	}
	var layers []layer
	for i, l := range c.layers {
		blob, err := s.compressedBlob(ctx, l)
		if err != nil {
			return nil, fmt.Errorf("compressing layer %d: %w", i+1, err)
		}
		layers = append(layers, layer{Blob: described(blob, layerKind(c.manifest.MediaType)), DiffID: l.DiffID})
	}
	packed, err := s.writeManifest(c.manifest.MediaType, c.configRaw, c.config, layers)
	if err != nil {
		return nil, err
	}
	packed.entry = c.entry
	packed.entry.MediaType, packed.entry.Digest, packed.entry.Size = packed.desc.MediaType, packed.desc.Digest, packed.desc.Size
	return packed, s.record(packed.entry)
}

// compressedBlob returns the blob of a layer with compression.
func (s *Store) compressedBlob(ctx context.Context, l layer) (v1.Descriptor, error) {
	info, err := s.inspect(ctx, l)
	if err != nil {
		return v1.Descriptor{}, err
	}
	if blob, ok := s.layerBlob(l.DiffID, false); ok {
		return blob, nil
	}
	stored, err := partial.CompressedToLayer(storedLayer{ctx, s, l})
	if err != nil {
		return v1.Descriptor{}, err
	}
	blob, err := s.addBlob(func(w io.Writer) error { return s.compressLayer(ctx, taking{ref: "a layer"}, stored, w) })
	if err != nil {
		return v1.Descriptor{}, err
	}
	info.Blob = described(blob, types.DockerLayer)
	return blob, s.writeLayerInfo(l.DiffID, info)
}
