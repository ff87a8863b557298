package cli

import (
	"cmp"
	"context"
	"slices"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
	"coldbench/bench/internal/results"
	"coldbench/bench/internal/runfile"
)

// takeReference reads the run of --against and takes from its plan what was not
// given: what it is compared for is what it measured.
func (a *app) takeReference(ctx context.Context, m *measure, f localFlags) (*runfile.Header, error) {
	want := results.Want{Place: "local"}
	if m.Given("engine") && f.engine != "auto" {
		want.Engine = f.engine
	}
	_, run, err := a.results(m.out).Load(ctx, f.against, want)
	if err != nil {
		return nil, err
	}
	h := run.Header
	if h.Backend != "local" {
		return nil, usagef("--against %s is a run of bench %s", f.against, h.Backend)
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

// sayReference says what --against found to measure.
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
			line.print(line.text, h.Plan.Against, join(list))
		}
	}
}
