package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"time"

	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
)

// Limits far above what a healthy engine needs: one that hangs becomes an error.
const (
	connectTimeout = 10 * time.Second
	callTimeout    = 30 * time.Second
)

// ErrNoEngine is wrapped if nothing answers at the engine's address.
var ErrNoEngine = errors.New("no Docker engine answers")

var errSilent = errors.New("the engine did not answer in time")

type facts struct {
	product string // "docker" or "podman"
	version string
	api     string
	arch    string // as Go names it
	info    system.Info
}

// dial makes the client that the environment asks for and reads the engine's facts.
func dial(ctx context.Context, patience time.Duration) (*client.Client, facts, error) {
	cli, err := client.New(client.FromEnv)
	if err != nil {
		return nil, facts{}, advice.Hint(fmt.Errorf("reading the engine's address: %w", err),
			"set DOCKER_HOST to an address like unix:///var/run/docker.sock, or unset it")
	}
	f, err := inquire(ctx, cli, patience)
	if err != nil {
		cli.Close()
		return nil, facts{}, err
	}
	return cli, f, nil
}

func inquire(ctx context.Context, cli *client.Client, patience time.Duration) (facts, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errSilent)
	defer cancel()
	if _, err := cli.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true}); err != nil {
		return facts{}, explainConnect(ctx, cli.DaemonHost(), err)
	}
	version, err := cli.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return facts{}, explainConnect(ctx, cli.DaemonHost(), err)
	}
	info, err := cli.Info(ctx, client.InfoOptions{})
	if err != nil {
		return facts{}, explainConnect(ctx, cli.DaemonHost(), err)
	}
	f := facts{product: "docker", version: version.Version, api: cli.ClientVersion(), info: info.Info}
	for _, c := range version.Components {
		if strings.Contains(strings.ToLower(c.Name), "podman") {
			f.product = "podman"
		}
	}
	if os := info.Info.OSType; os != "" && os != "linux" {
		return facts{}, advice.Hint(fmt.Errorf("the engine at %s runs %s containers", cli.DaemonHost(), os),
			"switch the engine to Linux containers")
	}
	if f.arch, err = goArch(info.Info.Architecture); err != nil {
		return facts{}, err
	}
	return f, nil
}

func goArch(machine string) (string, error) {
	switch machine {
	case "x86_64", "amd64":
		return "amd64", nil
	case "aarch64", "arm64":
		return "arm64", nil
	}
	return "", fmt.Errorf("the engine runs on %q: only amd64 and arm64 are supported", machine)
}

func explainConnect(ctx context.Context, host string, err error) error {
	text := err.Error()
	switch {
	case errors.Is(context.Cause(ctx), errSilent):
		return advice.Hint(fmt.Errorf("connecting to the engine at %s: %w", host, errSilent),
			"restart the engine, or use --engine sandbox")
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EACCES), strings.Contains(text, "permission denied"):
		return advice.Hint(fmt.Errorf("connecting to the engine at %s: permission denied", host),
			"add this user to the group docker (sudo usermod -aG docker USER, then log in again), or use --engine sandbox")
	case strings.Contains(text, "API version") && strings.Contains(text, "not supported"),
		strings.Contains(text, "is too old"):
		return advice.Hint(fmt.Errorf("the engine at %s is too old: API %s or newer is needed (Docker 20.10): %w", host, client.MinAPIVersion, err),
			"update the engine, or use --engine sandbox")
	case client.IsErrConnectionFailed(err), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return advice.Hint(fmt.Errorf("%w at %s", ErrNoEngine, host),
			"start Docker, set DOCKER_HOST, or use --engine sandbox")
	}
	return advice.Hint(fmt.Errorf("connecting to the engine at %s: %w", host, err),
		"check the engine with: docker info")
}

// engineFailure marks an error as the engine's unless it is marked, or the context's end.
func engineFailure(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil && !errors.Is(context.Cause(ctx), errSilent) {
		return context.Cause(ctx)
	}
	var f *coldstart.InvocationError
	if errors.As(err, &f) {
		return err
	}
	return &coldstart.InvocationError{Reason: coldstart.ReasonEngine, Err: err}
}
