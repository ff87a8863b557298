package runfile

import "coldbench/bench/internal/plan"

// rehearsed is Header.Rehearsal of a run with --rehearse.
const rehearsed = "rehearsal, not AWS"

// Rehearsed reports whether bench itself stood for AWS in a run.
func (h Header) Rehearsed() bool { return h.Rehearsal == rehearsed }

// Command returns what to type to measure the same again, every setting spelled
// out. The event is missing: only its digest is known.
func (h Header) Command() string {
	words := []string{"bench", h.Backend}
	named := map[string]bool{h.Plan.Control: true}
	for _, c := range h.Configs {
		if named[c.Variant] || c.Before != "" {
			continue
		}
		named[c.Variant] = true
		word := c.Variant
		if c.Function != nil && !h.Rehearsed() {
			word += "=" + c.Function.Name
			if c.Function.Version != "" {
				word += ":" + c.Function.Version
			}
		}
		words = append(words, word)
	}
	switch {
	case h.Backend == "local":
		words = append(words, "--engine", h.Engine)
	case h.Rehearsed():
		words = append(words, "--rehearse", "--region", h.Engine)
	default:
		words = append(words, "--region", h.Engine)
	}
	return plan.Shell(append(words, h.Plan.Args(h.Backend)...))
}
