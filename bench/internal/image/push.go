package image

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"coldbench/bench/internal/coldstart"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// ErrNoRepository is wrapped by the error of Store.Push where the registry has
// no such repository: ECR makes none by itself.
var ErrNoRepository = errors.New("the registry has no such repository")

// Destination is where images are pushed to.
type Destination struct {
	// Repository is the registry's host and the repository's name, without a
	// scheme: "123456789012.dkr.ecr.eu-west-1.amazonaws.com/project".
	Repository string
	// User and Password are for the registry; if empty, what docker login stored is used.
	User, Password string
	// Fresh is how many images to push beside each, with one more layer of 1 KiB of random
	// bytes, which no registry and no cache has ever seen.
	Fresh int
}

// Pushed holds the names of an image in a registry: REPOSITORY@sha256:DIGEST, for a tag may
// be moved.
type Pushed struct {
	// URI is the image itself, with the digest that the store has it under.
	URI string
	// Fresh are the images with one more layer.
	Fresh []string
}

// Push writes an image of the store to a registry, but for what that has. It is tagged
// "NAME-ID12", a tag that is never moved. A repository that does not exist is an error that
// wraps ErrNoRepository; no error holds the password.
func (s *Store) Push(ctx context.Context, img coldstart.Image, as string, to Destination) (_ Pushed, err error) {
	defer wrap(&err, "pushing %s to %s", as, to.Repository)
	repository, err := name.NewRepository(to.Repository)
	if err != nil {
		return Pushed{}, err
	}
	original, err := s.original(ctx, img.ID)
	if err != nil {
		return Pushed{}, err
	}
	options := []remote.Option{
		remote.WithContext(ctx), remote.WithTransport(http.DefaultTransport), remote.WithUserAgent("coldbench"),
		remote.WithAuthFromKeychain(authn.DefaultKeychain),
	}
	if to.User != "" || to.Password != "" {
		options[len(options)-1] = remote.WithAuth(&authn.Basic{Username: to.User, Password: to.Password})
	}
	write := func(img v1.Image, tag string) (string, error) {
		digest, err := img.Digest()
		if err != nil {
			return "", err
		}
		ref, err := name.NewTag(repository.Name() + ":" + tag + "-" + digest.Hex[:12])
		if err != nil {
			return "", err
		}
		if err := remote.Write(ref, img, options...); err != nil {
			return "", pushError(err)
		}
		return repository.Name() + "@" + digest.String(), nil
	}
	var pushed Pushed
	if pushed.URI, err = write(original, as); err != nil {
		return Pushed{}, err
	}
	for range to.Fresh {
		fresh, err := freshen(original, FreshData())
		if err != nil {
			return Pushed{}, err
		}
		uri, err := write(fresh, as+"-fresh")
		if err != nil {
			return Pushed{}, err
		}
		pushed.Fresh = append(pushed.Fresh, uri)
	}
	return pushed, nil
}

// pushError says what a registry's refusal means.
func pushError(err error) error {
	var refused *transport.Error
	if !errors.As(err, &refused) {
		return err
	}
	for _, d := range refused.Errors {
		if d.Code == transport.NameUnknownErrorCode {
			return fmt.Errorf("%w: %w", ErrNoRepository, err)
		}
	}
	// Its text is long and names a URL of the upload.
	if len(refused.Errors) == 0 {
		return fmt.Errorf("the registry answered %d %s", refused.StatusCode, http.StatusText(refused.StatusCode))
	}
	return err
}

// original returns an image of the store for go-containerregistry, compressed.
func (s *Store) original(ctx context.Context, id string) (v1.Image, error) {
	c, err := s.byID(id)
	if err != nil {
		return nil, err
	}
	if c, err = s.compressed(ctx, c); err != nil {
		return nil, err
	}
	return s.imageOf(ctx, c)
}

func (s *Store) imageOf(ctx context.Context, c *content) (v1.Image, error) {
	return partial.CompressedToImage(&stored{ctx, s, c})
}

// stored is an image of the store for go-containerregistry, verified while it is read.
type stored struct {
	ctx   context.Context
	store *Store
	*content
}

var _ partial.CompressedImageCore = (*stored)(nil)

func (i *stored) RawConfigFile() ([]byte, error)      { return i.configRaw, nil }
func (i *stored) RawManifest() ([]byte, error)        { return i.store.readBlob(i.desc) }
func (i *stored) MediaType() (types.MediaType, error) { return i.manifest.MediaType, nil }

func (i *stored) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	for _, l := range i.layers {
		if l.Blob.Digest == h {
			return storedLayer{i.ctx, i.store, l}, nil
		}
	}
	return nil, fmt.Errorf("the image has no layer %s", h)
}
