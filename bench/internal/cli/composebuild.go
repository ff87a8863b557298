package cli

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
)

// composeBuild has the engine's own builder build one service, for a Dockerfile
// with RUN, and returns the image's ID. It is read at once, because two services
// may give their images one tag.
func (a *app) composeBuild(ctx context.Context, v coldstart.Variant, noCache bool) (string, error) {
	b := v.Build
	if b.ComposeFile == "" {
		return "", fmt.Errorf("building %s: no compose file describes it", v.Name)
	}
	dir := filepath.Dir(b.ComposeFile)
	compose, err := a.compose(ctx)
	if err != nil {
		return "", fmt.Errorf("building %s: %w", v.Name, err)
	}
	defer a.steps.begin("building with " + strings.Join(compose, " "))()
	project := a.projectName(b.ComposeFile)
	argv := append(slices.Clone(compose), "-p", project, "-f", b.ComposeFile, "build")
	if noCache {
		argv = append(argv, "--no-cache")
	}
	if _, err := a.command(ctx, dir, append(argv, b.Service)...); err != nil {
		return "", fmt.Errorf("building %s: %w", v.Name, err)
	}
	ref := v.Image
	if ref == "" {
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

// projectName returns the name that compose gives the project of a file. Both
// generations are told, so that it can't be another one.
func (a *app) projectName(file string) string {
	dir := filepath.Dir(file)
	for _, name := range []string{
		a.getenv("COMPOSE_PROJECT_NAME"),
		field(filepath.Join(dir, ".env"), "COMPOSE_PROJECT_NAME"),
		strings.Trim(field(file, "name"), `"'`),
		filepath.Base(dir),
		"bench",
	} {
		name = strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
				return r
			}
			return -1
		}, strings.ToLower(name))
		if name = strings.TrimLeft(name, "-_"); name != "" {
			return name
		}
	}
	return ""
}

// compose returns the compose command of this machine.
func (a *app) compose(ctx context.Context) ([]string, error) {
	if _, err := a.command(ctx, a.Dir, "docker", "compose", "version"); err == nil {
		return []string{"docker", "compose"}, nil
	}
	if _, err := exec.LookPath("docker-compose"); err == nil {
		return []string{"docker-compose"}, nil
	}
	return nil, advice.Hint(fmt.Errorf("neither docker compose nor docker-compose is here"), "install the compose plugin of Docker")
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
