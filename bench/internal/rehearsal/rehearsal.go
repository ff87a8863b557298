// Package rehearsal serves variants on this machine's loopback in place of AWS:
// their images run in sandboxes behind awssim's endpoint.
package rehearsal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"coldbench/bench/internal/awssim"
	"coldbench/bench/internal/backend/sandbox"
	"coldbench/bench/internal/coldstart"
)

// Rehearsal is an endpoint that is being served.
type Rehearsal struct {
	// URL is where it is served.
	URL string
	// Functions are their names.
	Functions []string

	server *awssim.Server
	close  func() error
}

// Options say what is served.
type Options struct {
	// The Engine, LimitCPU and Images of the endpoint are Start's to set.
	awssim.Options
	Functions []Function
	// Registry has images for UpdateFunctionCode, or is nil. It is closed with the rehearsal.
	Registry *Registry
	// Listen is where it is served, HOST:PORT on loopback; a free port if empty.
	Listen string
}

// Function is a function of a rehearsal.
type Function struct {
	Name string
	// Image is unpacked on this machine.
	Image coldstart.Image
	// MemoryMB is 512 if 0.
	MemoryMB int
	// Timeout is 3 s if 0.
	Timeout time.Duration
	// Zip says that it is described as a zip; what runs is the image.
	Zip bool
}

// Start serves functions until Close.
func Start(ctx context.Context, o Options) (_ *Rehearsal, err error) {
	r := &Rehearsal{}
	var ends []func() error
	end := func() error {
		var err error
		for _, f := range slices.Backward(ends) {
			err = errors.Join(err, f())
		}
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, end())
		}
	}()
	o.LimitCPU = true
	if o.Registry != nil {
		o.Images = o.Registry.Find
		ends = append(ends, func() error { o.Registry.Close(); return nil })
	}
	engine, err := sandbox.New(ctx, sandbox.Options{StateDir: o.StateDir, Log: o.Log})
	if err != nil {
		return nil, fmt.Errorf("making a rehearsal: %w", err)
	}
	ends = append(ends, engine.Close)
	o.Engine = engine
	if r.server, err = awssim.New(o.Options); err != nil {
		return nil, err
	}
	ends = append(ends, r.server.Close)
	for _, f := range o.Functions {
		kind := "Image"
		if f.Zip {
			kind = "Zip"
		}
		// Lambda counts in seconds.
		timeout := (f.Timeout + time.Second - 1).Truncate(time.Second)
		if err := r.server.Deploy(f.Name, f.Image, awssim.Function{MemoryMB: cmp.Or(f.MemoryMB, 512), Timeout: timeout, PackageType: kind}); err != nil {
			return nil, err
		}
		r.Functions = append(r.Functions, f.Name)
	}
	listener, err := awssim.Listen(cmp.Or(o.Listen, "127.0.0.1:0"))
	if err != nil {
		return nil, err
	}
	served := make(chan error, 1)
	go func() { served <- r.server.Serve(listener) }()
	r.URL = "http://" + listener.Addr().String()
	r.close = sync.OnceValue(func() error {
		err := end()
		if n := r.server.Stats(); o.Log != nil {
			o.Log(fmt.Sprintf("rehearsal: %d invocations came, %d were served, %d refused; %d environments were made", n.Invocations, n.Served, n.Refused, n.Cold))
		}
		return errors.Join(err, <-served)
	})
	return r, nil
}

// Close ends the rehearsal. It may be called twice.
func (r *Rehearsal) Close() error { return r.close() }

// Outlive returns when no client is left that may still restore what it changed,
// or when ctx ends: an interrupt of a process group reaches the clients at the
// same time. waiting is called once if a function is changed.
func (r *Rehearsal) Outlive(ctx context.Context, waiting func()) {
	if r.server.InUse() && r.server.Changed() {
		// A reader that takes nothing must not hold this up.
		go waiting()
	}
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for r.server.InUse() {
		select {
		case <-ctx.Done():
			return
		case <-poll.C:
		}
	}
}
