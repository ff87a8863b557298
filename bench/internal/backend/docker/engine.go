package docker

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/moby/moby/client"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/backend/localenv"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/payload"
)

// Strategy is how this engine forces a cold start.
const Strategy = "new-container"

// Options say how bench uses an engine.
type Options struct {
	// Network is the emulator's and the function's: "bridge" (the default) or "none".
	Network string
	// Closing is the context of ending containers; nil for one that never ends.
	Closing context.Context
	// Log receives what the engine does, a line at a time; nil for none.
	Log func(string)
}

// Engine is a connection to a Docker-API engine, with one emulator from the first Open on.
type Engine struct {
	cli     *client.Client
	facts   facts
	podman  libpodInfo // zero for other products
	options Options
	run     string // names this run in labels
	updater updater
	limits  limits

	mu       sync.Mutex
	emulator *emulator
	closed   bool
	warnings []string
}

var _ coldstart.Backend = (*Engine)(nil)

// Connect finds the engine that DOCKER_HOST names, reads what it can do, and removes what dead
// runs left behind. The error wraps ErrNoEngine if nothing answers, and carries a hint.
func Connect(ctx context.Context, o Options) (*Engine, error) {
	o.Network = cmp.Or(o.Network, "bridge")
	if o.Network != "bridge" && o.Network != "none" {
		return nil, fmt.Errorf("network %q: want bridge or none", o.Network)
	}
	if o.Log == nil {
		o.Log = func(string) {}
	}
	o.Closing = cmp.Or(o.Closing, context.Background())
	cli, f, err := dial(ctx, connectTimeout)
	if err != nil {
		return nil, err
	}
	e := &Engine{cli: cli, facts: f, options: o, run: newRunID()}
	if err := e.sweep(ctx); err != nil {
		cli.Close()
		return nil, err
	}
	e.findLimits(ctx)
	if text, hint := storageWarning(e.Facts()); text != "" {
		e.warn("%s: %s", text, hint)
	}
	return e, nil
}

func newRunID() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("%x", b)
}

// Open prepares a configuration. Its image must be in the engine: Load it first.
func (e *Engine) Open(ctx context.Context, c coldstart.Config, img coldstart.Image, o coldstart.Options) (coldstart.Target, error) {
	prototype, err := e.newMachine(ctx, c, img, o)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", c, err)
	}
	return localenv.NewTarget(localenv.Setup{
		Config: c, Image: img, Options: o, Strategy: Strategy,
		NewMachine: func() (localenv.Machine, error) { return prototype.fresh(), nil },
	}), nil
}

// newMachine checks a configuration and returns an environment not yet provisioned.
func (e *Engine) newMachine(ctx context.Context, c coldstart.Config, img coldstart.Image, o coldstart.Options) (*machine, error) {
	if len(img.Entrypoint)+len(img.Command) == 0 {
		return nil, advice.Hint(errors.New("the image has neither entrypoint nor command"),
			"add ENTRYPOINT to its Dockerfile, or entrypoint to its service")
	}
	if !e.limits.cpu {
		o.LimitCPU = false
	}
	q, err := localenv.QuotaOf(c.MemoryMB, o)
	if err != nil {
		return nil, err
	}
	id, err := e.imageOf(ctx, img)
	if err != nil {
		return nil, err
	}
	if _, err := e.emulatorOf(ctx); err != nil {
		return nil, err
	}
	return prototype{engine: e, image: id, config: c, img: img, options: o, quota: q, function: localenv.FunctionOf(c, img, o)}.fresh(), nil
}

// Strategy is "new-container".
func (e *Engine) Strategy() string { return Strategy }

// Version is the engine's own, after its name where that is not Docker.
func (e *Engine) Version() string {
	if e.facts.product == "docker" {
		return e.facts.version
	}
	return e.facts.product + " " + e.facts.version
}

// Arch is the architecture the engine runs on, "amd64" or "arm64".
func (e *Engine) Arch() string { return e.facts.arch }

// Cgroup is "v1", "v2", or "" where the engine does not say.
func (e *Engine) Cgroup() string {
	if v := strings.TrimPrefix(e.facts.info.CgroupVersion, "v"); v == "1" || v == "2" {
		return "v" + v
	}
	return ""
}

// Warnings are what the engine can't do that a measurement needs.
func (e *Engine) Warnings() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.warnings)
}

func (e *Engine) warn(format string, args ...any) {
	w := fmt.Sprintf(format, args...)
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.Contains(e.warnings, w) {
		e.warnings = append(e.warnings, w)
	}
}

// emulatorOf returns the run's emulator, made anew if it has died.
func (e *Engine) emulatorOf(ctx context.Context) (*emulator, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, fmt.Errorf("the engine is closed")
	}
	if e.emulator != nil && e.emulator.lives() {
		return e.emulator, nil
	}
	if e.emulator != nil {
		e.options.Log("the emulator container has ended: making another")
		_ = e.emulator.close()
		e.emulator = nil
	}
	rie, err := payload.RIE(e.facts.arch)
	start, startErr := payload.Start(e.facts.arch)
	if err := cmp.Or(err, startErr); err != nil {
		return nil, advice.Hint(err, "make build ARCH="+e.facts.arch)
	}
	m, err := e.startEmulator(ctx, newEmulatorImage(e.facts.arch, rie, start))
	if err != nil {
		return nil, err
	}
	e.emulator = m
	return m, nil
}

// Close ends the emulator container. It may be called twice.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	e.closed = true
	var err error
	if e.emulator != nil {
		err = e.emulator.close()
	}
	e.cli.Close()
	return err
}

func (e *Engine) name(parts ...string) string {
	return "coldbench-" + e.run + "-" + strings.Join(parts, "-")
}
