package cli

import (
	"context"
	"io"
	"sync"

	"coldbench/bench/internal/backend/docker"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
)

// imageEngine is the Docker engine as a place where images may be found. It is
// asked for first when something is looked up in it: most runs never need it.
type imageEngine struct {
	connect func(ctx context.Context) (*docker.Engine, error)

	once   sync.Once
	engine *docker.Engine
	err    error
	ours   bool // whether close is ours to call
}

var _ image.Engine = (*imageEngine)(nil)

// imageEngine returns the engine that is measured on where that is docker, and
// otherwise whichever answers when it is needed.
func (a *app) imageEngine(measured *Engine) *imageEngine {
	if measured != nil {
		if engine, ok := measured.localBackend.(*docker.Engine); ok {
			return &imageEngine{connect: func(context.Context) (*docker.Engine, error) { return engine, nil }}
		}
	}
	return &imageEngine{ours: true, connect: func(ctx context.Context) (*docker.Engine, error) {
		return docker.Connect(ctx, docker.Options{})
	}}
}

func (e *imageEngine) get(ctx context.Context) (*docker.Engine, error) {
	e.once.Do(func() { e.engine, e.err = e.connect(ctx) })
	return e.engine, e.err
}

// Save writes an image that the engine holds.
func (e *imageEngine) Save(ctx context.Context, ref string) (io.ReadCloser, error) {
	engine, err := e.get(ctx)
	if err != nil {
		return nil, err
	}
	return engine.Save(ctx, ref)
}

// Describe returns the facts of an image that the engine holds.
func (e *imageEngine) Describe(ctx context.Context, ref, platform string) (coldstart.Image, error) {
	engine, err := e.get(ctx)
	if err != nil {
		return coldstart.Image{}, err
	}
	return engine.Describe(ctx, ref, platform)
}

// answers reports whether there is an engine.
func (e *imageEngine) answers(ctx context.Context) bool {
	_, err := e.get(ctx)
	return err == nil
}

func (e *imageEngine) close() error {
	if e.ours && e.engine != nil {
		return e.engine.Close()
	}
	return nil
}
