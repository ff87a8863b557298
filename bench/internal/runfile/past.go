package runfile

import (
	"slices"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
)

// Past returns what the run has taken.
func (r *Run) Past() plan.Past {
	past := plan.Past{Samples: r.Samples}
	for _, x := range r.Rejects {
		past.Rejects = append(past.Rejects, x.Try())
	}
	for _, x := range r.Failures {
		past.Failures = append(past.Failures, x.Try())
	}
	for _, x := range r.Deployed {
		past.Deployed = append(past.Deployed, x.Note())
	}
	return past
}

// FirstStarts returns which configurations belong into round 0 of the run, that
// goes on or begins: those whose image the runs before it had not seen, unless one
// was started without ever having been in round 0.
func (r *Run) FirstStarts(before []Entry) map[coldstart.Config]bool {
	earliest := map[coldstart.Config]int{}
	note := func(c coldstart.Config, round int) {
		if had, ok := earliest[c]; !ok || round < had {
			earliest[c] = round
		}
	}
	past := r.Past()
	for _, s := range past.Samples {
		note(s.Config, s.Round)
	}
	for _, list := range [][]coldstart.Attempt{past.Rejects, past.Failures} {
		for _, a := range list {
			note(a.Config, a.Round)
		}
	}
	seen := ImagesSeen(before, r.Header)
	first := map[coldstart.Config]bool{}
	for _, c := range r.Header.Configs {
		round, started := earliest[c.Config]
		if started && round == 0 || !started && !seen.Has(c) {
			first[c.Config] = true
		}
		if c.Function != nil {
			seen.Add(c) // its other memory sizes are the same image
		}
	}
	return first
}

// RenamedImages returns the variants whose image has another ID in the header that
// a run goes on with.
func (h Header) RenamedImages(now Header) []string {
	var names []string
	for i, c := range now.Configs {
		if c.Renamed(h.Configs[i]) && !slices.Contains(names, c.Variant) {
			names = append(names, c.Variant)
		}
	}
	return names
}
