package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/jsonstream"
	"github.com/moby/moby/client"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
)

// ErrNoImage is wrapped by errors about an image that the engine does not hold.
var ErrNoImage = errors.New("no such image in the engine")

const (
	labelStandIn = "coldbench.stand-in"
	labelBase    = "org.opencontainers.image.base.name"
)

func (e *Engine) inspectImage(ctx context.Context, ref string) (client.ImageInspectResult, error) {
	call, cancel := context.WithTimeoutCause(ctx, callTimeout, errSilent)
	defer cancel()
	r, err := e.cli.ImageInspect(call, ref)
	if err != nil {
		return client.ImageInspectResult{}, causeOf(call, err)
	}
	return r, nil
}

// imageOf returns the engine's ID of an image, by its own or by its reference.
func (e *Engine) imageOf(ctx context.Context, img coldstart.Image) (string, error) {
	for _, ref := range []string{img.ID, img.Ref} {
		if ref == "" {
			continue
		}
		r, err := e.inspectImage(ctx, ref)
		if err == nil {
			return r.ID, nil
		}
		if !errdefs.IsNotFound(err) {
			return "", engineFailure(ctx, fmt.Errorf("looking for image: %w", err))
		}
	}
	return "", fmt.Errorf("%w: %s", ErrNoImage, img.ID)
}

// Has reports whether the engine holds the image of that ID or reference.
func (e *Engine) Has(ctx context.Context, id string) (bool, error) {
	_, err := e.inspectImage(ctx, id)
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for image %s: %w", id, err)
	}
	return true, nil
}

// Load takes in an image in the form that docker save writes.
func (e *Engine) Load(ctx context.Context, tar io.Reader) error {
	r, err := e.cli.ImageLoad(ctx, tar, client.ImageLoadWithQuiet(true))
	if err != nil {
		return fmt.Errorf("loading image: %w", err)
	}
	defer r.Close()
	for d := json.NewDecoder(r); ; {
		var m jsonstream.Message
		switch err := d.Decode(&m); {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("loading image: %w", err)
		case m.Error != nil:
			return fmt.Errorf("loading image: %s", m.Error.Message)
		}
	}
}

// Save returns the image as docker save writes it; the caller closes it.
func (e *Engine) Save(ctx context.Context, ref string) (io.ReadCloser, error) {
	r, err := e.cli.ImageSave(ctx, []string{ref})
	// Podman answers 500 to the name of an image that it does not hold.
	if errdefs.IsNotFound(err) || err != nil && strings.Contains(err.Error(), "image not known") {
		return nil, fmt.Errorf("saving image: %w: %s", ErrNoImage, ref)
	}
	if err != nil {
		return nil, fmt.Errorf("saving image %s: %w", ref, err)
	}
	return r, nil
}

// Describe says what the engine knows of an image. The error wraps ErrNoImage if it is not
// there; another platform is an error unless platform is empty.
func (e *Engine) Describe(ctx context.Context, ref, platform string) (coldstart.Image, error) {
	r, err := e.inspectImage(ctx, ref)
	if errdefs.IsNotFound(err) {
		return coldstart.Image{}, fmt.Errorf("%w: %s", ErrNoImage, ref)
	}
	if err != nil {
		return coldstart.Image{}, fmt.Errorf("describing image %s: %w", ref, err)
	}
	// A platform may have a variant, linux/arm64/v8: the engine does not say.
	if have := r.Os + "/" + r.Architecture; platform != "" && !strings.HasPrefix(platform+"/", have+"/") {
		return coldstart.Image{}, advice.Hint(fmt.Errorf("image %s is for %s, not %s", ref, have, platform),
			"docker pull --platform "+platform+" "+ref)
	}
	img := coldstart.Image{
		ID: r.ID, Ref: ref, SizeBytes: r.Size, Layers: len(r.RootFS.Layers), Arch: r.Architecture,
	}
	if len(r.RepoDigests) > 0 {
		_, img.Digest, _ = strings.Cut(r.RepoDigests[0], "@")
	}
	if c := r.Config; c != nil {
		img.Entrypoint, img.Command = c.Entrypoint, c.Cmd
		img.Environment, img.WorkingDir = c.Env, c.WorkingDir
		img.Base = c.Labels[labelBase]
		_, img.StandIn = c.Labels[labelStandIn]
	}
	return img, nil
}
