package analysis

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/stats"
)

// Overview is Billed Duration of the newest local run and the newest on AWS in one
// table. The two are never divided: a local time lacks Lambda's own work.
type Overview struct {
	// Captions say what was measured and when at each place; Missing are the others.
	Captions, Missing []string
	// Columns are the titles of the configs of both runs, the local ones first,
	// without the control and images before.
	Columns []string
	// Rows are four: local cold, local warm, AWS Lambda cold, AWS Lambda warm.
	Rows  []OverviewRow
	Notes []string
}

// OverviewRow is a place and a class.
type OverviewRow struct {
	Place, Label, Unit string
	// Measured is false where there is no run that could have a value.
	Measured bool
	// Cells has one for each column; one without a value was not measured.
	Cells []OverviewCell
}

// OverviewCell is the median of one config's Billed Duration.
type OverviewCell struct {
	Median Estimate
	// StandIn is true where the image's base was a stand-in.
	StandIn bool
}

// overviewPlaces are the places of an overview; a rehearsal's is another one.
var overviewPlaces = [...]struct{ place, label string }{{"local", "Local"}, {"aws", "AWS Lambda"}}

// Overview sets the newest local run of a report beside its newest run on AWS.
func (r *Report) Overview() Overview {
	o := Overview{}
	sections := map[string]*Section{}
	for i := range r.Sections { // the newest first
		if s := &r.Sections[i]; sections[s.Place] == nil {
			sections[s.Place] = s
		}
	}
	columns := overviewColumns(sections)
	for _, c := range columns {
		o.Columns = append(o.Columns, c.Title)
	}
	for _, p := range overviewPlaces {
		s := sections[p.place]
		if s != nil {
			o.Captions = append(o.Captions, overviewCaption(p.label, s))
			o.Notes = append(o.Notes, overviewNotes(p.label, s)...)
		} else {
			o.Missing = append(o.Missing, p.place)
		}
		for _, class := range []coldstart.Class{coldstart.ClassCold, coldstart.ClassWarm} {
			o.Rows = append(o.Rows, overviewRow(p.place, p.label, class, columns, s))
		}
	}
	for _, r := range o.Rows {
		if slices.ContainsFunc(r.Cells, func(c OverviewCell) bool { return c.Median.Value != nil && !c.Median.Bounded() }) {
			o.Notes = append(o.Notes, fewNote())
			break
		}
	}
	if len(columns) > 0 {
		o.Notes = append(o.Notes, "An execution environment counts once, a warm one with the median of its warm invocations but the first.")
	}
	if n := len(r.Disagreements); n > 0 {
		o.Notes = append(o.Notes, fmt.Sprintf("Local: the engines do not agree on %s: see the head of local.md.", plan.Plural(n, "comparison")))
	}
	o.Notes = append(o.Notes, "Local times hold the runtime's start and the function, not Lambda's own work or the image's download. Compare the columns of a row, never a local time with one of AWS.")
	return o
}

func fewNote() string {
	return fmt.Sprintf("Without brackets: too few execution environments for a 95 %% interval of the median; %d would do.", stats.MinSamples(0.5, Confidence))
}

// overviewColumns lists the configs of the sections, each once. A title says no
// more than it takes to tell it from the others.
func overviewColumns(sections map[string]*Section) []Column {
	var columns []Column
	var configs []coldstart.Config
	for _, p := range overviewPlaces {
		if sections[p.place] == nil {
			continue
		}
		for _, c := range sections[p.place].Columns {
			if c.Control || c.Before != "" || slices.Contains(configs, c.Config) {
				continue
			}
			columns, configs = append(columns, c), append(configs, c.Config)
		}
	}
	for i, title := range plan.Names(configs) {
		columns[i].Title = title
	}
	return columns
}

func overviewRow(place, label string, class coldstart.Class, columns []Column, s *Section) OverviewRow {
	row := OverviewRow{Place: place, Label: label + " " + string(class), Unit: "ms", Cells: make([]OverviewCell, len(columns))}
	if s == nil {
		return row
	}
	for _, r := range s.Headline {
		if r.Class != string(class) {
			continue
		}
		row.Unit, row.Measured = r.Unit, true
		for i, c := range columns {
			if k := slices.IndexFunc(s.Columns, func(d Column) bool { return d.Config == c.Config }); k >= 0 {
				row.Cells[i] = OverviewCell{Median: r.Cells[k].Median, StandIn: s.Columns[k].StandIn}
			}
		}
	}
	return row
}

func overviewCaption(label string, s *Section) string {
	where := s.Engine + " engine"
	if s.Place == "aws" {
		where = "region " + s.Engine
	}
	var sizes, archs, bases []string
	for _, c := range s.Columns {
		sizes, archs = appendOnce(sizes, fmt.Sprint(c.MemoryMB)), appendOnce(archs, c.Arch)
	}
	for _, i := range s.Images {
		if i.StandIn {
			bases = append(bases, strings.TrimSpace(i.Variant+" on "+i.Base))
		}
	}
	text := fmt.Sprintf("%s: %s, %s, %s MB, %s", label, where, cmp.Or(spanOf(s.Sessions), when(s.Started)), strings.Join(sizes, ", "), strings.Join(archs, " and "))
	switch s.Strategy {
	case "":
	case byDeployment:
		text += ", cold starts by " + afterDeploymentBy + " after deployments"
	default:
		text += ", cold starts by " + s.Strategy
	}
	var of []string
	for _, r := range s.Headline {
		n := plan.Plural(span(s.Columns, func(i int) int { return r.Cells[i].N }), "cold start")
		if r.Class == string(coldstart.ClassWarm) {
			n = fmt.Sprintf("%s of %s", plan.Plural(span(s.Columns, func(i int) int { return r.Cells[i].Invocations }), "warm invocation"),
				plan.Plural(span(s.Columns, func(i int) int { return r.Cells[i].N }), "environment"))
		}
		of = append(of, n)
	}
	if len(of) > 0 {
		text += "; " + strings.Join(of, " and ") + " for each column"
	}
	if len(bases) > 0 {
		text += "; stand-in bases: " + strings.Join(bases, ", ")
	}
	return text + "." + chosenBy(s.Choice)
}

func overviewNotes(label string, s *Section) []string {
	var list []string
	for _, a := range s.Alerts {
		list = append(list, label+": "+a)
	}
	for _, u := range s.Unavailable {
		text := fmt.Sprintf("%s: %s could not be measured: %s", label, u.Variant, strings.TrimSuffix(u.Error, "."))
		if u.Hint != "" {
			text += " (" + u.Hint + ")"
		}
		list = append(list, text+".")
	}
	for _, t := range s.Metrics {
		if t.Metric == "total" && slices.ContainsFunc(t.Lines, func(l Line) bool { return l.Class == string(coldstart.ClassSuppressedInit) && l.N > 0 }) {
			list = append(list, label+": "+suppressedNote)
		}
	}
	return list
}

func appendOnce(list []string, v string) []string {
	if slices.Contains(list, v) {
		return list
	}
	return append(list, v)
}
