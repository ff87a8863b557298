package cli

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"coldbench/bench/internal/coldstart"
)

// composeBuild has the engine's own builder build one service, for a Dockerfile
// with RUN, and returns the image's ID. It is read at once, because two services
// may give their images one tag.
func (a *app) composeBuild(ctx context.Context, v coldstart.Variant) (string, error) {
	b := v.Build
	if b.ComposeFile == "" {
		return "", fmt.Errorf("building %s: no compose file describes it", v.Name)
	}
	dir := filepath.Dir(b.ComposeFile)
	compose, err := a.compose(ctx)
	if err != nil {
		return "", fmt.Errorf("building %s: %w", v.Name, err)
	}
	if _, err := a.command(ctx, dir, append(compose, "-f", b.ComposeFile, "build", b.Service)...); err != nil {
		return "", fmt.Errorf("building %s: %w", v.Name, err)
	}
	ref := v.Image
	if ref == "" {
		project := a.getenv("COMPOSE_PROJECT_NAME")
		if project == "" {
			project = field(filepath.Join(dir, ".env"), "COMPOSE_PROJECT_NAME")
		}
		if project == "" {
			project = strings.ToLower(filepath.Base(dir))
		}
		// Compose v2 joins project and service with a dash, 1.29 with an underscore.
		separator := "-"
		if compose[0] == "docker-compose" {
			separator = "_"
		}
		ref = project + separator + b.Service
	}
	id, err := a.command(ctx, dir, "docker", "image", "inspect", "--format", "{{.Id}}", ref)
	if err != nil {
		return "", fmt.Errorf("finding the image of %s: %w", v.Name, err)
	}
	return strings.TrimSpace(id), nil
}

// compose returns the compose command of this machine.
func (a *app) compose(ctx context.Context) ([]string, error) {
	if _, err := a.command(ctx, a.Dir, "docker", "compose", "version"); err == nil {
		return []string{"docker", "compose"}, nil
	}
	if _, err := exec.LookPath("docker-compose"); err == nil {
		return []string{"docker-compose"}, nil
	}
	return nil, coldstart.Hint(fmt.Errorf("neither docker compose nor docker-compose is here"), "install the compose plugin of Docker")
}

// command runs a program and returns its output; the end of what it wrote to
// stderr is part of the error.
func (a *app) command(ctx context.Context, dir string, argv ...string) (string, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, a.Environ
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
