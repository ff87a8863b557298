package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
)

// ImageOf returns the image of a variant: built in process, built by compose if
// its Dockerfile has RUN and an engine answers, or taken as Take does.
func (s *Store) ImageOf(ctx context.Context, v coldstart.Variant, o Options) (coldstart.Image, error) {
	s.About(v.Name)
	if v.Build == nil {
		return s.Take(ctx, v, o)
	}
	img, err := s.Build(ctx, v, o)
	switch {
	case errors.Is(err, ErrNoSource) && o.Arch != runtime.GOARCH:
		return img, advice.Hint(err, "build what it copies for "+o.Arch+": make build ARCH="+o.Arch)
	case err == nil || !errors.Is(err, ErrNeedsEngine):
		return img, err
	case !o.engineAnswers(ctx):
		return img, advice.Hint(err, "start a Docker engine, or take what it has to run out of the Dockerfile")
	}
	if v.Image, err = s.composeBuild(ctx, v, o); err != nil {
		return img, err
	}
	v.Build = nil
	return s.Take(ctx, v, o)
}

// composeBuild has compose build one service and returns the image's ID. It is
// read at once, because two services may give their images one tag.
func (s *Store) composeBuild(ctx context.Context, v coldstart.Variant, o Options) (string, error) {
	b := v.Build
	if b.ComposeFile == "" {
		return "", fmt.Errorf("building %s: no compose file describes it", v.Name)
	}
	run := func(argv ...string) (string, error) { return o.command(ctx, filepath.Dir(b.ComposeFile), argv...) }
	// Compose v2 joins project and service with a dash, 1.29 with an underscore.
	compose, separator := []string{"docker", "compose"}, "-"
	if _, err := run("docker", "compose", "version"); err != nil {
		compose, separator = []string{"docker-compose"}, "_"
		if _, err := exec.LookPath(compose[0]); err != nil {
			return "", advice.Hint(fmt.Errorf("building %s: neither docker compose nor docker-compose is here", v.Name),
				"install the compose plugin of Docker")
		}
	}
	defer s.Meter("building with "+strings.Join(compose, " "), 0).End()
	argv := append(compose, "-p", b.Project, "-f", b.ComposeFile, "build")
	if o.NoCache {
		argv = append(argv, "--no-cache")
	}
	if _, err := run(append(argv, b.Service)...); err != nil {
		return "", fmt.Errorf("building %s: %w", v.Name, err)
	}
	ref := v.Image
	if ref == "" {
		ref = b.Project + separator + b.Service
	}
	id, err := run("docker", "image", "inspect", "--format", "{{.Id}}", ref)
	if err != nil {
		return "", fmt.Errorf("finding the image of %s: %w", v.Name, err)
	}
	return strings.TrimSpace(id), nil
}

// command runs a program; the end of what it wrote to stderr is part of the error.
func (o Options) command(ctx context.Context, dir string, argv ...string) (string, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, o.Environ
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		text := strings.TrimSpace(stderr.String())
		if most := 2000; len(text) > most {
			text = "…" + text[len(text)-most:]
		}
		return "", fmt.Errorf("running %s: %w: %s", strings.Join(argv, " "), err, text)
	}
	return stdout.String(), nil
}
