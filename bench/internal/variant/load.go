package variant

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
)

// ErrNoFile is wrapped by the error of Load where there is no compose file.
var ErrNoFile = errors.New("no compose file")

// fileNames are the names of compose files in the order in which compose prefers them.
var fileNames = []string{"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"}

// Options say which compose file is read and how.
type Options struct {
	// File is the compose file, relative to Dir; empty means one of compose's own names.
	File string
	// Dir is the folder to look in; empty means the current one.
	Dir string
	// Env holds KEY=VALUE pairs for ${KEY} and bare keys of environment, looked up before
	// the .env file beside the compose file. A later pair wins.
	Env []string
	// Arch is what ${ARCH} stands for, "amd64" or "arm64"; empty leaves it to Env and .env.
	Arch string
	// Log receives what is odd about the file and harmless; nil for none.
	Log func(line string)
}

// Load returns the variants of a compose file in the order of its services, without
// those that x-bench ignores; none is an error. No file is an error that wraps ErrNoFile
// and carries a hint. Errors name the file and, if there is one, the service.
func Load(ctx context.Context, o Options) ([]coldstart.Variant, error) {
	file, err := find(o)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the compose file: %w", err)
	}
	env, err := environment(o, filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	var doc outline
	// A text that compose-go can read and yaml can't (a file of several documents,
	// for example) leaves the order to the names.
	_ = yaml.Unmarshal(text, &doc)
	var project *types.Project
	quietly(o.Log, func() { project, err = parse(ctx, file, text, projectName(file, doc.Name, env), env) })
	if err != nil {
		return nil, err
	}
	var variants []coldstart.Variant
	for _, name := range doc.order(project.Services) {
		v, ignored, err := fromService(project.Services[name], buildReader{file: file, project: project.Name, services: project.Services, env: env})
		if err != nil {
			return nil, fmt.Errorf("%s: service %q: %w", file, name, err)
		}
		if !ignored {
			variants = append(variants, v)
		}
	}
	if len(variants) == 0 {
		return nil, fmt.Errorf("%s: no service to measure in it", file)
	}
	return variants, nil
}

func find(o Options) (string, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return "", fmt.Errorf("finding the compose file: %w", err)
	}
	names := fileNames
	if o.File != "" {
		names = []string{o.File}
	}
	for _, name := range names {
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, name)
		}
		switch info, err := os.Stat(path); {
		case err == nil && info.IsDir():
			return "", fmt.Errorf("reading the compose file: %s is a folder", path)
		case err == nil:
			return path, nil
		case !errors.Is(err, fs.ErrNotExist):
			return "", fmt.Errorf("finding the compose file: %w", err)
		}
	}
	what, hint := "docker-compose.yml in "+dir, "name one with --file, or an image with NAME=IMAGE"
	if o.File != "" {
		what, hint = o.File, "name another one with --file, or an image with NAME=IMAGE"
	}
	return "", advice.Hint(fmt.Errorf("%w: %s", ErrNoFile, what), hint)
}

// environment returns the variables of the .env file in dir and of o.Env.
func environment(o Options, dir string) (types.Mapping, error) {
	given := types.Mapping{}
	for _, pair := range o.Env {
		if key, value, ok := strings.Cut(pair, "="); ok {
			given[key] = value
		}
	}
	if o.Arch != "" {
		given["ARCH"] = o.Arch
	}
	path := filepath.Join(dir, dotenv.DotEnv)
	if info, err := os.Stat(path); err != nil || info.IsDir() {
		return given, nil
	}
	more, err := dotenv.GetEnvFromFile(given, []string{path})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return given.Merge(more), nil // Merge keeps what is there
}

func parse(ctx context.Context, file string, text []byte, name string, env types.Mapping) (*types.Project, error) {
	details := types.ConfigDetails{
		WorkingDir:  filepath.Dir(file),
		ConfigFiles: []types.ConfigFile{{Filename: file, Content: text}},
		Environment: env,
	}
	project, err := loader.LoadWithContext(ctx, details, func(o *loader.Options) {
		o.SetProjectName(name, true)
		// A profile says what docker compose up starts, not what is a variant.
		o.Profiles = []string{"*"}
		o.ResolvePaths = true
		// Both are checked service by service, so that errors name the service
		// and services that x-bench ignores may lack anything.
		o.SkipConsistencyCheck = true
		o.SkipResolveEnvironment = true
		o.SkipResolveLabels = true
	})
	if err != nil {
		// compose-go puts the file's name into some errors, not into all, and
		// says of an unknown key that its schema is false.
		text := strings.ReplaceAll(err.Error(), " false schema", ": unknown key")
		text = strings.TrimPrefix(strings.TrimPrefix(text, "validating "), file+": ")
		return nil, fmt.Errorf("%s: %s", file, text)
	}
	return project, nil
}
