package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// ImportOptions say which image of a file or folder is imported, and as what.
type ImportOptions struct {
	// Ref is the reference to enter the image under; empty means those in the file.
	Ref string
	// Image is the reference, or the start of the ID or digest, of one of several images.
	Image string
	// Arch is "amd64" or "arm64", of an image for several; empty means the only one or this
	// machine's.
	Arch string

	// saved is true for what an engine was asked for by Ref: an image of that name is
	// taken, or the only one.
	saved bool
	// plain is as in taking.
	plain bool
}

// Import enters an image of a file or folder and returns the references that it
// was entered under. It takes what docker save and podman save write, in all
// generations, an OCI layout as a folder or an archive, and archives that are
// compressed with gzip, bzip2 or zstd. Nothing is entered after an error.
func (s *Store) Import(ctx context.Context, name string, o ImportOptions) (coldstart.Image, []string, error) {
	b, err := s.openBundle(ctx, name)
	if err != nil {
		return coldstart.Image{}, nil, err
	}
	return s.importBundle(ctx, b, o)
}

// ImportStream is Import of an archive in a stream.
func (s *Store) ImportStream(ctx context.Context, archive io.Reader, o ImportOptions) (coldstart.Image, []string, error) {
	meter := s.Meter("reading "+cmp.Or(o.Ref, "the archive"), 0)
	b, err := s.readBundle(ctx, io.TeeReader(archive, meter))
	meter.End()
	if err != nil {
		return coldstart.Image{}, nil, err
	}
	return s.importBundle(ctx, b, o)
}

func (s *Store) importBundle(ctx context.Context, b bundle, o ImportOptions) (coldstart.Image, []string, error) {
	defer b.Close()
	c, refs, err := s.importFrom(ctx, b, o, map[string]string{annotationSource: sourcePut})
	if err != nil {
		return coldstart.Image{}, nil, err
	}
	img, err := s.facts(ctx, c)
	return img, refs, err
}

// importFrom takes the chosen image of a bundle into the store.
func (s *Store) importFrom(ctx context.Context, b bundle, o ImportOptions, notes map[string]string) (*content, []string, error) {
	if o.Ref != "" {
		if _, err := name.ParseReference(o.Ref); err != nil {
			return nil, nil, fmt.Errorf("%q is not an image reference: %w", o.Ref, err)
		}
	}
	images, err := imagesIn(b)
	if err != nil {
		return nil, nil, err
	}
	held, err := choose(images, o)
	if err != nil {
		return nil, nil, err
	}
	refs := held.refs
	if o.Ref != "" {
		refs = []string{o.Ref}
	}
	if len(refs) == 0 {
		return nil, nil, advice.Hint(errors.New("it gives its image no reference"), "name the image with --as REFERENCE")
	}
	var c *content
	for _, ref := range refs {
		t := taking{ref: ref, image: held.image, notes: notes, plain: o.plain}
		if o.Arch != "" {
			t.platform = "linux/" + o.Arch
		}
		if c, err = s.take(ctx, t); err != nil {
			return nil, nil, cutShort(err)
		}
	}
	return c, refs, nil
}

type heldImage struct {
	refs     []string // what the bundle calls it, short
	id       v1.Hash  // of the configuration; zero where that is missing
	digest   v1.Hash  // of the manifest; zero for none
	platform string   // "linux/arm64" for example
	image    takeable // nil where the content is missing
}

func (h heldImage) String() string {
	switch {
	case len(h.refs) > 0:
		return strings.Join(h.refs, " = ")
	case h.id != (v1.Hash{}):
		return "sha256:" + h.id.Hex[:12]
	}
	return "sha256:" + h.digest.Hex[:12]
}

// imagesIn lists the images of a bundle; an error says what it is instead.
func imagesIn(b bundle) ([]heldImage, error) {
	top := b.top()
	var images []heldImage
	var err error
	if top[indexFile] {
		if images, err = layoutImages(b); err != nil {
			return nil, err
		}
	}
	switch {
	case slices.ContainsFunc(images, func(h heldImage) bool { return h.image != nil }):
	case top[savedManifest]:
		images, err = savedImages(b)
	case len(images) == 0 && top[savedTags]:
		images, err = legacyImages(b)
	case len(images) == 0:
		err = notImages(b, top)
	}
	if err == nil && len(images) == 0 {
		err = errors.New("it lists no image")
	}
	return images, err
}

// rootFolders are typical of a whole file system; engines add some to every container.
var rootFolders = []string{"bin", "dev", "etc", "lib", "proc", "sbin", "sys", "usr", "var"}

// notImages says what a bundle without images is.
func notImages(b bundle, top map[string]bool) error {
	found := 0
	for _, name := range rootFolders {
		if top[name] {
			found++
		}
	}
	if top[".dockerenv"] || found >= 3 {
		return advice.Hint(errors.New("it is a bare file system, as docker export writes it, without entrypoint, environment and layers"),
			"save the image instead: `docker save IMAGE -o FILE`; of a container, make one first: `docker commit CONTAINER IMAGE`")
	}
	for first := range top {
		f, _, err := b.open(first + "/layer.tar")
		if err == nil {
			f.Close()
		}
		if err == nil || first == "blobs" || first == "oci-layout" {
			return fmt.Errorf("it has layers, but neither %s nor %s: it is cut short or damaged", savedManifest, indexFile)
		}
	}
	return advice.Hint(fmt.Errorf("it holds no image: neither %s, %s nor %s is in it", savedManifest, indexFile, savedTags), saveHint)
}

// choose returns the image that the options mean. An error lists the images.
func choose(images []heldImage, o ImportOptions) (heldImage, error) {
	all := images
	wanted := o.Image
	if o.saved {
		wanted = o.Ref
	}
	if wanted != "" {
		images = slices.DeleteFunc(slices.Clone(images), func(h heldImage) bool { return !h.is(wanted) })
		if len(images) == 0 && o.saved {
			images = all
		}
		if len(images) == 0 {
			return heldImage{}, fmt.Errorf("it has no image %s, only %s", wanted, listImages(all))
		}
	}
	for _, h := range images[1:] {
		if h.String() != images[0].String() && (len(h.refs) > 0 || len(images[0].refs) > 0) {
			return heldImage{}, severalImages(images)
		}
	}
	return choosePlatform(images, o.Arch)
}

// choosePlatform returns one of the platforms of an image.
func choosePlatform(images []heldImage, arch string) (heldImage, error) {
	there := slices.DeleteFunc(slices.Clone(images), func(h heldImage) bool { return h.image == nil })
	has := "it has content for none of " + listPlatforms(images)
	if len(there) > 0 {
		has = "it has content for " + listPlatforms(there) + " only"
	}
	wanted := arch
	if wanted == "" && len(there) > 1 {
		wanted = runtime.GOARCH
	}
	if wanted != "" {
		there = slices.DeleteFunc(there, func(h heldImage) bool { return h.platform != "linux/"+wanted })
	}
	switch {
	case len(there) > 1:
		for i := range there {
			there[i].refs = nil // they have the same: only the IDs tell them apart
		}
		return heldImage{}, severalImages(there)
	case len(there) == 1:
		return there[0], nil
	case wanted == "":
		return heldImage{}, errors.New(has)
	case arch == "":
		return heldImage{}, advice.Hint(fmt.Errorf("%s, not for linux/%s", has, wanted), "choose one with --arch")
	}
	return heldImage{}, fmt.Errorf("%s, not for linux/%s", has, wanted)
}

func severalImages(images []heldImage) error {
	return advice.Hint(fmt.Errorf("it has several images: %s", listImages(images)), "choose one with --image NAME")
}

// is reports whether a name, or the start of an ID or digest, means the image.
func (h heldImage) is(wanted string) bool {
	for _, ref := range h.refs {
		if canonical(ref) == canonical(wanted) {
			return true
		}
	}
	hex := strings.TrimPrefix(wanted, "sha256:")
	return len(hex) >= 4 && (strings.HasPrefix(h.id.Hex, hex) || strings.HasPrefix(h.digest.Hex, hex))
}

// listImages names images for an error, each once.
func listImages(images []heldImage) string {
	var names []string
	for _, h := range images {
		names = addRefs(names, h.String())
	}
	return strings.Join(names, ", ")
}

func listPlatforms(images []heldImage) string {
	var names []string
	for _, h := range images {
		names = addRefs(names, h.platform)
	}
	return strings.Join(names, ", ")
}

// addRefs returns references with further ones, each once.
func addRefs(refs []string, more ...string) []string {
	all := slices.Clone(refs)
	for _, ref := range more {
		if !slices.Contains(all, ref) {
			all = append(all, ref)
		}
	}
	return all
}

// familiar shortens "docker.io/library/x:1" to "x:1".
func familiar(ref string) string {
	return strings.TrimPrefix(strings.TrimPrefix(ref, "docker.io/"), "library/")
}
