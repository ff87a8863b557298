package image

import (
	"context"
	"io"
	"sync"

	"coldbench/bench/internal/coldstart"
)

// LazyEngine connects to an engine when it is first needed: most runs never need
// one.
type LazyEngine struct {
	Connect func(ctx context.Context) (Engine, error)

	once   sync.Once
	engine Engine
	err    error
}

var _ Engine = (*LazyEngine)(nil)

func (e *LazyEngine) get(ctx context.Context) (Engine, error) {
	e.once.Do(func() { e.engine, e.err = e.Connect(ctx) })
	return e.engine, e.err
}

// Save implements Engine.
func (e *LazyEngine) Save(ctx context.Context, ref string) (io.ReadCloser, error) {
	engine, err := e.get(ctx)
	if err != nil {
		return nil, err
	}
	return engine.Save(ctx, ref)
}

// Describe implements Engine.
func (e *LazyEngine) Describe(ctx context.Context, ref, platform string) (coldstart.Image, error) {
	engine, err := e.get(ctx)
	if err != nil {
		return coldstart.Image{}, err
	}
	return engine.Describe(ctx, ref, platform)
}

// Close closes the engine, if Connect returned one that is an io.Closer.
func (e *LazyEngine) Close() error {
	if c, ok := e.engine.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// answers reports whether there is an engine.
func answers(ctx context.Context, e Engine) bool {
	if lazy, ok := e.(*LazyEngine); ok {
		_, err := lazy.get(ctx)
		return err == nil
	}
	return e != nil
}
