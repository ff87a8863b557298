package variant

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
)

// buildReader turns build sections of a compose file into builds.
type buildReader struct {
	file     string
	project  string // its name
	services types.Services
	env      types.Mapping
	open     []string // the services that are being read
	warnings []string // about keys that have no effect
}

func (r *buildReader) read(s types.ServiceConfig) (*coldstart.Build, error) {
	if slices.Contains(r.open, s.Name) {
		return nil, fmt.Errorf("the additional contexts go in a circle: %s", strings.Join(append(r.open, s.Name), ", "))
	}
	r.open = append(r.open, s.Name)
	defer func() { r.open = r.open[:len(r.open)-1] }()
	b := s.Build
	if err := r.checkKeys(s.Name, *b); err != nil {
		return nil, err
	}
	if isRemote(b.Context) {
		return nil, advice.Hint(fmt.Errorf("build context %s is not a folder of this machine", b.Context), "build it first and name the result with image")
	}
	build := &coldstart.Build{
		Context:     b.Context,
		Target:      b.Target,
		Labels:      b.Labels,
		Platforms:   b.Platforms,
		ComposeFile: r.file,
		Service:     s.Name,
		Project:     r.project,
	}
	if err := setDockerfile(build, b); err != nil {
		return nil, err
	}
	build.Args = r.args(b)
	for _, name := range slices.Sorted(maps.Keys(b.AdditionalContexts)) {
		c, err := r.context(b.AdditionalContexts[name])
		if err != nil {
			return nil, fmt.Errorf("additional context %s: %w", name, err)
		}
		if build.Contexts == nil {
			build.Contexts = map[string]coldstart.NamedContext{}
		}
		build.Contexts[name] = c
	}
	return build, nil
}

// args returns a build's arguments; nil for none. SOURCE_DATE_EPOCH is taken from
// the environment, as Docker Buildx does, without being named.
func (r *buildReader) args(b *types.BuildConfig) map[string]string {
	args := types.MappingWithEquals{}
	const epoch = "SOURCE_DATE_EPOCH"
	if value, ok := r.env.Resolve(epoch); ok {
		args[epoch] = &value
	}
	// An argument without a value here or in the environment keeps the
	// Dockerfile's default.
	return valuesOf(args.OverrideBy(b.Args).Resolve(r.env.Resolve))
}

// setDockerfile enters the Dockerfile: a file, or text in the compose file.
func setDockerfile(build *coldstart.Build, b *types.BuildConfig) error {
	if b.DockerfileInline != "" {
		if b.Dockerfile != "" {
			return errors.New("dockerfile and dockerfile_inline can't be combined")
		}
		build.Inline = b.DockerfileInline
		build.Dockerfile = filepath.Join(b.Context, "dockerfile_inline")
		return nil
	}
	build.Dockerfile = cmp.Or(b.Dockerfile, "Dockerfile")
	if !filepath.IsAbs(build.Dockerfile) {
		build.Dockerfile = filepath.Join(b.Context, build.Dockerfile)
	}
	return nil
}

// context reads the value of an additional context: a folder, another service's
// image, an image, or an address. compose-go has made folders absolute.
func (r *buildReader) context(value string) (coldstart.NamedContext, error) {
	if name, ok := strings.CutPrefix(value, types.ServicePrefix); ok {
		s, ok := r.services[name]
		switch {
		case !ok:
			return coldstart.NamedContext{}, fmt.Errorf("there is no service %q", name)
		case s.Build == nil:
			return coldstart.NamedContext{}, advice.Hint(fmt.Errorf("service %q has no build", name), "name its image with docker-image://IMAGE")
		}
		s.Name = name
		build, err := r.read(s)
		if err != nil {
			return coldstart.NamedContext{}, fmt.Errorf("service %q: %w", name, err)
		}
		return coldstart.NamedContext{Build: build}, nil
	}
	if image, ok := strings.CutPrefix(value, "docker-image://"); ok {
		return coldstart.NamedContext{Image: image}, nil
	}
	if isRemote(value) {
		return coldstart.NamedContext{Other: value}, nil
	}
	return coldstart.NamedContext{Dir: value}, nil
}

// isRemote reports whether a context is an address, by BuildKit's rule.
func isRemote(context string) bool {
	return strings.HasPrefix(context, "git@") || strings.HasPrefix(context, "github.com/") || strings.Contains(context, "://")
}
