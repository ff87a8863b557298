package render

import (
	"fmt"
	"slices"
	"strings"

	"coldbench/bench/internal/analysis"
)

// part is a heading of a page with what is below it.
type part struct {
	Title, Doc      string
	Grids           []*grid
	Warnings, Notes []string
	// Outputs are what functions wrote before they failed.
	Outputs []analysis.Problem
	// Plots name the pictures that markdown links to here.
	Plots []string
}

// parts are what a page tells below its headline; those without a row are left out.
func parts(s *analysis.Section) []part {
	whole, notes := differences(s)
	list := []part{{Title: curveTitle, Doc: curveDoc, Grids: []*grid{curveGrid(s)}, Plots: []string{"deployment"}}}
	if c := s.Since; c != nil {
		list = append(list, part{Title: "Since the previous run, " + c.Base, Grids: []*grid{changeGrid(c), driftGrid(c)}, Warnings: c.Warnings, Notes: comparisonNotes(c)})
	}
	list = append(list, part{Title: "Differences", Doc: differenceDoc, Grids: []*grid{whole}, Notes: notes})
	cost := part{Title: "Cost", Doc: costNote(s), Grids: []*grid{costGrid(s)}}
	list = append(list, cost, part{Title: "Images", Grids: []*grid{imageGrid(s)}},
		part{Title: "Failures and rejects", Doc: problemsDoc, Grids: []*grid{problemGrid(s)}, Outputs: withOutput(s.Problems)})
	if len(s.Curves) == 0 {
		list = append(list, part{Title: "First start after a deployment", Doc: deployDoc, Grids: []*grid{deployGrid(s)}})
	}
	for i := range s.Metrics {
		t := &s.Metrics[i]
		list = append(list, part{Title: t.Title + ", " + t.Unit, Doc: t.Doc, Grids: []*grid{metricGrid(s, t)}, Notes: t.Notes})
	}
	return slices.DeleteFunc(list, func(p part) bool {
		unknownCost := p.Title == cost.Title && p.Doc != ""
		return !unknownCost && !slices.ContainsFunc(p.Grids, func(g *grid) bool { return len(g.rows) > 0 })
	})
}

// withOutput are the problems before which a function wrote something.
func withOutput(problems []analysis.Problem) []analysis.Problem {
	var list []analysis.Problem
	for _, p := range problems {
		if p.Output = strings.TrimRight(p.Output, "\n"); strings.TrimSpace(p.Output) != "" {
			list = append(list, p)
		}
	}
	return list
}

// outputTitle is said of the end of what a failing function wrote.
func outputTitle(p analysis.Problem) string {
	return fmt.Sprintf("The end of what %s wrote before it failed (%s):", p.Column, p.Reason)
}

// What the tables of failures and of first starts hold.
const (
	problemsDoc = "None of these is a sample; a rejected start could not be proved to be what was asked for, and was tried again."
	deployDoc   = "The first cold start of an image that was new here, once each, beside the cold starts above and not among them."
)
