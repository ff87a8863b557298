package cli

import (
	"context"
	"strings"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
	"coldbench/bench/internal/variant"
)

// SelectedVariant is a variant that is to be measured.
type SelectedVariant struct {
	coldstart.Variant
	// named is true if it was asked for by name: then it is an error if it is not
	// available, and otherwise a row that says why.
	named bool
}

// selectVariants returns the variants that the arguments ask for: all services
// of the compose file without arguments, otherwise exactly those named. The
// compose file is read for one architecture: its build arguments depend on it.
func (a *app) selectVariants(ctx context.Context, file, arch string, args []string) ([]SelectedVariant, error) {
	parsed := map[string]coldstart.Variant{}
	load := len(args) == 0
	for _, arg := range args {
		if !strings.Contains(arg, "=") {
			load = true
			continue
		}
		v, err := variant.Parse(arg)
		if err != nil {
			return nil, &usageError{err: err}
		}
		parsed[arg] = v
	}
	var services []coldstart.Variant
	if load {
		var err error
		if services, err = variant.Load(ctx, variant.Options{File: file, Dir: a.Dir, Env: a.Environ, Arch: arch}); err != nil {
			return nil, err
		}
	}
	var list []SelectedVariant
	if len(args) == 0 {
		for _, v := range services {
			list = append(list, SelectedVariant{Variant: v})
		}
		return list, nil
	}
	var known []string
	for _, v := range services {
		parsed[v.Name] = v
		known = append(known, v.Name)
	}
	seen := map[string]bool{}
	for _, arg := range args {
		v, ok := parsed[arg]
		if !ok {
			return nil, usagef("no variant %q; the compose file has %s", arg, join(known))
		}
		if seen[v.Name] {
			return nil, usagef("variant %q is named twice", v.Name)
		}
		seen[v.Name] = true
		list = append(list, SelectedVariant{Variant: v, named: true})
	}
	return list, nil
}

// warnOfKeys prints which keys of the variants' services have no effect.
func (a *app) warnOfKeys(list []SelectedVariant) {
	for _, v := range list {
		for _, w := range v.Warnings {
			a.warning("%s", w)
		}
	}
}

// imageOf returns the image of a variant: compose, if it has to build it, runs in
// the environment of this process.
func (a *app) imageOf(ctx context.Context, store *image.Store, v coldstart.Variant, o image.Options) (coldstart.Image, error) {
	o.Environ = a.Environ
	return store.ImageOf(ctx, v, o)
}
