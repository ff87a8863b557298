package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// canonical returns the full form of a reference, "index.docker.io/library/x:latest"
// for "x"; anything else is unchanged.
func canonical(ref string) string {
	if ref == "" {
		return ""
	}
	r, err := name.ParseReference(ref)
	if err != nil {
		return ref
	}
	return r.Name()
}

// find returns an image from the store, the engine or the registry and enters it in the
// store. Its layers are compressed unless o.Unpack is set.
func (s *Store) find(ctx context.Context, ref, arch string, o Options) (*content, error) {
	c, err := s.search(ctx, ref, arch, o)
	if err != nil || o.Unpack {
		return c, err
	}
	return s.compressed(ctx, c)
}

func (s *Store) search(ctx context.Context, ref, arch string, o Options) (*content, error) {
	if _, err := name.ParseReference(ref); err != nil {
		return nil, fmt.Errorf("%q is not an image reference: %w", ref, err)
	}
	platform := "linux/" + arch
	byID := imageID.MatchString(ref)
	if byID {
		if c, err := s.byID(ref); err == nil && c.config.Architecture == arch {
			return c, nil
		}
	}
	var tried []string
	held, others := s.lookup(ref, arch)
	if len(others) > 0 {
		tried = append(tried, "the image store has it for "+strings.Join(others, ", ")+" only")
	}
	if held != nil && (o.Engine == nil || held.entry.Annotations[annotationSource] != sourceEngine) {
		return held, nil
	}
	if o.Engine != nil {
		c, err := s.fromEngine(ctx, ref, platform, held, o)
		if err == nil {
			return c, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		tried = append(tried, "engine: "+err.Error())
	}
	if held != nil {
		return held, nil
	}
	c, err := s.fromRegistry(ctx, ref, arch, byID, o)
	if err == nil {
		return c, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	err = fmt.Errorf("getting image %s for %s: %w", ref, platform, err)
	if len(tried) > 0 {
		err = fmt.Errorf("%w (%s)", err, strings.Join(tried, "; "))
	}
	return nil, advice.Hint(err, remedy(ref))
}

// imageID is the form of an image ID, which no registry knows.
var imageID = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// remedy says what to do about an image that can't be had.
func remedy(ref string) string {
	switch {
	case strings.Contains(ref, "lambda/provided:al2023"):
		return "set AL2023_BASE to a base that you have, or run `make offline-base`, which makes a stand-in and says how to use it"
	case strings.Contains(ref, "lambda/provided"):
		return "set AL2_BASE to a base that you have, or run `make offline-base`, which makes a stand-in and says how to use it"
	}
	return "load it into a Docker engine (`docker pull " + ref + "` on a machine with access, then `docker save` and `docker load`), or name an image that you have"
}

// lookup finds a reference in the index, or the other platforms that it is there for.
func (s *Store) lookup(ref, arch string) (c *content, others []string) {
	want := canonical(ref)
	images, _ := s.images()
	for c := range images {
		if under := c.entry.Annotations[annotationRef]; under == "" || canonical(under) != want {
			continue
		}
		if c.config.OS == "linux" && c.config.Architecture == arch {
			return s.keepImage(c), nil
		}
		others = append(others, c.config.OS+"/"+c.config.Architecture)
	}
	return nil, others
}

// content is an image in the store.
type content struct {
	entry     v1.Descriptor // of the index; the zero value for none
	desc      v1.Descriptor // of the manifest
	manifest  *v1.Manifest
	config    *v1.ConfigFile
	configRaw []byte
	layers    []layer
	// started holds layers that were unpacked while they came; nil for none.
	started *rootStage
}

// id returns the image ID, "sha256:" and the digest of the configuration.
func (c *content) id() string { return c.manifest.Config.Digest.String() }

// keepImage marks an image as in use and returns it.
func (s *Store) keepImage(c *content) *content {
	for _, l := range c.layers {
		s.keepBlob(l.Blob)
	}
	return c
}

// load reads a manifest and its configuration; all of the image must be in the store.
func (s *Store) load(d v1.Descriptor) (*content, error) {
	raw, err := s.readBlob(d)
	if err != nil {
		return nil, err
	}
	m, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	if m.MediaType == "" {
		m.MediaType = d.MediaType
	}
	c := &content{entry: d, desc: v1.Descriptor{MediaType: d.MediaType, Size: d.Size, Digest: d.Digest}, manifest: m}
	if c.configRaw, err = s.readBlob(m.Config); err != nil {
		return nil, err
	}
	if c.config, err = v1.ParseConfigFile(bytes.NewReader(c.configRaw)); err != nil {
		return nil, err
	}
	if len(c.config.RootFS.DiffIDs) != len(m.Layers) {
		return nil, fmt.Errorf("image %s has %d layers and %d diff IDs", m.Config.Digest, len(m.Layers), len(c.config.RootFS.DiffIDs))
	}
	for i, blob := range m.Layers {
		if !s.hasBlob(blob) {
			return nil, fmt.Errorf("layer %s: %w", blob.Digest, os.ErrNotExist)
		}
		c.layers = append(c.layers, layer{Blob: blob, DiffID: c.config.RootFS.DiffIDs[i]})
	}
	return c, nil
}

// fromEngine copies an image out of an engine, unless held is still what that has.
func (s *Store) fromEngine(ctx context.Context, ref, platform string, held *content, o Options) (*content, error) {
	engine, d, err := o.describe(ctx, ref, platform)
	if err != nil {
		return nil, err
	}
	if "linux/"+d.Arch != platform {
		return nil, fmt.Errorf("it has %s for linux/%s only", ref, d.Arch)
	}
	if held != nil && held.entry.Annotations[annotationEngineID] == d.ID {
		return held, nil
	}
	o.say("copying %s out of the engine", ref)
	var root *rootStage
	if o.Unpack {
		if root, err = s.startRoot(); err != nil {
			return nil, err
		}
	}
	c, err := s.copyOut(ctx, engine, ref, d, root)
	if err != nil {
		root.drop()
		return nil, err
	}
	c.started = root
	return c, nil
}

// copyOut copies an image, and unpacks what it can into root if that is not nil.
func (s *Store) copyOut(ctx context.Context, engine Engine, ref string, d coldstart.Image, root *rootStage) (*content, error) {
	r, err := engine.Save(ctx, ref)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	meter := s.Meter("copying "+ref+" out of the engine", d.SizeBytes)
	b, err := s.splitBundle(ctx, io.TeeReader(r, meter), root, d.Layers)
	meter.End()
	if err != nil {
		return nil, err
	}
	c, _, err := s.importFrom(ctx, b, ImportOptions{Ref: ref, Arch: d.Arch, saved: true, plain: true},
		map[string]string{annotationSource: sourceEngine, annotationEngineID: d.ID})
	return c, err
}

// fromRegistry pulls an image; each reference is asked for once, also after a failure.
func (s *Store) fromRegistry(ctx context.Context, ref, arch string, byID bool, o Options) (*content, error) {
	switch {
	case byID:
		return nil, errors.New("neither the image store nor an engine holds an image with this ID")
	case o.pullTimeout() < 0:
		return nil, errors.New("neither the image store nor an engine holds it, and no registry is to be asked")
	}
	pull, _ := s.asked.LoadOrStore(canonical(ref)+" "+arch, sync.OnceValues(func() (*content, error) { return s.pull(ctx, ref, arch, o) }))
	return pull.(func() (*content, error))()
}

// rewinder restarts a timer with whatever is written to it.
type rewinder struct {
	*time.Timer
	timeout time.Duration
}

// Write never fails.
func (r rewinder) Write(p []byte) (int, error) {
	r.Reset(r.timeout)
	return len(p), nil
}

// pull fetches an image for one platform.
func (s *Store) pull(ctx context.Context, ref, arch string, o Options) (*content, error) {
	r, err := name.ParseReference(ref)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timeout := o.pullTimeout()
	watch := time.AfterFunc(timeout, func() {
		cancel(fmt.Errorf("the registry %s gave no answer for %v", r.Context().RegistryStr(), timeout))
	})
	defer watch.Stop()
	o.say("asking %s for %s", r.Context().RegistryStr(), ref)
	asking := s.Meter("waiting for "+r.Context().RegistryStr(), 0)
	defer asking.End()
	img, err := remote.Image(r,
		remote.WithContext(ctx),
		remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithPlatform(v1.Platform{OS: "linux", Architecture: arch}),
		remote.WithTransport(http.DefaultTransport),
		remote.WithUserAgent("coldbench"))
	asking.End()
	if err == nil {
		var c *content
		c, err = s.take(ctx, taking{
			ref:      ref,
			image:    img,
			platform: "linux/" + arch,
			notes:    map[string]string{annotationSource: sourceRegistry},
			// While bytes come, the registry answers.
			alive: rewinder{watch, timeout},
			say:   o.say,
		})
		if err == nil {
			return c, nil
		}
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return nil, cause
	}
	return nil, err
}
