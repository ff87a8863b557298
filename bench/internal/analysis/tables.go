package analysis

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/stats"
)

// shown reports whether the tables show a class under --cold or --warm.
func shown(class coldstart.Class, only string) bool {
	switch only {
	case "cold":
		return !warm(class)
	case "warm":
		return warm(class)
	}
	return true
}

func warm(class coldstart.Class) bool {
	return class == coldstart.ClassWarm || class == coldstart.ClassFirstWarm
}

// has reports whether samples of the class can have the metric at all.
func has(class coldstart.Class, metric string) bool {
	switch metric {
	case "init", "init extensions", "init platform", "init process":
		return class == coldstart.ClassCold
	case "provision":
		return class == coldstart.ClassCold || class == coldstart.ClassSuppressedInit
	}
	return true
}

// headline makes the rows of Billed Duration, cold and warm; backend is the place.
func headline(backend string, columns []Column, o observed, only string, warmRuns int) []HeadlineRow {
	where := "Local"
	switch backend {
	case "aws":
		where = "AWS"
	case "aws-rehearsal":
		where = "Rehearsal"
	}
	rows := []HeadlineRow{}
	billed := metrics[placeOf("billed")]
	for _, class := range []coldstart.Class{coldstart.ClassCold, coldstart.ClassWarm} {
		if !shown(class, only) || class == coldstart.ClassWarm && warmRuns == 0 && !o.has(class) {
			continue
		}
		row := HeadlineRow{Label: fmt.Sprintf("%s, %s start", where, class), Class: string(class), Unit: billed.Unit, Cells: []Summary{}}
		for i := range columns {
			row.Cells = append(row.Cells, summarize(o.of(i, class), billed.Name))
		}
		rows = append(rows, row)
	}
	return rows
}

func tables(backend string, columns []Column, o observed, only string) []Table {
	list := []Table{}
	said := map[string]bool{"": true} // in an earlier table
	for _, m := range metrics {
		// What bench's clock sees of a local invocation is its own doing; on AWS
		// environments are provisioned by nobody who could be asked.
		if client := m.Name == "client" || m.Name == "platform and network"; client && backend != "aws" || m.Name == "provision" && backend == "aws" {
			continue
		}
		title := cmp.Or(metricTitles[m.Name], m.Name)
		t := Table{Metric: m.Name, Title: title, Unit: m.Unit, Doc: sentence(strings.TrimPrefix(m.Doc, title+": ")), Lines: []Line{}, Notes: []string{}}
		for _, class := range o.among(only, classes()...) {
			if !has(class, m.Name) {
				continue
			}
			for i := range columns {
				l := Line{Column: i, Class: string(class), Summary: summarize(o.of(i, class), m.Name)}
				if l.N == 0 && m.Name == "init extensions" {
					continue // a function without any
				}
				t.Lines = append(t.Lines, l)
			}
		}
		split := m.Name == "init extensions" || m.Name == "init platform" || m.Name == "init process"
		if len(t.Lines) == 0 || split && !slices.ContainsFunc(t.Lines, func(l Line) bool { return l.N > 0 }) {
			continue // most functions have no extensions and do not say when their process began
		}
		t.Doc = cmp.Or(docs[backend][m.Name], t.Doc)
		if m.Name == "total" {
			t.Notes = append(t.Notes, "n counts execution environments; each counts once, with the median of its invocations of the class.")
			t.Notes = append(t.Notes, differing(columns, o, only)...)
		}
		if n := unknownNote(t, o); !said[n] {
			said[n] = true
			t.Notes = append(t.Notes, n)
		}
		t.Notes = append(t.Notes, tableNotes(t, columns, o)...)
		list = append(list, t)
	}
	return list
}

// docs say of a metric what depends on where it was measured, by "aws" and "local":
// an engine sees where init splits, and AWS does not tell.
var docs = map[string]map[string]string{
	"aws": {
		"init":          "Init Duration, as Lambda reports it: from the start of the environment's init to the first GET /next of runtime and extensions.",
		"init platform": "Init Duration without init: process. It may be 10 ms off, the step of the process's age, and negative: that age holds some of the invocation, too.",
		"init process":  "The age of the function's process at the first invocation, as it says itself, in steps of 10 ms: init from the process's start on, and what of the invocation had passed. An init that Lambda did ahead of the invocation is left out.",
	},
	"local": {
		"init platform": "From the start of init to the first instruction of the function's own code.",
		"init process":  "From the first instruction of the function's own code to the first GET /next.",
	},
}

func sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}

var metricTitles = map[string]string{
	"total": "Total: init + duration", "init": "Init Duration", "init extensions": "Init: extensions", "init platform": "Init: platform",
	"init process": "Init: process", "duration": "Duration", "billed": "Billed Duration", "provision": "Provision", "client": "Client",
	"platform and network": "Platform and network", "max memory": "Max Memory Used",
}

// unknownNote says how many environments the unknown quantiles take.
func unknownNote(t Table, o observed) string {
	var few, noP90, noP99, grouped bool
	for _, l := range t.Lines {
		few = few || l.N > 0 && !l.Median.Bounded()
		noP90 = noP90 || l.N > 0 && l.Median.Bounded() && !l.P90.Bounded()
		noP99 = noP99 || l.N > 0 && l.P90.Bounded() && !l.P99.Bounded()
		grouped = grouped || o.by() != "" && l.Median.Bounded() && (!l.P90.Bounded() && l.N >= stats.MinSamples(0.9, Confidence) || !l.P99.Bounded() && l.N >= stats.MinSamples(0.99, Confidence))
	}
	p90, p99 := stats.MinSamples(0.9, Confidence), stats.MinSamples(0.99, Confidence)
	switch {
	case few:
		return fmt.Sprintf("Too few environments to know each quantile: an interval with two ends takes %d for a median, %d for p90, %d for p99.", stats.MinSamples(0.5, Confidence), p90, p99)
	case grouped:
		return fmt.Sprintf("p90 and p99 are not shown where there are too few environments to know them (%d and %d do), or too few %s that differ.", p90, p99, o.by())
	case noP90:
		return fmt.Sprintf("p90 and p99 are not shown where there are too few environments to know them: %d and %d do.", p90, p99)
	case noP99:
		return fmt.Sprintf("p99 is not shown where there are too few environments to know it: %d do.", p99)
	}
	return ""
}

// tableNotes says what is not in the table, and what its intervals mean.
func tableNotes(t Table, columns []Column, o observed) []string {
	var notes, missing []string
	for _, l := range t.Lines {
		if l.Missing > 0 {
			missing = append(missing, fmt.Sprintf("%d of %s (%s)", l.Missing, columns[l.Column].Title, l.Class))
		}
	}
	if len(missing) > 0 {
		notes = append(notes, "Not measured, so not counted: "+strings.Join(missing, ", ")+".")
	}
	return append(notes, coarse(t, o)...)
}

// coarse says that an interval of Billed Durations is one of integers, if the
// values of some line are few different ones; nil for other tables.
func coarse(t Table, o observed) []string {
	const enough = 10
	few, all := false, true
	if t.Metric != "billed" {
		return nil
	}
	for _, l := range t.Lines {
		d := o.of(l.Column, coldstart.Class(l.Class)).ordered(t.Metric).Distinct()
		few = few || d > 0 && d < enough
		all = all && d < enough
	}
	which, of := "Billed Durations", "their intervals are of whole milliseconds, and init + duration is the finer measure"
	if !all {
		which = "Some Billed Durations"
	}
	if o.by() != "" {
		of = "init + duration is the finer measure"
	}
	if !few {
		return nil
	}
	return []string{fmt.Sprintf("%s take fewer than %d different values: %s.", which, enough, of)}
}
