package analysis

import (
	"cmp"
	"slices"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/runfile"
)

// Input is a run to report on.
type Input struct {
	Run *runfile.Run
	// Reference is the run that the header of Run names as its reference; nil if there
	// is none or it is not available. Any other run is not compared with.
	Reference *runfile.Run
	// Samples and ReferenceSamples are those of the runs where they were not kept
	// in them, see runfile.Scan; nil where they were.
	Samples, ReferenceSamples *Samples
	// Sessions are the runs that were made one by together; empty for a single
	// run. command is then the header of the one to measure again.
	Sessions []Session
	command  runfile.Header
	// apart says why the run is no session of another one; renamed are the configs
	// whose image has not the same ID in all sessions.
	apart   string
	renamed []string
}

type recorded struct {
	*runfile.Run
	samples *Samples
}

func (r recorded) observed(index map[coldstart.Config]int) observed {
	return observe(r.samples, r.Header.Plan, index)
}

func (in Input) samples() *Samples {
	if in.Samples != nil {
		return in.Samples
	}
	return samplesOf(in.Run)
}

func (in Input) reference() *Samples {
	if in.ReferenceSamples != nil {
		return in.ReferenceSamples
	}
	return samplesOf(in.Reference)
}

// New reports on runs, the newest first, in whatever order they are given. Runs of
// one place, host, plan and the same images are sessions of one section; each other
// run has its own section and is never pooled.
func New(inputs []Input) *Report {
	r := &Report{Schema: Schema, Title: title(inputs), Sections: []Section{}}
	for _, in := range together(sorted(inputs)) {
		r.Sections = append(r.Sections, newSection(in))
	}
	r.Disagreements = disagreements(r.Sections)
	return r
}

// sorted copies the inputs that hold a run, the newest first. Started is
// RFC 3339 in UTC, so that its order as text is that in time.
func sorted(inputs []Input) []Input {
	s := make([]Input, 0, len(inputs))
	for _, in := range inputs {
		if in.Run != nil {
			s = append(s, in)
		}
	}
	slices.SortStableFunc(s, func(a, b Input) int {
		if c := cmp.Or(
			cmp.Compare(b.Run.Header.Started, a.Run.Header.Started),
			cmp.Compare(b.Run.Header.ID, a.Run.Header.ID)); c != 0 {
			return c
		}
		// Of a run and a copy that was cut short, the whole one is taken.
		return cmp.Or(cmp.Compare(b.samples().n, a.samples().n), cmp.Compare(a.Run.Path, b.Run.Path))
	})
	return s
}

func title(inputs []Input) string {
	local, aws, rehearsed := false, false, false
	for _, in := range inputs {
		if in.Run != nil {
			local = local || in.Run.Header.Backend == "local"
			aws = aws || in.Run.Header.Place() == "aws"
			rehearsed = rehearsed || in.Run.Header.Rehearsal != ""
		}
	}
	switch {
	case rehearsed && !local && !aws:
		return "Rehearsal of AWS, not AWS"
	case rehearsed:
	case local && !aws:
		return "Local cold and warm starts"
	case aws && !local:
		return "Cold and warm starts on AWS"
	}
	return "Cold and warm starts"
}
