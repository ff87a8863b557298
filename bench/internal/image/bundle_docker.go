package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// The files that docker save writes beside layers and configurations.
const (
	savedManifest = "manifest.json" // since Docker 1.10
	savedTags     = "repositories"  // before that, and beside it since
)

// savedImages lists the images that manifest.json names. Some writers compress their
// layers, some do not: docker save, kaniko, crane and Bazel differ.
func savedImages(b bundle) ([]heldImage, error) {
	raw, err := readDocument(b, savedManifest)
	if err != nil {
		return nil, err
	}
	var list tarball.Manifest
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("reading %s: it is not the list that docker save writes: %w", savedManifest, err)
	}
	var images []heldImage
	for _, d := range list {
		config, err := readSavedConfig(b, d.Config)
		if err != nil {
			return nil, err
		}
		var held heldImage
		for _, tag := range d.RepoTags {
			held.refs = addRefs(held.refs, familiar(tag))
		}
		layers := make([]string, len(d.Layers))
		for i, l := range d.Layers {
			layers[i] = path.Clean(l)
		}
		held, err = held.with(&bundledImage{bundle: b, media: types.DockerManifestSchema2, config: config, layers: layers})
		if err != nil {
			return nil, err
		}
		images = append(images, held)
	}
	return images, nil
}

// digestName is how a file is named that is called after its digest.
var digestName = regexp.MustCompile(`^(?:sha256:)?([0-9a-f]{64})(?:\.json)?$`)

// readSavedConfig reads a configuration and checks it against a digest in its name.
func readSavedConfig(b bundle, name string) ([]byte, error) {
	config, err := readDocument(b, path.Clean(name))
	if err != nil {
		return nil, fmt.Errorf("reading image configuration: %w", err)
	}
	if m := digestName.FindStringSubmatch(path.Base(name)); m != nil && m[1] != hashOf(config).Hex {
		return nil, fmt.Errorf("reading %s: its content is %s: %w", name, hashOf(config), errDamaged)
	}
	return config, nil
}

// legacyImages lists the images of docker save before 1.10: one folder a layer, with
// the layer and the configuration that it would have as the last one.
func legacyImages(b bundle) ([]heldImage, error) {
	raw, err := readDocument(b, savedTags)
	if err != nil {
		return nil, err
	}
	var repositories map[string]map[string]string
	if err := json.Unmarshal(raw, &repositories); err != nil {
		return nil, fmt.Errorf("reading %s: %w", savedTags, err)
	}
	tags := map[string][]string{}
	for _, repository := range slices.Sorted(maps.Keys(repositories)) {
		for _, tag := range slices.Sorted(maps.Keys(repositories[repository])) {
			id := repositories[repository][tag]
			tags[id] = append(tags[id], familiar(repository+":"+tag))
		}
	}
	var images []heldImage
	for _, id := range slices.Sorted(maps.Keys(tags)) {
		config, layers, err := legacyChain(b, id)
		if err != nil {
			return nil, err
		}
		held, err := heldImage{refs: tags[id]}.with(&bundledImage{bundle: b, media: types.DockerManifestSchema2, config: config, layers: layers})
		if err != nil {
			return nil, err
		}
		images = append(images, held)
	}
	return images, nil
}

// legacyLayer is what a layer of that generation says of itself.
type legacyLayer struct {
	Parent          string    `json:"parent"`
	Author          string    `json:"author"`
	Comment         string    `json:"comment"`
	Created         time.Time `json:"created"`
	ContainerConfig struct {
		Cmd []string `json:"Cmd"`
	} `json:"container_config"`
}

// legacyHistory has its keys in Docker's order: the image's ID depends on it.
type legacyHistory struct {
	Created   time.Time `json:"created"`
	Author    string    `json:"author,omitempty"`
	CreatedBy string    `json:"created_by,omitempty"`
	Comment   string    `json:"comment,omitempty"`
}

// legacyChain returns the configuration that docker load gives such an image, and its
// layers, the lowest first. See MakeConfigFromV1Config in moby's image/v1; the IDs
// agree for images built by Docker 1.8.3 or later.
func legacyChain(b bundle, id string) (config []byte, layers []string, err error) {
	last := id
	var history []legacyHistory
	diffIDs := []string{}
	for seen := map[string]bool{}; id != ""; {
		if seen[id] {
			return nil, nil, fmt.Errorf("layer %s is its own parent", id)
		}
		seen[id] = true
		var l legacyLayer
		if err := readLegacy(b, id, &l); err != nil {
			return nil, nil, err
		}
		name := path.Join(id, "layer.tar")
		opened, err := openLayer(b, name)
		if err != nil {
			return nil, nil, err
		}
		diffID, err := opened.DiffID()
		if err != nil {
			return nil, nil, err
		}
		layers, diffIDs = append(layers, name), append(diffIDs, diffID.String())
		history = append(history, legacyHistory{l.Created, l.Author, strings.Join(l.ContainerConfig.Cmd, " "), l.Comment})
		id = l.Parent
	}
	slices.Reverse(layers)
	slices.Reverse(diffIDs)
	slices.Reverse(history)
	// Other keys stay as they are written.
	var keys map[string]json.RawMessage
	if err := readLegacy(b, last, &keys); err != nil {
		return nil, nil, err
	}
	for _, key := range []string{"id", "parent", "Size", "parent_id", "layer_id", "throwaway"} {
		delete(keys, key)
	}
	if keys["history"], err = json.Marshal(history); err != nil {
		return nil, nil, err
	}
	keys["rootfs"], err = json.Marshal(struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	}{"layers", diffIDs})
	if err != nil {
		return nil, nil, err
	}
	config, err = json.Marshal(keys)
	return config, layers, err
}

func readLegacy(b bundle, id string, v any) error {
	raw, err := readDocument(b, path.Join(id, "json"))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("reading layer %s: %w", id, err)
	}
	return nil
}

// openLayer returns a layer of a bundle, whatever it is compressed with.
func openLayer(b bundle, name string) (v1.Layer, error) {
	l := bundledLayer{bundle: b, name: name, media: types.DockerUncompressedLayer}
	f, err := l.Compressed()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// What a manifest says of the compression is wrong too often to go by.
	_, head, err := peek(f)
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading layer %s: %w", name, err)
	case isGzip(head):
		l.media = types.DockerLayer
	case isZstd(head):
		l.media = types.OCILayerZStd
	}
	return partial.CompressedToLayer(l)
}

// bundledLayer is a layer as it is in a bundle.
type bundledLayer struct {
	bundle bundle
	name   string
	media  types.MediaType
}

func (l bundledLayer) Compressed() (io.ReadCloser, error) {
	f, _, err := l.bundle.open(l.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("layer %s is missing: %w", l.name, err)
	}
	return f, err
}

func (l bundledLayer) MediaType() (types.MediaType, error) { return l.media, nil }

func (l bundledLayer) Size() (int64, error) {
	f, size, err := l.bundle.open(l.name)
	if err != nil {
		return 0, err
	}
	return size, f.Close()
}

func (l bundledLayer) Digest() (v1.Hash, error) {
	f, err := l.Compressed()
	if err != nil {
		return v1.Hash{}, err
	}
	defer f.Close()
	h, _, err := v1.SHA256(f)
	return h, err
}
