package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"coldbench/bench/internal/backend/docker"
	"coldbench/bench/internal/backend/sandbox"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
)

// EngineOptions say how a local engine is opened.
type EngineOptions struct {
	// Network is the emulator container's network, "bridge" or "none".
	Network string
	// StateDir is where an engine may keep files of its own.
	StateDir string
	// Store is the project's image store.
	Store *image.Store
	// Closing ends when nothing may be waited for any more, not even the end of
	// what was started; nil for never.
	Closing context.Context
	// Log receives what the engine has to say; nil for none.
	Log func(string)
}

// LocalBackend is what bench needs of a local engine beyond measuring.
type LocalBackend interface {
	coldstart.Backend
	Limits(coldstart.Options) coldstart.Limits
	Version() string
	Cgroup() string
	Facts() coldstart.EngineFacts
	Strategy() string
	Warnings() []string
	Close() error
}

// Engine is a local engine that was opened.
type Engine struct {
	LocalBackend
	// Name is "docker" or "sandbox".
	Name string
	// Containers is true for an engine that holds images itself and gives each
	// function a container with a network of its own, perhaps on another
	// machine. Another one starts unpacked images on this machine.
	Containers bool
	// Choice is why --engine auto took this one; empty for one asked for by name.
	Choice string
	// Prepare makes an image of the store ready to be started and returns it
	// with what the engine needs filled in.
	Prepare func(ctx context.Context, img coldstart.Image) (coldstart.Image, error)
}

// OpenEngine opens the engine of that name.
func OpenEngine(ctx context.Context, name string, o EngineOptions) (*Engine, error) {
	switch name {
	case "docker":
		engine, err := docker.Connect(ctx, docker.Options{Network: o.Network, Closing: o.Closing, Log: o.Log})
		if err != nil {
			return nil, err
		}
		return &Engine{LocalBackend: engine, Name: name, Containers: true, Prepare: func(ctx context.Context, img coldstart.Image) (coldstart.Image, error) {
			return img, load(ctx, engine, o.Store, img)
		}}, nil
	case "sandbox":
		engine, err := sandbox.New(ctx, sandbox.Options{StateDir: o.StateDir, Log: o.Log})
		if err != nil {
			return nil, err
		}
		return &Engine{LocalBackend: engine, Name: name, Prepare: func(ctx context.Context, img coldstart.Image) (coldstart.Image, error) {
			root, err := o.Store.Unpack(ctx, img)
			img.Root = root
			return img, err
		}}, nil
	}
	return nil, usagef("--engine %q: auto, docker or sandbox", name)
}

func load(ctx context.Context, engine *docker.Engine, store *image.Store, img coldstart.Image) error {
	has, err := engine.Has(ctx, img.ID)
	if err != nil || has {
		return err
	}
	meter := store.Meter("loading into the Docker engine", img.CompressedBytes)
	defer meter.End()
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(store.WriteTar(ctx, img.ID, io.MultiWriter(writer, meter))) }()
	err = engine.Load(ctx, reader)
	reader.CloseWithError(err)
	return err
}

// chooseEngine opens the engine that --engine asks for. Auto takes docker if a
// daemon answers and its storage driver is the kernel's, else the sandbox if it
// is available, else docker.
func (a *app) chooseEngine(ctx context.Context, name string, o EngineOptions) (*Engine, error) {
	if name != "auto" {
		return a.OpenEngine(ctx, name, o)
	}
	docked, noDocker := a.OpenEngine(ctx, "docker", o)
	var driver string
	switch {
	case noDocker == nil:
		driver = cmp.Or(docked.Facts().StorageDriver, "unknown")
		if docked.Facts().Storage() == coldstart.KernelStorage {
			return a.chosen(docked, "a daemon answers and its storage driver is "+driver, nil), nil
		}
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case runtime.GOOS != "linux":
		return nil, fmt.Errorf("opening an engine: %w", noDocker)
	case a.getenv("DOCKER_HOST") != "":
		a.warning("DOCKER_HOST is set, but: %v", noDocker)
	}
	sandboxed, noSandbox := a.OpenEngine(ctx, "sandbox", o)
	switch {
	case noSandbox == nil && noDocker == nil:
		return a.chosen(sandboxed, "Docker's storage driver is "+driver, nil), docked.Close()
	case noSandbox == nil:
		return a.chosen(sandboxed, "no Docker engine can be used", noDocker), nil
	case noDocker != nil:
		a.warning("docker: %v", noDocker)
		return nil, noSandbox
	case ctx.Err() != nil:
		return nil, errors.Join(ctx.Err(), docked.Close())
	}
	return a.chosen(docked, "no sandbox is available, though the storage driver is "+driver, noSandbox), nil
}

// chosen notes why auto took an engine. The cause may name hosts and folders: it
// is printed and not recorded.
func (a *app) chosen(e *Engine, reason string, cause error) *Engine {
	e.Choice = e.Name + ", because " + reason
	if cause != nil {
		a.note("engine: %s (%v)", e.Choice, cause)
	} else {
		a.note("engine: %s", e.Choice)
	}
	return e
}
