package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/emulator"
)

// standInLabel marks a stand-in base, and what is built on it.
const standInLabel = "coldbench.stand-in"

// baseLabel is where an image may say what it was built on.
const baseLabel = "org.opencontainers.image.base.name"

// Take returns the image that a variant names, with the variant's changes: from the store,
// else the engine, else the registry. An engine's is copied again when the engine has
// another one under the name; a registry's stays until it is removed from the store.
func (s *Store) Take(ctx context.Context, v coldstart.Variant, o Options) (img coldstart.Image, err error) {
	defer wrap(&err, "taking the image of %s", v.Name)
	if v.Image == "" {
		return img, errors.New("it names none")
	}
	arch, err := architecture(v, o)
	if err != nil {
		return img, err
	}
	if o.DescribeOnly && o.Engine != nil {
		_, held, err := o.describe(ctx, v.Image, "linux/"+arch)
		if err == nil && held.Arch == arch {
			held.Ref = cmp.Or(held.Ref, v.Image)
			held.ContentID = s.KnownContentID(held.ID)
			return Apply(held, v), nil
		}
	}
	c, err := s.find(ctx, v.Image, arch, o)
	if err != nil {
		return img, err
	}
	facts := s.facts
	if o.Unpack {
		facts = s.factsUnpacking
	}
	if img, err = facts(ctx, c); err != nil {
		return coldstart.Image{}, err
	}
	return Apply(img, v), nil
}

// factsUnpacking unpacks the image meanwhile: both read the same layers.
func (s *Store) factsUnpacking(ctx context.Context, c *content) (img coldstart.Image, err error) {
	defer c.started.drop() // if it was not needed
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	unpacked := make(chan error, 1)
	go func() {
		_, err := s.unpackOnce(ctx, c.id(), func() (*content, error) { return c, nil })
		unpacked <- err
	}()
	if img, err = s.facts(ctx, c); err != nil {
		cancel()
		<-unpacked // its error is that of the same layers, or of cancel
		return img, err
	}
	return img, <-unpacked
}

// Get returns the image with an ID, without any variant's changes.
func (s *Store) Get(ctx context.Context, id string) (coldstart.Image, error) {
	c, err := s.byID(id)
	if err != nil {
		return coldstart.Image{}, err
	}
	return s.facts(ctx, c)
}

// Listed is an image of the store and what it goes by.
type Listed struct {
	coldstart.Image
	// Name is the variant that it was built for, or its reference.
	Name string
	// Source is "build", "put", "engine" or "registry"; empty if another program wrote it.
	Source string
}

// List returns the newest image of each name in the store, sorted by name and
// architecture. One whose content is not all there is left out.
func (s *Store) List(ctx context.Context) (list []Listed, err error) {
	defer wrap(&err, "listing images")
	images, err := s.images()
	if err != nil {
		return nil, err
	}
	seen := map[[3]string]bool{}
	for c := range images {
		if seen[nameOf(c.entry)] {
			continue
		}
		seen[nameOf(c.entry)] = true
		img, err := s.facts(ctx, c)
		if err != nil {
			return nil, err
		}
		notes := c.entry.Annotations
		img.Base = cmp.Or(notes[annotationBase], img.Base)
		list = append(list, Listed{img, cmp.Or(notes[annotationVariant], notes[annotationRef]), notes[annotationSource]})
	}
	slices.SortStableFunc(list, func(a, b Listed) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Arch, b.Arch))
	})
	return list, nil
}

func (s *Store) byID(id string) (*content, error) {
	images, err := s.images()
	if err != nil {
		return nil, err
	}
	for c := range images {
		if c.id() == id {
			return s.keepImage(c), nil
		}
	}
	return nil, fmt.Errorf("image %s is not in the store %s", id, s.dir)
}

func (s *Store) facts(ctx context.Context, c *content) (coldstart.Image, error) {
	info, err := s.imageInfo(ctx, c)
	if err != nil {
		return coldstart.Image{}, err
	}
	img := coldstart.Image{
		ID:          c.id(),
		ContentID:   info.ContentID,
		SizeBytes:   info.Unpacked,
		Digest:      c.desc.Digest.String(),
		Layers:      len(c.layers),
		Base:        c.config.Config.Labels[baseLabel],
		StandIn:     c.config.Config.Labels[standInLabel] != "",
		Arch:        c.config.Architecture,
		Entrypoint:  c.config.Config.Entrypoint,
		Command:     c.config.Config.Cmd,
		Environment: c.config.Config.Env,
		WorkingDir:  c.config.Config.WorkingDir,
	}
	for _, l := range c.layers {
		img.CompressedBytes += l.Blob.Size
	}
	if c.plain() {
		img.Digest, img.CompressedBytes = "", 0 // those of no registry
	}
	return img, nil
}

// Apply returns an image with a variant's changes: its entrypoint, which clears the
// image's CMD, its command, working directory and environment. An emulator in front
// is taken off with its flags. The arguments are not changed.
func Apply(img coldstart.Image, v coldstart.Variant) coldstart.Image {
	if v.Entrypoint != nil {
		img.Entrypoint, img.Command = v.Entrypoint, nil
	}
	if v.Command != nil {
		img.Command = v.Command
	}
	argv := slices.Concat(img.Entrypoint, img.Command)
	rest, _ := emulator.Strip(argv)
	n, inEntrypoint := len(argv)-len(rest), len(img.Entrypoint)
	if n > inEntrypoint {
		img.Entrypoint, img.Command = nil, argv[n:]
	} else {
		img.Entrypoint, img.Command = argv[n:inEntrypoint:inEntrypoint], argv[inEntrypoint:]
	}
	if v.WorkingDir != "" {
		img.WorkingDir = v.WorkingDir
	}
	env := slices.Clone(img.Environment)
	for _, key := range slices.Sorted(maps.Keys(v.Environment)) {
		env = setEnv(env, key, v.Environment[key])
	}
	img.Environment = env
	return img
}

// shortID returns the first 12 digits of an image ID, as engines show it.
func shortID(id string) string {
	hex := strings.TrimPrefix(id, "sha256:")
	return hex[:min(12, len(hex))]
}
