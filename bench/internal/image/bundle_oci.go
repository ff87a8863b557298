package image

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// maxDocument is the largest manifest, index or configuration that is read, in bytes;
// registries refuse more than 4 MiB.
const maxDocument = 16 << 20

// maxNesting is how deep indexes may refer to indexes; Docker writes two levels.
const maxNesting = 8

// The annotations of an index that name an image: containerd's holds the whole
// reference, OCI's often the tag alone.
const (
	annotationContainerd = "io.containerd.image.name"
	annotationReference  = "vnd.docker.reference.type" // marks what is about an image
)

// layoutImages lists the images of an OCI layout, which is what Docker 25 saves, too.
func layoutImages(b bundle) ([]heldImage, error) {
	raw, err := readDocument(b, indexFile)
	if err != nil {
		return nil, err
	}
	var images []heldImage
	err = addIndex(b, raw, nil, 0, &images)
	return images, err
}

// addIndex adds the images of an index, which is named refs.
func addIndex(b bundle, raw []byte, refs []string, depth int, images *[]heldImage) error {
	if depth > maxNesting {
		return fmt.Errorf("its indexes are nested more than %d deep", maxNesting)
	}
	m, err := v1.ParseIndexManifest(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("reading an index: %w", err)
	}
	for _, d := range m.Manifests {
		if isAboutImage(d) {
			continue
		}
		if d.Digest == (v1.Hash{}) {
			return errors.New("reading an index: an entry has no digest")
		}
		own := addRefs(refs, refsOf(d.Annotations)...)
		if d.MediaType.IsIndex() {
			raw, err := readBlobOf(b, d)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return err
			}
			if err := addIndex(b, raw, own, depth+1, images); err != nil {
				return err
			}
			continue
		}
		if !d.MediaType.IsImage() {
			continue
		}
		if i := slices.IndexFunc(*images, func(h heldImage) bool { return h.digest == d.Digest }); i >= 0 {
			(*images)[i].refs = addRefs((*images)[i].refs, own...)
			continue
		}
		held, ok, err := layoutImageOf(b, d)
		if err != nil {
			return err
		}
		if ok {
			held.refs = own
			*images = append(*images, held)
		}
	}
	return nil
}

// isAboutImage reports whether an entry is an attestation, as BuildKit adds them.
func isAboutImage(d v1.Descriptor) bool {
	return d.Annotations[annotationReference] != "" ||
		d.Platform != nil && d.Platform.OS == "unknown" && d.Platform.Architecture == "unknown"
}

// refsOf returns the reference that annotations give an image.
func refsOf(annotations map[string]string) []string {
	if ref := annotations[annotationContainerd]; ref != "" {
		return []string{familiar(ref)}
	}
	if ref := annotations[annotationRef]; strings.ContainsAny(ref, "/:") {
		return []string{familiar(ref)}
	}
	return nil
}

// layoutImageOf returns the image of a manifest; false if that is of no image. It has no
// content if the layout lacks it: docker save lists all platforms of an image and
// writes those that the engine has.
func layoutImageOf(b bundle, d v1.Descriptor) (heldImage, bool, error) {
	held := heldImage{digest: d.Digest}
	if d.Platform != nil {
		held.platform = d.Platform.OS + "/" + d.Platform.Architecture
	}
	raw, err := readBlobOf(b, d)
	if errors.Is(err, fs.ErrNotExist) {
		return held, true, nil
	}
	if err != nil {
		return heldImage{}, false, err
	}
	m, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		return heldImage{}, false, fmt.Errorf("reading manifest %s: %w", d.Digest, err)
	}
	if !m.Config.MediaType.IsConfig() {
		return heldImage{}, false, nil
	}
	held.id = m.Config.Digest
	config, err := readBlobOf(b, m.Config)
	if errors.Is(err, fs.ErrNotExist) {
		return held, true, nil
	}
	if err != nil {
		return heldImage{}, false, err
	}
	var layers []string
	for _, l := range m.Layers {
		layers = append(layers, blobName(l.Digest))
	}
	held, err = held.with(&bundledImage{bundle: b, media: d.MediaType, manifest: raw, config: config, layers: layers})
	return held, err == nil, err
}

// with returns an image with its content and what that says of it.
func (h heldImage) with(image *bundledImage) (heldImage, error) {
	var c struct{ OS, Architecture string }
	if err := json.Unmarshal(image.config, &c); err != nil {
		return heldImage{}, fmt.Errorf("reading image configuration: %w", err)
	}
	h.image, h.id, h.platform = image, hashOf(image.config), c.OS+"/"+c.Architecture
	return h, nil
}

// blobName returns where an OCI layout keeps content.
func blobName(h v1.Hash) string { return "blobs/" + h.Algorithm + "/" + h.Hex }

// readBlobOf reads a small blob of a layout and verifies it.
func readBlobOf(b bundle, d v1.Descriptor) ([]byte, error) {
	data, err := readDocument(b, blobName(d.Digest))
	if err != nil {
		return nil, err
	}
	if got := hashOf(data); got != d.Digest {
		return nil, fmt.Errorf("reading %s: its content is %s: %w", d.Digest, got, errDamaged)
	}
	return data, nil
}

func readDocument(b bundle, name string) ([]byte, error) {
	f, _, err := b.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxDocument+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(data) > maxDocument {
		return nil, fmt.Errorf("reading %s: it has more than %d MB", name, maxDocument>>20)
	}
	return data, nil
}

type bundledImage struct {
	bundle   bundle
	media    types.MediaType
	manifest []byte // nil for an image without one
	config   []byte
	layers   []string // names in the bundle
}

var _ takeable = (*bundledImage)(nil)

func (i *bundledImage) RawConfigFile() ([]byte, error)      { return i.config, nil }
func (i *bundledImage) RawManifest() ([]byte, error)        { return i.manifest, nil }
func (i *bundledImage) MediaType() (types.MediaType, error) { return i.media, nil }

func (i *bundledImage) Layers() ([]v1.Layer, error) {
	var layers []v1.Layer
	for _, name := range i.layers {
		l, err := openLayer(i.bundle, name)
		if err != nil {
			return nil, err
		}
		layers = append(layers, l)
	}
	return layers, nil
}
