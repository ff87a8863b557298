package analysis

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runfile"
)

// notes are the footnotes of the headline.
func notes(h runfile.Header, s Section, o observed) []string {
	list := []string{}
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }

	since := func(text string, is func(Image) bool) {
		var titles []string
		for _, i := range s.Images {
			if is(i) {
				titles = append(titles, i.Title)
			}
		}
		if len(titles) > 0 {
			add("%s the previous run (%s): %s.", text, h.Reference, strings.Join(titles, ", "))
		}
	}
	since("The image changed since", func(i Image) bool { return i.Change == string(runfile.ChangeImage) })
	if s.Since == nil { // else its notes hold these
		since("Entrypoint, command, working directory or environment changed since", func(i Image) bool { return i.Change == string(runfile.ChangeSetup) })
		since("Another image ID, but the same content as in", func(i Image) bool { return i.renamed })
	}

	list = append(list, beforeNotes(h, s.Columns)...)
	list = append(list, curveNotes(h, s.Curves)...)
	few, none := false, false
	for _, r := range s.Headline {
		for _, c := range r.Cells {
			few = few || c.N > 0 && !c.Median.Bounded()
			none = none || c.N == 0
		}
	}
	if few {
		list = append(list, fewNote())
	}
	if none {
		add("A dash: not measured.")
	}
	for _, t := range s.Metrics {
		list = append(list, coarse(t, o)...)
	}
	switch warmShown := shown(coldstart.ClassWarm, h.Plan.Only); {
	case warmShown && o.has(coldstart.ClassWarm):
		add("Warm invocations of one execution environment are alike, so each environment counts once, with their median. The first warm one is a class of its own (first-warm) and not among them.")
	case warmShown && o.has(coldstart.ClassFirstWarm) && h.Plan.WarmRuns == 1:
		add("Each environment was invoked warm once, and an environment's first warm invocation is a class of its own, first-warm: see the tables below. --warm-runs 2 and more fill the row.")
	}
	if o.has(coldstart.ClassSuppressedInit) {
		list = append(list, suppressedNote)
	}
	if slices.ContainsFunc(s.Columns, func(c Column) bool { return c.StandIn }) {
		add("Stand-in base: the image's base is not available here, so one made from other packages stands in for it. It has the same contract and about the same size, but other times than the real base.")
	}
	var held []string
	for _, c := range h.Configs {
		if c.Image.EngineOnly {
			held = appendOnce(held, c.Variant)
		}
	}
	if len(held) > 0 {
		add("Only the Docker engine holds the image of %s: --against this run can measure it as long as the engine keeps it.", strings.Join(held, ", "))
	}
	if floor := noiseFloor(h, s.Comparisons, s.Columns); floor != "" {
		list = append(list, floor)
	}
	list = append(list, o.notes(s.Columns, o)...)
	if len(s.Comparisons) > 0 {
		from := ", computed from order statistics at any n: nothing is resampled"
		if o.by() != "" {
			from = ""
		}
		add("faster and slower: the interval of the ratio lies wholly on one side of 1; same: wholly within %g %%; else unclear. Each interval is one of 95 %% by itself%s.", 100*Margin, from)
	} else if len(s.Columns) > 1 && !slices.ContainsFunc(s.Columns, func(c Column) bool { return c.Baseline }) {
		add("Nothing is compared: the baseline %s was not measured.", baselineOf(h))
	}
	if alone := withoutBaseline(s.Columns); len(alone) > 0 {
		add("Compared with nothing, for the baseline %s was not measured at the same memory size and architecture: %s.", baselineOf(h), strings.Join(alone, ", "))
	}
	for _, l := range []struct{ what, how string }{{"CPU", h.Limits.CPU}, {"Memory", h.Limits.Memory}, {"Max Memory Used", h.Limits.MaxMemoryUsed}} {
		if strings.HasPrefix(l.how, "not ") {
			add("%s: %s.", l.what, strings.TrimSuffix(l.how, "."))
		}
	}
	if h.Backend == "local" {
		add("Local times hold the runtime's start and the function, not Lambda's own work or the image's download: compare columns with one another, not with AWS.")
	}
	return list
}

// withoutBaseline names the columns that a baseline of other columns leaves alone.
func withoutBaseline(columns []Column) []string {
	if !slices.ContainsFunc(columns, func(c Column) bool { return c.Baseline }) {
		return nil
	}
	var alone []string
	for i, c := range columns {
		if !c.Baseline && c.Before == "" && len(opposite(columns, i)) == 0 {
			alone = append(alone, c.Title)
		}
	}
	return alone
}

const suppressedNote = "Some cold starts ran their init inside the invocation (it failed first, or took more than 10 s). They have no Init Duration and are the class suppressed-init, not cold."

func warnings(run *runfile.Run, o observed, odd oddBills) []string {
	list := []string{}
	seen := map[string]bool{}
	add := func(texts ...string) {
		for _, t := range texts {
			if t != "" && !seen[t] {
				seen[t] = true
				list = append(list, t)
			}
		}
	}
	add(run.Header.Warnings...)
	if run.End != nil {
		add(run.End.Warnings...)
	}
	add(run.Warnings...)
	if o.foreign > 0 {
		add(fmt.Sprintf("%s of configs that the header does not name left out.", plan.Plural(o.foreign, "sample")))
	}
	for _, strategy := range slices.Sorted(maps.Keys(o.other)) {
		if strategy == run.Header.Plan.Strategy { // only that of deployments has two
			add(fmt.Sprintf("%s after a deployment ran the init inside the invocation, left out.", plan.Plural(o.other[strategy], "first cold start")))
			continue
		}
		add(fmt.Sprintf("%s forced by %q, not by the run's own strategy %q, left out.", plan.Plural(o.other[strategy], "cold start"), strategy, run.Header.Plan.Strategy))
	}
	add(odd.text())
	return list
}
