package cli

import (
	"context"
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
	// Log receives what the engine has to say; nil for none.
	Log func(string)
}

// localBackend is what cli needs of a local engine beyond measuring.
type localBackend interface {
	coldstart.Backend
	Limits(coldstart.Options) coldstart.Limits
	Version() string
	Cgroup() string
	Strategy() string
	Warnings() []string
	Close() error
}

// Engine is a local engine that was opened.
type Engine struct {
	localBackend
	// Name is "docker" or "sandbox".
	Name string
	// Prepare makes an image of the store ready to be started and returns it
	// with what the engine needs filled in.
	Prepare func(ctx context.Context, img coldstart.Image) (coldstart.Image, error)
}

// NewEngine returns an engine over a backend: how a test puts another one in the
// place of OpenEngine.
func NewEngine(name string, b localBackend, prepare func(context.Context, coldstart.Image) (coldstart.Image, error)) *Engine {
	return &Engine{localBackend: b, Name: name, Prepare: prepare}
}

// OpenEngine opens the engine of that name.
func OpenEngine(ctx context.Context, name string, o EngineOptions) (*Engine, error) {
	switch name {
	case "docker":
		engine, err := docker.Connect(ctx, docker.Options{Network: o.Network, Log: o.Log})
		if err != nil {
			return nil, err
		}
		return &Engine{localBackend: engine, Name: name, Prepare: func(ctx context.Context, img coldstart.Image) (coldstart.Image, error) {
			return img, load(ctx, engine, o.Store, img)
		}}, nil
	case "sandbox":
		engine, err := sandbox.New(ctx, sandbox.Options{StateDir: o.StateDir, Log: o.Log})
		if err != nil {
			return nil, err
		}
		return &Engine{localBackend: engine, Name: name, Prepare: func(ctx context.Context, img coldstart.Image) (coldstart.Image, error) {
			root, err := o.Store.Unpack(ctx, img)
			img.Root = root
			return img, err
		}}, nil
	}
	return nil, usagef("--engine %q: auto, docker or sandbox", name)
}

// load gives an image of the store to the Docker engine, unless it has it.
func load(ctx context.Context, engine *docker.Engine, store *image.Store, img coldstart.Image) error {
	has, err := engine.Has(ctx, img.ID)
	if err != nil || has {
		return err
	}
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(store.WriteTar(ctx, img.ID, writer)) }()
	err = engine.Load(ctx, reader)
	reader.CloseWithError(err)
	return err
}

// chooseEngine opens the engine that --engine asks for. Auto takes docker where
// a daemon answers, else the sandbox on Linux, and says which and why.
func (a *app) chooseEngine(ctx context.Context, name string, o EngineOptions) (*Engine, error) {
	if name != "auto" {
		return a.OpenEngine(ctx, name, o)
	}
	engine, err := a.OpenEngine(ctx, "docker", o)
	if err == nil {
		a.note("engine: docker %s", engine.Version())
		return engine, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if runtime.GOOS != "linux" {
		return nil, fmt.Errorf("opening an engine: %w", err)
	}
	if a.getenv("DOCKER_HOST") != "" {
		a.warning("DOCKER_HOST is set, but: %v", err)
	}
	sandboxed, second := a.OpenEngine(ctx, "sandbox", o)
	if second != nil {
		a.warning("docker: %v", err)
		return nil, second
	}
	a.note("engine: sandbox, for no Docker engine can be used (%v)", err)
	return sandboxed, nil
}
