package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/backend/awslambda"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
)

// Rehearsal is an endpoint on loopback that stands for AWS.
type Rehearsal struct {
	// URL is where it is served.
	URL string
	// Functions are their names.
	Functions []string
	// InUse reports whether a client is connected that may still restore what it has
	// changed.
	InUse func() bool
	Close func() error
}

// RehearsalOptions say what a rehearsal serves.
type RehearsalOptions struct {
	Region string
	// StateDir is where it may keep files.
	StateDir string
	// Functions are deployed when it begins.
	Functions []RehearsedFunction
	// Images finds an image by its name that UpdateFunctionCode is given; nil for
	// those of the functions alone.
	Images func(ctx context.Context, uri string) (coldstart.Image, error)
	// Latency is "none", or "aws" for what the platform adds there.
	Latency string
	// Faults is a rate of faults, "throttle=0.05,error=0.02"; empty for none.
	Faults string
	// KeepWarm is how long an environment is kept that is not used; 10 minutes
	// where 0.
	KeepWarm time.Duration
	// Seed is what latencies and faults are drawn from.
	Seed uint64
	// Listen is where it is served, HOST:PORT on loopback; a free port where empty.
	Listen string
	// Log receives what it has to say; nil for none.
	Log func(string)
}

// RehearsedFunction is a function of a rehearsal.
type RehearsedFunction struct {
	// Name is what it would be called on AWS.
	Name string
	// Image is unpacked on this machine.
	Image    coldstart.Image
	MemoryMB int
	Timeout  time.Duration
	// Zip says that it is described as a zip; what runs is the image.
	Zip bool
}

// rehearse builds the images of the services that are wanted and serves them as
// functions. A service whose image can't be had is not deployed, and wanted says
// why.
func (a *app) rehearse(ctx context.Context, m awsMeasure, wanted []awsWant) (*Rehearsal, error) {
	if a.Rehearse == nil {
		return nil, errors.New("this build has no endpoint to rehearse on")
	}
	for _, w := range wanted {
		if w.service == nil {
			return nil, advice.Hint(usagef("--rehearse: %s is no service of the compose file: there is no image to run", w.variant), "name services, or none for all")
		}
	}
	store, err := a.openStore(m.file, m.out)
	if err != nil {
		return nil, err
	}
	log := func(line string) {
		if m.verbal {
			a.say("%s", line)
		}
	}
	images := a.imageEngine(nil)
	defer images.close()
	o := RehearsalOptions{
		Region: m.awsFlags.region, StateDir: filepath.Join(filepath.Dir(a.storeDir(m.file)), "rehearsal"),
		Latency: m.awsFlags.latency, Faults: m.awsFlags.faults, Seed: m.seed, Listen: m.awsFlags.listen, Log: log,
		KeepWarm: m.awsFlags.keepWarm,
	}
	if m.awsFlags.strategy == string(awslambda.Idle) {
		// Waiting forces nothing at an endpoint that keeps environments longer.
		o.KeepWarm = max(m.awsFlags.idle*9/10, time.Millisecond)
	}
	stage := newFreshStage(store, filepath.Join(filepath.Dir(a.storeDir(m.file)), "rehearsal-images"))
	o.Images = stage.find
	for i, w := range wanted {
		arch := w.arch
		img, err := a.imageOf(ctx, store, *w.service, image.Options{Arch: arch, Engine: images, Log: log})
		if err == nil {
			img.Root, err = store.Unpack(ctx, img)
		}
		if n := m.freshRehearsed(); err == nil && n > 0 && !w.zip {
			wanted[i].fresh, err = stage.make(img, n)
			begun, _ := begunOf(m.begun, w.variant, img.Arch)
			stage.recall(img, begun)
		}
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case w.named:
			return nil, fmt.Errorf("%s: %w", w.variant, err)
		default:
			wanted[i].undeployed = err
			continue
		}
		wanted[i].rehearsed = img
		size := w.service.MemoryMB
		if size == 0 {
			size = 512
		}
		o.Functions = append(o.Functions, RehearsedFunction{Name: w.ref.Name, Image: img, MemoryMB: size, Timeout: m.timeout, Zip: w.zip})
	}
	if len(o.Functions) == 0 {
		for _, w := range wanted {
			a.leaveOut(w.variant, w.undeployed)
		}
		return nil, errors.New("no variant can be rehearsed here")
	}
	r, err := a.Rehearse(ctx, o)
	if err != nil {
		stage.close()
		return nil, err
	}
	end := r.Close
	r.Close = func() error {
		err := end()
		stage.close()
		return err
	}
	return r, nil
}

// freshRehearsed is how many fresh images each function of a rehearsal has: those
// that are to be deployed, and some for first cold starts of which nobody knows
// whether they were made.
func (m awsMeasure) freshRehearsed() int {
	if m.awsFlags.redeploy > 0 {
		return m.awsFlags.redeploy + m.retries
	}
	return m.awsFlags.fresh
}
