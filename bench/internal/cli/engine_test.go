package cli

import (
	"context"
	"errors"
	"io"
	"testing"

	"coldbench/bench/internal/coldstart"
)

// closable is an engine with a slow storage driver.
type closable struct {
	LocalBackend
	closed bool
}

func (c *closable) Facts() coldstart.EngineFacts {
	return coldstart.EngineFacts{StorageDriver: "vfs"}
}

func (c *closable) Close() error {
	c.closed = true
	return nil
}

// An interrupt while auto looks for an engine closes the one that is open.
func TestInterruptedChoiceClosesTheEngine(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"docker", "sandbox"} {
		ctx, interrupt := context.WithCancel(t.Context())
		engine := &closable{}
		a := &app{Env: Env{Stderr: io.Discard}}
		a.OpenEngine = func(ctx context.Context, name string, _ EngineOptions) (*Engine, error) {
			if name == at {
				interrupt()
			}
			if name == "docker" {
				return &Engine{LocalBackend: engine, Name: name}, nil
			}
			return nil, ctx.Err()
		}
		if e, err := a.chooseEngine(ctx, "auto", EngineOptions{}); e != nil || !errors.Is(err, context.Canceled) || !engine.closed {
			t.Errorf("while opening %s: %v, %v, closed %v", at, e, err, engine.closed)
		}
	}
}
