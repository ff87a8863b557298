package cli

import (
	"context"
	"fmt"
	"slices"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
	"coldbench/bench/internal/results"
	"coldbench/bench/internal/runfile"
)

// ReferenceRun is the run of --against, whose images are measured again beside
// today's.
type ReferenceRun struct {
	// run is the run's ID; empty for none.
	run     string
	configs []runfile.Config
}

// takeReference reads the run of --against and takes from its plan what was not
// given: what it is compared for is what it measured.
func (a *app) takeReference(ctx context.Context, m *measure, f localFlags) (*runfile.Header, error) {
	want := results.Want{Place: "local"}
	if m.Given("engine") && f.engine != "auto" {
		want.Engine = f.engine
	}
	file, err := a.find(ctx, a.results(m.out), f.against, want)
	if err != nil {
		return nil, err
	}
	run, err := file.Run()
	if err != nil {
		return nil, err
	}
	h := run.Header
	if h.Backend != "local" {
		return nil, usagef("--against %s is a run of bench %s", f.against, h.Backend)
	}
	m.plan.TakeConditions(h.Plan, m.Given)
	m.reference.run = h.ID
	for _, c := range h.Configs {
		if c.Before == "" && c.Variant != h.Plan.Control {
			m.reference.configs = append(m.reference.configs, c)
		}
	}
	return &h, nil
}

// resumedReference returns the reference run of a run that goes on: exactly those
// images that it measures. What was gone when it began stays so.
func resumedReference(h runfile.Header) ReferenceRun {
	r := ReferenceRun{run: h.Plan.Against}
	for _, c := range h.Configs {
		if c.Before != "" {
			c.Variant = c.Before
			r.configs = append(r.configs, c)
		}
	}
	return r
}

// of returns what a variant was measured as for an architecture.
func (r ReferenceRun) of(variant, arch string) (runfile.Config, bool) {
	i := slices.IndexFunc(r.configs, func(c runfile.Config) bool { return c.Variant == variant && c.Arch == arch })
	if i < 0 {
		return runfile.Config{}, false
	}
	return r.configs[i], true
}

// sizes returns the memory sizes that a variant was measured at.
func (r ReferenceRun) sizes(variant string) []int {
	var list []int
	for _, c := range r.configs {
		if c.Variant == variant {
			list = addOnce(list, c.MemorySizeMB)
		}
	}
	return list
}

// add puts behind each selection the image that its variant had in the run, and
// reports whether there was one.
func (r ReferenceRun) add(selected []Selection) (list []Selection, found bool) {
	for _, s := range selected {
		list = append(list, s)
		was, ok := r.of(s.config.Variant, s.config.Arch)
		if !ok {
			continue
		}
		found = true
		s.variant.Image, s.variant.Build, s.variant.named = was.Image.ImageID, nil, false
		s.config.Variant, s.reference = runfile.NameBefore(s.variant.Name), &was.Image
		list = append(list, s)
	}
	return list, found
}

// referenceImage finds the image that a variant had in another run, by its ID or
// else by its content.
func (a *app) referenceImage(ctx context.Context, store *image.Store, s Selection, run string, o image.Options) (coldstart.Image, error) {
	was := s.reference
	img, err := a.imageOf(ctx, store, s.variant.Variant, o)
	if id, ok := store.FindContent(was.ContentID); err != nil && ok {
		v := s.variant.Variant
		v.Image = id
		img, err = a.imageOf(ctx, store, v, o)
	}
	if err == nil && !img.Identity().Same(was.Identity()) {
		err = fmt.Errorf("what is found under its ID is %s", short(img.ID))
	}
	if err != nil {
		hint := "bench images build " + s.variant.Name + " in a checkout of that time: equal content is enough"
		if was.EngineOnly {
			hint = "docker pull or docker load the image again: only the engine held it"
		}
		return img, advice.Hint(fmt.Errorf("the image that it had in run %s, %s, is not on this machine: %w", run, short(was.ImageID), err), hint)
	}
	if img.Base == "" {
		img.Base = was.Base
	}
	img.StandIn = img.StandIn || was.StandIn
	return img, nil
}

// sayReference says what --against found to measure.
func (a *app) sayReference(run string, list []OpenTarget, configs []runfile.Config) {
	var same, changed, other, renamed, setup []string
	for i, c := range list {
		if c.idBefore != "" {
			renamed = addOnce(renamed, c.config.Variant)
		}
		if configs[i].SetupChanged {
			setup = addOnce(setup, c.config.Variant)
		}
		switch {
		case c.reference != nil:
			changed = addOnce(changed, c.variant.Name)
		case c.unchanged:
			same = addOnce(same, c.config.Variant)
		default:
			other = addOnce(other, c.config.Variant)
		}
	}
	other = slices.DeleteFunc(other, func(name string) bool { return slices.Contains(changed, name) })
	if len(changed) > 0 {
		a.note("measured with its image of run %s, too: %s", run, join(changed))
	}
	if len(same) > 0 {
		a.note("the image is the one of run %s, measured once: %s", run, join(same))
	}
	if len(renamed) > 0 {
		a.note("another image ID than in run %s, same content: %s", run, join(renamed))
	}
	if len(setup) > 0 {
		a.warning("entrypoint, command, working directory or environment differ from run %s, which --against does not compare: %s", run, join(setup))
	}
	if len(other) > 0 {
		a.note("run %s has no image to set against: %s", run, join(other))
	}
}
