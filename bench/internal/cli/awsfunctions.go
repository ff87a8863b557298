package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/backend/awslambda"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/variant"
)

// awsWant is a function that is to be measured.
type awsWant struct {
	variant string
	ref     awslambda.Ref
	// home is where the function's ARN says it is.
	home awslambda.Home
	// arch is empty where the function's own will do.
	arch string
	// memoryMB are the sizes asked for; empty for the function's own.
	memoryMB []int
	doc      string
	// named is true where it was asked for by name: then it is an error when it
	// can't be had, and otherwise a row that says why.
	named bool
	// service is what it was deployed from; nil for NAME=FUNCTION.
	service *coldstart.Variant
	zip     bool
	// rehearsed is the image that a rehearsal runs for it; the zero value on AWS.
	rehearsed coldstart.Image
	// undeployed says why a rehearsal does not have it; nil where it has.
	undeployed error
	// fresh are the digests that a rehearsal may deploy in its place.
	fresh []string
}

// awsWanted returns the functions that the arguments ask for: those of all
// services of the compose file without arguments, otherwise exactly those named.
func (a *app) awsWanted(ctx context.Context, m *awsMeasure, args []string) ([]awsWant, error) {
	if m.resumed != nil {
		return a.wantedAgain(ctx, m)
	}
	var list []awsWant
	var services map[string][]awsWant
	var order []string
	load := func() error {
		var err error
		if services == nil {
			services, order, err = a.awsServices(ctx, m)
		}
		return err
	}
	if len(args) == 0 {
		if err := load(); err != nil {
			return nil, err
		}
		for _, name := range order {
			list = append(list, services[name]...)
		}
	}
	for _, arg := range args {
		if name, function, ok := strings.Cut(arg, "="); ok {
			v, err := variant.Parse(arg)
			if err != nil {
				return nil, &usageError{err: fmt.Errorf("reading %q: want NAME=FUNCTION", arg)}
			}
			ref, err := awslambda.ParseRef(function, m.awsFlags.region)
			if err != nil {
				return nil, &usageError{err: err}
			}
			if strategy := m.awsFlags.strategy; ref.Qualifier != "" && (strategy == string(awslambda.ConfigUpdate) || strategy == string(awslambda.CodeUpdate)) {
				return nil, advice.Hint(usagef("%s=%s: a version or alias can't be updated, as --strategy %s does", name, ref, strategy), "--strategy burst, idle or version")
			}
			w := awsWant{variant: v.Name, ref: ref, home: awslambda.HomeOf(function), memoryMB: m.memoryMB, named: true}
			if !m.anyArch && len(m.archs) == 1 {
				w.arch = m.archs[0]
			}
			list = append(list, w)
			continue
		}
		if err := load(); err != nil {
			return nil, err
		}
		found, ok := services[arg]
		if !ok {
			return nil, usagef("no variant %q; the compose file has %s", arg, strings.Join(order, ", "))
		}
		for _, w := range found {
			w.named = true
			list = append(list, w)
		}
	}
	return list, a.checkWanted(m, list)
}

func (a *app) checkWanted(m *awsMeasure, list []awsWant) error {
	seen := map[string]bool{}
	baseline := m.baseline == ""
	for _, w := range list {
		key := w.variant + "/" + w.arch
		if seen[key] {
			return usagef("variant %q is named twice", w.variant)
		}
		seen[key] = true
		baseline = baseline || w.variant == m.baseline
	}
	if !baseline {
		return usagef("--baseline %q is not among the variants that are measured", m.baseline)
	}
	return nil
}

// awsServices returns the functions of each service of the compose file, and
// the names of their variants in the file's order: PROJECT-VARIANT for amd64,
// PROJECT-VARIANT-arm64, and PROJECT-VARIANT-zip for a service that is deployed
// as a zip, too.
func (a *app) awsServices(ctx context.Context, m *awsMeasure) (map[string][]awsWant, []string, error) {
	o := variant.Options{File: m.file, Dir: a.Dir, Env: a.Environ, Arch: m.archs[0]}
	services, err := variant.Load(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	project, err := variant.Project(o)
	if err != nil {
		return nil, nil, err
	}
	list := map[string][]awsWant{}
	var order []string
	add := func(v coldstart.Variant, zip bool) {
		name := v.Name
		if zip {
			name += "-zip"
		}
		order = append(order, name)
		for _, arch := range m.archs {
			function := project + "-" + name
			if arch == "arm64" {
				function += "-arm64"
			}
			w := awsWant{variant: name, ref: awslambda.Ref{Name: function}, arch: arch, memoryMB: m.memoryMB, doc: v.Doc, service: &v, zip: zip}
			list[name] = append(list[name], w)
		}
	}
	for _, v := range services {
		add(v, false)
		if v.Zip {
			add(v, true)
		}
	}
	return list, order, nil
}

// wantedAgain returns the functions of a run that goes on. A rehearsal needs the
// services they were made from, too.
func (a *app) wantedAgain(ctx context.Context, m *awsMeasure) ([]awsWant, error) {
	h := m.resumed
	var services map[string][]awsWant
	if m.awsFlags.rehearse {
		m.archs = h.Plan.Arch
		var err error
		if services, _, err = a.awsServices(ctx, m); err != nil {
			return nil, err
		}
	}
	var list []awsWant
	for _, c := range h.Configs {
		if c.Variant == h.Plan.Control {
			continue // it is added again
		}
		if c.Function == nil {
			return nil, fmt.Errorf("the run %s does not say which function %s is", h.ID, c.Variant)
		}
		ref := awslambda.Ref{Name: c.Function.Name, Qualifier: c.Function.Version}
		i := slices.IndexFunc(list, func(w awsWant) bool { return w.variant == c.Variant && w.arch == c.Arch && w.ref == ref })
		if i < 0 {
			w := awsWant{variant: c.Variant, ref: ref, arch: c.Arch, doc: c.Doc, named: true}
			for _, s := range services[c.Variant] {
				if s.arch == c.Arch {
					w.service, w.zip = s.service, s.zip
				}
			}
			list = append(list, w)
			i = len(list) - 1
		}
		list[i].memoryMB = append(list[i].memoryMB, c.MemorySizeMB)
	}
	return list, nil
}
