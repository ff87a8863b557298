package cli

import (
	"context"
	"strings"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
	"coldbench/bench/internal/variant"
)

// chosen is a variant that is to be measured.
type chosen struct {
	coldstart.Variant
	// named is true where it was asked for by name: then it is an error when it
	// can't be had, and otherwise a row that says why.
	named bool
}

// chooseVariants returns the variants that the arguments ask for: all services
// of the compose file without arguments, otherwise exactly those named. The
// compose file is read for one architecture: its build arguments depend on it.
func (a *app) chooseVariants(ctx context.Context, file, arch string, args []string) ([]chosen, error) {
	var names []string
	var list []chosen
	for _, arg := range args {
		if strings.Contains(arg, "=") {
			v, err := variant.Parse(arg)
			if err != nil {
				return nil, &usageError{err: err}
			}
			list = append(list, chosen{Variant: v, named: true})
			continue
		}
		names = append(names, arg)
	}
	if len(args) > 0 && len(names) == 0 {
		return list, unique(list)
	}
	services, err := variant.Load(ctx, variant.Options{File: file, Dir: a.Dir, Env: a.Environ, Arch: arch})
	if err != nil {
		return nil, err
	}
	if len(args) == 0 {
		for _, v := range services {
			list = append(list, chosen{Variant: v})
		}
		return list, nil
	}
	byName := map[string]coldstart.Variant{}
	var known []string
	for _, v := range services {
		byName[v.Name] = v
		known = append(known, v.Name)
	}
	list = list[:0]
	for _, arg := range args {
		if strings.Contains(arg, "=") {
			v, _ := variant.Parse(arg)
			list = append(list, chosen{Variant: v, named: true})
			continue
		}
		v, ok := byName[arg]
		if !ok {
			return nil, usagef("no variant %q; the compose file has %s", arg, strings.Join(known, ", "))
		}
		list = append(list, chosen{Variant: v, named: true})
	}
	return list, unique(list)
}

// warnOfKeys prints which keys of the variants' services have no effect.
func (a *app) warnOfKeys(list []chosen) {
	for _, v := range list {
		for _, w := range v.Warnings {
			a.warning("%s", w)
		}
	}
}

func unique(list []chosen) error {
	seen := map[string]bool{}
	for _, v := range list {
		if seen[v.Name] {
			return usagef("variant %q is named twice", v.Name)
		}
		seen[v.Name] = true
	}
	return nil
}

// imageOf returns the image of a variant: compose, if it has to build it, runs in
// the environment of this process.
func (a *app) imageOf(ctx context.Context, store *image.Store, v coldstart.Variant, o image.Options) (coldstart.Image, error) {
	o.Environ = a.Environ
	return store.ImageOf(ctx, v, o)
}
