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
	"time"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
)

// ErrNeedsEngine is wrapped by the error of Store.Build for a Dockerfile that has to run
// or fetch something. The error names the file and the line.
var ErrNeedsEngine = errors.New("needs a container engine's own builder")

// ErrNoSource is wrapped by the error of Store.Build for a COPY or ADD without a source.
var ErrNoSource = errors.New("no such file or folder")

// Engine is a container engine that may hold images that the store lacks.
type Engine interface {
	// Save writes the image that the engine knows as ref, as docker save does.
	Save(ctx context.Context, ref string) (io.ReadCloser, error)
	// Describe returns the facts, at least ID and Arch, of the image that the engine knows
	// as ref for a platform such as "linux/arm64"; an error if it has none.
	Describe(ctx context.Context, ref, platform string) (coldstart.Image, error)
}

// Options say for what and with whose help an image is built or taken.
type Options struct {
	// Arch is "amd64" or "arm64"; empty means the variant's platform or this machine's.
	Arch string
	// Engine connects to the engine that is asked for images that the store lacks,
	// when it is first needed: most runs never need one. nil for none.
	Engine func(context.Context) (Engine, error)
	// DescribeOnly lets Take leave an image in Engine: the facts are the engine's and Ref
	// is set. That engine can start it, but it can't be unpacked here.
	DescribeOnly bool
	// Unpack has Take unpack the image meanwhile, and keep what came from Engine without
	// compression: Digest and CompressedBytes are then unknown.
	Unpack bool
	// Environ holds KEY=VALUE pairs, the environment of compose where that builds.
	Environ []string
	// NoCache has Build not use an image of the store that differs in times only.
	NoCache bool
	// PullTimeout is how long a registry may send nothing; 0 means 20 s, less than 0 that
	// none is asked.
	PullTimeout time.Duration
	// Log receives a line for each pull, unused build argument and the like; nil for none.
	Log func(line string)
}

// defaultPullTimeout is enough for a slow line, and bearable for a person who is offline.
const defaultPullTimeout = 20 * time.Second

// wrap puts what was being done in front of an error, if there is one.
func wrap(err *error, format string, args ...any) {
	if *err != nil {
		*err = fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), *err)
	}
}

// enter sets a key of a map, which it makes if there is none.
func enter[V any](m *map[string]V, key string, value V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[key] = value
}

func (o Options) say(format string, args ...any) {
	if o.Log != nil {
		o.Log(fmt.Sprintf(format, args...))
	}
}

func (o Options) engineAnswers(ctx context.Context) bool {
	if o.Engine == nil {
		return false
	}
	_, err := o.Engine(ctx)
	return err == nil
}

// describe returns the engine and what it says of an image.
func (o Options) describe(ctx context.Context, ref, platform string) (Engine, coldstart.Image, error) {
	engine, err := o.Engine(ctx)
	if err != nil {
		return nil, coldstart.Image{}, err
	}
	img, err := engine.Describe(ctx, ref, platform)
	return engine, img, err
}

func (o Options) pullTimeout() time.Duration { return cmp.Or(o.PullTimeout, defaultPullTimeout) }

// architecture decides for which architecture a variant's image is wanted.
func architecture(v coldstart.Variant, o Options) (string, error) {
	arch := o.Arch
	if v.Platform != "" {
		platform, err := archOf(v.Platform)
		if err != nil {
			return "", fmt.Errorf("platform of %s: %w", v.Name, err)
		}
		if arch != "" && arch != platform {
			return "", advice.Hint(
				fmt.Errorf("%s is for linux/%s, not linux/%s", v.Name, platform, arch),
				"take the platform out of its service, or write it as linux/${ARCH:-"+platform+"}")
		}
		arch = platform
	}
	arch = cmp.Or(arch, runtime.GOARCH)
	if v.Build == nil || len(v.Build.Platforms) == 0 || slices.ContainsFunc(v.Build.Platforms, func(p string) bool {
		a, err := archOf(p)
		return err == nil && a == arch
	}) {
		return arch, nil
	}
	return "", advice.Hint(
		fmt.Errorf("the build of %s is for %s, not linux/%s", v.Name, strings.Join(v.Build.Platforms, ", "), arch),
		"add linux/"+arch+" to build: platforms")
}

// archOf returns the architecture of a platform: "linux/arm64/v8" is arm64.
func archOf(platform string) (string, error) {
	parts := strings.Split(platform, "/")
	if len(parts) == 1 {
		parts = []string{"linux", parts[0]}
	}
	if parts[0] != "linux" || len(parts) > 3 {
		return "", fmt.Errorf("%q is not a Linux platform", platform)
	}
	switch parts[1] {
	case "x86_64":
		return "amd64", nil
	case "aarch64":
		return "arm64", nil
	case "":
		return "", fmt.Errorf("%q names no architecture", platform)
	}
	return parts[1], nil
}
