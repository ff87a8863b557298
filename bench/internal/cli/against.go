package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
	"coldbench/bench/internal/results"
	"coldbench/bench/internal/runfile"
)

// earlier are the images of a run that are to be measured again beside today's.
type earlier struct {
	// run is the run's ID; empty for none.
	run     string
	configs []runfile.Config
}

// of returns what a variant was measured as for an architecture.
func (e earlier) of(variant, arch string) (runfile.Config, bool) {
	for _, c := range e.configs {
		if c.Variant == variant && c.Arch == arch {
			return c, true
		}
	}
	return runfile.Config{}, false
}

// sizes returns the memory sizes that a variant was measured at.
func (e earlier) sizes(variant string) []int {
	var list []int
	for _, c := range e.configs {
		if c.Variant == variant {
			list = addOnce(list, c.MemorySizeMB)
		}
	}
	return list
}

// against reads the run of --against and takes from its plan what was not given:
// what it is compared for is what it measured.
func (a *app) against(ctx context.Context, m *measure, f *localFlags) error {
	want := results.Want{Place: "local"}
	if m.given("engine") && f.engine != "auto" {
		want.Engine = f.engine
	}
	file, err := a.find(ctx, a.results(m.out), f.against, want)
	if err != nil {
		return err
	}
	run, err := file.Run()
	if err != nil {
		return err
	}
	h := run.Header
	if h.Backend != "local" {
		return usagef("--against %s is a run of bench %s", f.against, h.Backend)
	}
	m.before.run = h.ID
	for _, c := range h.Configs {
		if c.Before == "" && c.Variant != h.Plan.Control {
			m.before.configs = append(m.before.configs, c)
		}
	}
	m.take("arch", func() {
		if len(h.Plan.Arch) > 0 {
			m.archs = h.Plan.Arch
		}
	})
	m.take("pause", func() { m.pause = h.Plan.Pause.Duration })
	takeLocal(m, f, h)
	return nil
}

// withBefore adds to each configuration the one of the image that its variant had
// before, right behind it, and reports whether there was one.
func withBefore(wanted []want, before earlier) (list []want, found bool) {
	for _, w := range wanted {
		list = append(list, w)
		was, ok := before.of(w.config.Variant, w.config.Arch)
		if !ok {
			continue
		}
		found = true
		v := w.variant
		v.Image, v.Build, v.named = was.Image.ImageID, nil, false
		list = append(list, want{
			config:  coldstart.Config{Variant: runfile.NameBefore(v.Name), MemoryMB: w.config.MemoryMB, Arch: w.config.Arch},
			variant: v, before: &was.Image,
		})
	}
	return list, found
}

// present is the configuration of the variant's present image.
func (w want) present() coldstart.Config {
	return coldstart.Config{Variant: w.variant.Name, MemoryMB: w.config.MemoryMB, Arch: w.config.Arch}
}

// imageBefore finds the image that a variant had in another run, by its ID or else
// by its content.
func (a *app) imageBefore(ctx context.Context, store *image.Store, w want, run string, o image.Options) (coldstart.Image, error) {
	was := w.before
	img, err := a.imageOf(ctx, store, w.variant.Variant, o)
	if id, ok := store.FindContent(was.ContentID); err != nil && ok {
		v := w.variant.Variant
		v.Image = id
		img, err = a.imageOf(ctx, store, v, o)
	}
	if err == nil && !img.Identity().Same(was.Identity()) {
		err = fmt.Errorf("what is found under its ID is %s", short(img.ID))
	}
	if err != nil {
		hint := "bench images build " + w.variant.Name + " in a checkout of that time: equal content is enough"
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

// sayBefore says what --against found to measure.
func (a *app) sayBefore(run string, list []opened, configs []runfile.Config) {
	var same, changed, other, renamed, setup []string
	for i, c := range list {
		if c.idBefore != "" {
			renamed = addOnce(renamed, c.config.Variant)
		}
		if configs[i].SetupChanged {
			setup = addOnce(setup, c.config.Variant)
		}
		switch name := c.config.Variant; {
		case c.before != nil:
			changed = addOnce(changed, c.variant.Name)
		case c.unchanged:
			same = addOnce(same, name)
		default:
			other = addOnce(other, name)
		}
	}
	other = slices.DeleteFunc(other, func(name string) bool { return slices.Contains(changed, name) })
	if len(changed) > 0 {
		a.note("measured with its image of run %s, too: %s", run, strings.Join(changed, ", "))
	}
	if len(same) > 0 {
		a.note("the image is the one of run %s, measured once: %s", run, strings.Join(same, ", "))
	}
	if len(renamed) > 0 {
		a.note("another image ID than in run %s, same content: %s", run, strings.Join(renamed, ", "))
	}
	if len(setup) > 0 {
		a.warning("entrypoint, command, working directory or environment differ from run %s, which --against does not compare: %s", run, strings.Join(setup, ", "))
	}
	if len(other) > 0 {
		a.note("run %s has no image to set against: %s", run, strings.Join(other, ", "))
	}
}
