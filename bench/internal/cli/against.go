package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
	"coldbench/bench/internal/results"
	"coldbench/bench/internal/runfile"
)

// takeReference reads the run of --against and takes from its plan what was not
// given: what it is compared for is what it measured.
func (a *app) takeReference(ctx context.Context, m *localMeasure) (*runfile.Header, error) {
	want := results.Want{Place: "local"}
	if m.Given("engine") && m.engine != "auto" {
		want.Engine = m.engine
	}
	_, run, err := a.results(m.out).Load(ctx, m.against, want)
	if err != nil {
		return nil, err
	}
	h := run.Header
	if h.Backend != "local" {
		return nil, usagef("--against %s is a run of bench %s", m.against, h.Backend)
	}
	m.plan.TakeConditions(h.Plan, m.Given)
	m.reference = h.Measured()
	return &h, nil
}

// addReference puts behind each selection the image that its variant had in a run,
// and reports whether there was one.
func addReference(r runfile.Reference, selected []Selection) (list []Selection, found bool) {
	for _, s := range selected {
		list = append(list, s)
		if was, ok := r.Of(s.config.Variant, s.config.Arch); ok {
			found = true
			s.named = false
			s.config.Variant = runfile.NameBefore(s.variant.Name)
			s.reference = &image.Earlier{
				Image: coldstart.Image{ID: was.Image.ImageID, ContentID: was.Image.ContentID, Base: was.Image.Base, StandIn: was.Image.StandIn},
				Run:   r.Run, EngineOnly: was.Image.EngineOnly,
			}
			list = append(list, s)
		}
	}
	return list, found
}

func (a *app) sayReference(h runfile.Header) {
	names := func(are func(runfile.Config) bool) (list []string) {
		for _, c := range h.Configs {
			if are(c) {
				list = addOnce(list, cmp.Or(c.Before, c.Variant))
			}
		}
		return list
	}
	changed := names(func(c runfile.Config) bool { return c.Before != "" })
	for _, line := range []struct {
		print func(string, ...any)
		text  string
		are   func(runfile.Config) bool
	}{
		{a.note, "measured with its image of run %s, too: %s", func(c runfile.Config) bool { return c.Before != "" }},
		{a.note, "the image is the one of run %s, measured once: %s", func(c runfile.Config) bool { return c.Unchanged }},
		{a.note, "another image ID than in run %s, same content: %s", func(c runfile.Config) bool { return c.ImageIDBefore != "" }},
		{a.warning, "entrypoint, command, working directory or environment differ from run %s, which --against does not compare: %s", func(c runfile.Config) bool { return c.SetupChanged }},
		{a.note, "run %s has no image to set against: %s", func(c runfile.Config) bool {
			return !c.Unchanged && !slices.Contains(changed, cmp.Or(c.Before, c.Variant))
		}},
	} {
		if list := names(line.are); len(list) > 0 {
			line.print(line.text, h.Plan.Against, strings.Join(list, ", "))
		}
	}
}

// OpenTarget is a configuration that stands ready to be started.
type OpenTarget struct {
	Selection
	image  coldstart.Image
	target coldstart.Target
	// unchanged is true if the run of --against had the same image, idBefore its
	// ID there if that was another one.
	unchanged bool
	idBefore  string
}

// openAll builds or finds every image and opens every configuration on it. One
// that fails becomes a row that says why, unless it was asked for by name. The
// image that a variant had before is opened where it is another one than the
// present one, which stands before it in the list.
func (a *app) openAll(ctx context.Context, engine *Engine, store *image.Store, o coldstart.Options, selected []Selection) ([]OpenTarget, []runfile.Unavailable, error) {
	images, closeImages := imageEngine(engine)
	defer closeImages()
	from := image.Options{Engine: images, DescribeOnly: engine.Containers, Unpack: !engine.Containers, Environ: a.Environ, Log: o.Log}
	var list []OpenTarget
	var unavailable []runfile.Unavailable
	type prepared struct {
		img coldstart.Image
		err error
	}
	cache := map[string]prepared{}
	for _, s := range selected {
		if s.reference != nil {
			if now := len(list) - 1; now < 0 || list[now].config != s.present() {
				continue // there is nothing to set against it
			} else if was, is := s.reference.Identity(), list[now].image.Identity(); is.Same(was) {
				list[now].unchanged = true
				if is.Renamed(was) {
					list[now].idBefore = was.ImageID
				}
				continue
			}
		}
		key := s.config.Variant + "/" + s.config.Arch
		b, ok := cache[key]
		if !ok {
			from.Arch = s.config.Arch
			store.About(s.config.Variant)
			if s.reference != nil {
				b.img, b.err = store.Again(ctx, s.variant, *s.reference, from)
			} else {
				b.img, b.err = store.ImageOf(ctx, s.variant, from)
			}
			if b.err == nil {
				b.img, b.err = engine.Prepare(ctx, b.img)
			}
			cache[key] = b
		}
		var target coldstart.Target
		err := b.err
		if err == nil {
			store.About(s.config.Variant)
			preparing := store.Meter("preparing the "+engine.Name+" engine", 0)
			target, err = engine.Open(ctx, s.config, b.img, o)
			preparing.End()
		}
		switch {
		case err == nil:
			list = append(list, OpenTarget{Selection: s, image: b.img, target: target})
		case ctx.Err() != nil:
			return list, nil, ctx.Err()
		case s.named:
			return list, nil, fmt.Errorf("%s: %w", s.config.Variant, err)
		case b.err != nil && ok:
			// Another memory size has already reported the missing image.
		default:
			row := a.leaveOut(s.config.Variant, err)
			if s.reference != nil {
				row.Before = s.variant.Name
			}
			unavailable = append(unavailable, row)
		}
	}
	if len(list) == 0 {
		return nil, nil, errors.New("no variant can be measured here")
	}
	return list, unavailable, nil
}

func (a *app) leaveOut(variant string, err error) runfile.Unavailable {
	a.complain(fmt.Errorf("warning: %s is left out: %w", variant, err))
	home := a.getenv("HOME")
	return runfile.Unavailable{Variant: variant, Error: runfile.Publishable(err.Error(), a.Dir, home), Hint: runfile.Publishable(advice.HintOf(err), a.Dir, home)}
}
