package image

import (
	"context"
	"fmt"
	"os"

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
func (c *content) plain() bool {
	for _, l := range c.layers {
		if l.plain() {
			return true
		}
	}
	return false
}

// plainBlob returns the blob of a layer that is stored without compression; false
// for none.
func (s *Store) plainBlob(diffID v1.Hash) (v1.Descriptor, bool) {
	info, err := os.Stat(s.blobPath(diffID))
	if err != nil || !info.Mode().IsRegular() {
		return v1.Descriptor{}, false
	}
	d := v1.Descriptor{MediaType: types.DockerUncompressedLayer, Digest: diffID, Size: info.Size()}
	return d, s.keepBlob(d)
}

// layerMedia returns the media type of a blob in a manifest whose compressed
// layers are of a kind.
func layerMedia(blob v1.Descriptor, diffID v1.Hash, kind types.MediaType) types.MediaType {
	switch {
	case blob.Digest != diffID:
		return kind
	case kind == types.OCILayer:
		return types.OCIUncompressedLayer
	}
	return types.DockerUncompressedLayer
}

// compressed returns an image with the layers of c, all of them compressed, and
// enters it in the place of c.
func (s *Store) compressed(ctx context.Context, c *content) (*content, error) {
	if !c.plain() {
		return c, nil
	}
	kind := types.DockerLayer
	if c.manifest.MediaType == types.OCIManifestSchema1 {
		kind = types.OCILayer
	}
	m := *c.manifest
	m.Layers = nil
	var layers []layer
	for i, l := range c.layers {
		blob, err := s.compressedBlob(ctx, l)
		if err != nil {
			return nil, fmt.Errorf("compressing layer %d: %w", i+1, err)
		}
		layers = append(layers, layer{Blob: described(blob, kind), DiffID: l.DiffID})
		m.Layers = append(m.Layers, described(blob, kind))
	}
	packed, err := s.writeManifest(&m, c.configRaw, c.config, layers)
	if err != nil {
		return nil, err
	}
	_, entry, err := s.byID(c.manifest.Config.Digest.String())
	if err != nil {
		return nil, err
	}
	entry.MediaType, entry.Digest, entry.Size = packed.desc.MediaType, packed.desc.Digest, packed.desc.Size
	return packed, s.record(entry)
}

// compressedBlob returns the blob of a layer with compression.
func (s *Store) compressedBlob(ctx context.Context, l layer) (v1.Descriptor, error) {
	info, err := s.inspect(ctx, l)
	if err != nil {
		return v1.Descriptor{}, err
	}
	if info.Blob.Digest != l.DiffID && s.keepBlob(info.Blob) {
		return info.Blob, nil
	}
	stored, err := partial.CompressedToLayer(storedLayer{s, l})
	if err != nil {
		return v1.Descriptor{}, err
	}
	w, err := s.newBlob()
	if err != nil {
		return v1.Descriptor{}, err
	}
	defer w.abort()
	if err := s.compressLayer(ctx, taking{ref: "a layer"}, stored, l.DiffID, w); err != nil {
		return v1.Descriptor{}, err
	}
	digest, size, err := w.commit()
	if err != nil {
		return v1.Descriptor{}, err
	}
	info.Blob = v1.Descriptor{MediaType: types.DockerLayer, Digest: digest, Size: size}
	return info.Blob, s.writeLayerInfo(l.DiffID, info)
}
