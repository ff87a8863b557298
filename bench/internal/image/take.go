package image

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
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
	// plain leaves layers that were just made blobs of the store as they are,
	// without compression.
	plain bool
	// alive is called whenever something has come, say about what is big; both
	// may be nil.
	alive func()
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

// take copies an image into the store under a reference. Layers that the store
// has are not fetched again.
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
		if t.platform == "" {
			return nil, fmt.Errorf("the image is for %s, not for Linux", own)
		}
		return nil, fmt.Errorf("the image is for %s, not %s", own, t.platform)
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
	kind := types.DockerLayer
	m := &v1.Manifest{SchemaVersion: 2, MediaType: types.DockerManifestSchema2, Layers: []v1.Descriptor{}}
	m.Config.MediaType = types.DockerConfigJSON
	if media == types.OCIManifestSchema1 {
		kind, m.MediaType, m.Config.MediaType = types.OCILayer, media, types.OCIConfigJSON
	}
	var taken []layer
	for i, l := range layers {
		blob, err := s.takeLayer(ctx, t, l, config.RootFS.DiffIDs[i])
		if err != nil {
			return nil, fmt.Errorf("layer %d: %w", i+1, err)
		}
		diffID := config.RootFS.DiffIDs[i]
		d := described(blob, layerMedia(blob, diffID, kind))
		taken = append(taken, layer{Blob: d, DiffID: diffID})
		m.Layers = append(m.Layers, d)
	}
	if m.Config.Digest, err = s.putBlob(configRaw); err != nil {
		return nil, err
	}
	m.Config.Size = int64(len(configRaw))
	c, err := s.keepManifest(t.image, m)
	if err != nil {
		return nil, err
	}
	if c == nil {
		if c, err = s.writeManifest(m, configRaw, config, taken); err != nil {
			return nil, err
		}
	}
	for i := range c.layers {
		c.layers[i].hashed = t.plain && c.layers[i].plain()
	}
	d := c.desc
	d.Platform = &v1.Platform{OS: "linux", Architecture: config.Architecture}
	d.Annotations = map[string]string{annotationRef: t.ref}
	for k, v := range t.notes {
		d.Annotations[k] = v
	}
	return c, s.record(d)
}

// keepManifest stores the image's own manifest where all that it names is in
// the store, so that its digest stays; nil where it is not.
func (s *Store) keepManifest(img takeable, m *v1.Manifest) (*content, error) {
	raw, err := img.RawManifest()
	if err != nil || raw == nil {
		return nil, nil
	}
	own, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil || len(own.Layers) != len(m.Layers) || own.Config.Digest != m.Config.Digest {
		return nil, nil
	}
	for i, l := range own.Layers {
		if l.Digest != m.Layers[i].Digest || l.Size != m.Layers[i].Size {
			return nil, nil
		}
	}
	digest, err := s.putBlob(raw)
	if err != nil {
		return nil, err
	}
	media, err := img.MediaType()
	if err != nil {
		return nil, err
	}
	return s.load(v1.Descriptor{MediaType: media, Digest: digest, Size: int64(len(raw))})
}

// takeLayer copies one layer. One that is compressed with gzip stays as it is;
// others are compressed anew, because registries want that.
func (s *Store) takeLayer(ctx context.Context, t taking, l v1.Layer, diffID v1.Hash) (v1.Descriptor, error) {
	if info, ok := s.layerInfo(diffID); ok && (t.plain || info.Blob.Digest != diffID) && s.keepBlob(info.Blob) {
		return info.Blob, nil
	}
	if blob, ok := s.plainBlob(diffID); ok && t.plain {
		return blob, nil
	}
	media, err := l.MediaType()
	if err != nil {
		return v1.Descriptor{}, err
	}
	w, err := s.newBlob()
	if err != nil {
		return v1.Descriptor{}, err
	}
	defer w.abort()
	if !strings.HasSuffix(string(media), "zstd") && media != types.DockerUncompressedLayer && media != types.OCIUncompressedLayer {
		err = s.fetchLayer(ctx, t, l, w)
	} else {
		err = s.compressLayer(ctx, t, l, diffID, w)
	}
	if err != nil {
		return v1.Descriptor{}, err
	}
	digest, size, err := w.commit()
	if err != nil {
		return v1.Descriptor{}, err
	}
	blob := v1.Descriptor{MediaType: types.DockerLayer, Digest: digest, Size: size}
	_, err = s.inspect(ctx, layer{Blob: blob, DiffID: diffID})
	return blob, err
}

// fetchLayer copies a layer as it is compressed.
func (s *Store) fetchLayer(ctx context.Context, t taking, l v1.Layer, w io.Writer) error {
	if size, err := l.Size(); err == nil && size > 4<<20 && t.say != nil {
		t.say("pulling %d MB of %s", size>>20, t.ref)
	}
	r, err := l.Compressed()
	if err != nil {
		return err
	}
	defer r.Close()
	size, err := l.Size()
	if err != nil {
		return err
	}
	work := "copying "
	if t.alive != nil {
		work = "pulling "
	}
	meter := s.Meter(work+t.ref, size)
	defer meter.End()
	_, err = io.Copy(io.MultiWriter(w, meter), watchedReader{contextReader{ctx, r}, t.alive})
	return err
}

// compressLayer compresses a layer, the same bytes for the same content.
func (s *Store) compressLayer(ctx context.Context, t taking, l v1.Layer, diffID v1.Hash, w io.Writer) error {
	r, err := l.Uncompressed()
	if err != nil {
		return err
	}
	defer r.Close()
	meter := s.Meter("compressing "+t.ref, 0)
	defer meter.End()
	sum := sha256.New()
	zip := gzip.NewWriter(w)
	if _, err := io.Copy(io.MultiWriter(zip, sum, meter), watchedReader{contextReader{ctx, r}, t.alive}); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != diffID.Hex {
		return fmt.Errorf("its content is sha256:%s, not %s: %w", got, diffID, errDamaged)
	}
	return zip.Close()
}

// watchedReader calls alive whenever something has come.
type watchedReader struct {
	r     io.Reader
	alive func()
}

func (w watchedReader) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if n > 0 && w.alive != nil {
		w.alive()
	}
	return n, err
}
