package analysis

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runfile"
)

func newSection(in Input) Section {
	run := in.Run
	h := run.Header
	columns, index := columnsOf(h)
	samples := in.samples()
	if in.Sessions == nil {
		in.command = h
	}
	o := recorded{run, samples}.observed(index)
	only := h.Plan.Only
	s := Section{
		Run: h.ID, File: fileOf(run), Backend: h.Backend, Engine: h.Engine, Choice: h.Choice, Place: h.Place(),
		Started: h.Started, Strategy: h.Plan.Strategy,
		Heading: heading(h), Columns: columns, Sessions: in.Sessions,
		Alerts:      alerts(run, columns, index, o),
		Headline:    headline(h.Place(), columns, o, only, h.Plan.WarmRuns),
		Unavailable: []Unavailable{},
		Comparisons: compare(columns, o, only),
		Metrics:     tables(h.Backend, columns, o, only),
		Deploy:      deploys(columns, o),
		Curves:      curvesOf(columns, o, only),
		Images:      imagesOf(in),
		Problems:    problemsOf(run, columns, index),
		Method:      method(run, o.grouping, in.Sessions),
		Warnings:    warnings(run, o, samples.odd),
		Command:     in.command.Command(),
	}
	for _, u := range h.Unavailable {
		name := cmp.Or(u.Before, u.Variant) + marks(u.Before != "", false)
		s.Unavailable = append(s.Unavailable, Unavailable{Variant: name, Error: u.Error, Hint: u.Hint})
	}
	if p := in.Reference; p != nil && h.Reference != "" && p.Header.ID == h.Reference {
		// Runs that can't be compared have no change to show.
		if c, err := comparisonOf(recorded{p, in.reference()}, recorded{run, samples}, CompareOptions{}); err == nil {
			s.Since = c
		}
	}
	s.billing = billingOf(columns, o, only)
	if h.Facts != nil {
		s.facts = *h.Facts
	}
	s.Alerts = append(s.Alerts, controlAlerts(h, s.Comparisons, columns)...)
	s.Series = seriesOf(columns, o, only)
	s.Warnings = append(s.Warnings, oddities(columns, o, only)...)
	s.Caption = caption(h, columns, o, in.Sessions)
	s.Notes = notes(h, s, o)
	if len(in.renamed) > 0 {
		s.Notes = append([]string{renamedNote + strings.Join(in.renamed, ", ") + "."}, s.Notes...)
	}
	if in.apart != "" {
		s.Notes = append([]string{in.apart}, s.Notes...)
	}
	return s
}

// fileOf names the run's file without its folder, which is another one on
// every machine; empty where it was not read from a file.
func fileOf(run *runfile.Run) string {
	if run.Path == "" {
		return ""
	}
	return filepath.Base(run.Path)
}

func heading(h runfile.Header) string {
	switch h.Backend {
	case "local":
		return "Local, " + h.Engine + " engine"
	case "aws":
		if h.Rehearsal != "" {
			return "Rehearsal of AWS (" + h.Rehearsal + ")"
		}
		return "AWS, " + h.Engine
	}
	return h.Backend + ", " + h.Engine
}

func caption(h runfile.Header, columns []Column, o observed, sessions []Session) string {
	cold := span(columns, func(i int) int { return o.of(i, coldstart.ClassCold).n })
	warm := span(columns, func(i int) int { return o.of(i, coldstart.ClassWarm).invocations() })
	environments := span(columns, func(i int) int { return o.of(i, coldstart.ClassWarm).n })
	var of []string
	if shown(coldstart.ClassCold, h.Plan.Only) {
		of = append(of, plan.Plural(cold, "cold start"))
	}
	if shown(coldstart.ClassWarm, h.Plan.Only) && o.has(coldstart.ClassWarm) {
		of = append(of, fmt.Sprintf("%s (of %s)", plan.Plural(warm, "warm invocation"), plan.Plural(environments, "execution environment")))
	}
	where := "on AWS in " + h.Engine
	switch {
	case h.Backend == "local":
		where = "locally with the " + h.Engine + " engine"
	case h.Rehearsal != "":
		where = "at an endpoint that stands for AWS (" + h.Rehearsal + ")"
	}
	at := spanOf(sessions)
	if at == "" {
		at = "on " + when(h.Started)
	}
	text := fmt.Sprintf("Billed Duration, measured %s %s: the median of %s for each column, with its 95 %% interval.",
		where, at, strings.Join(of, " and "))
	return text + chosenBy(h.Choice)
}

// chosenBy is the sentence about an engine that auto took; empty for others.
func chosenBy(choice string) string {
	if choice == "" {
		return ""
	}
	return " Engine chosen by --engine auto: " + choice + "."
}

// spanOf says from when to when sessions were; empty where there are none.
func spanOf(sessions []Session) string {
	n := len(sessions)
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("in %d sessions from %s to %s", n, when(sessions[0].Started), when(sessions[n-1].Started))
}

func span(columns []Column, n func(i int) int) string {
	if len(columns) == 0 {
		return "0"
	}
	all := make([]int, len(columns))
	for i := range columns {
		all[i] = n(i)
	}
	lo, hi := slices.Min(all), slices.Max(all)
	if lo == hi {
		return fmt.Sprint(lo)
	}
	return fmt.Sprintf("%d to %d", lo, hi)
}

// when prints a time stamp to the minute in UTC, or as it is where it is none.
func when(stamp string) string {
	t, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return stamp
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}
