package runfile

import "slices"

// Reference is a run whose images are measured again beside the present ones. The
// zero value is none.
type Reference struct {
	// Run is the run's ID.
	Run     string
	Configs []Config
}

// Measured returns the run with the header as a reference: what it measured, without
// its control and the images of its own reference.
func (h Header) Measured() Reference {
	r := Reference{Run: h.ID}
	for _, c := range h.Configs {
		if c.Before == "" && c.Variant != h.Plan.Control {
			r.Configs = append(r.Configs, c)
		}
	}
	return r
}

// MeasuredAgainst returns the reference of the run with the header: exactly those
// images that it measures.
func (h Header) MeasuredAgainst() Reference {
	r := Reference{Run: h.Plan.Against}
	for _, c := range h.Configs {
		if c.Before != "" {
			c.Variant = c.Before
			r.Configs = append(r.Configs, c)
		}
	}
	return r
}

// Of returns what a variant was measured as for an architecture.
func (r Reference) Of(variant, arch string) (Config, bool) {
	i := slices.IndexFunc(r.Configs, func(c Config) bool { return c.Variant == variant && c.Arch == arch })
	if i < 0 {
		return Config{}, false
	}
	return r.Configs[i], true
}

// Sizes returns the memory sizes that a variant was measured at.
func (r Reference) Sizes(variant string) []int {
	var list []int
	for _, c := range r.Configs {
		if c.Variant == variant && !slices.Contains(list, c.MemoryMB) {
			list = append(list, c.MemoryMB)
		}
	}
	return list
}
