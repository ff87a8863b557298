package render

import (
	"slices"

	"coldbench/bench/internal/analysis"
)

// part is a heading of a page with what is below it.
type part struct {
	title, doc      string
	grids           []*grid
	warnings, notes []string
	// outputs are what functions wrote before they failed.
	outputs []analysis.Problem
	// plots name the pictures that markdown links to here.
	plots []string
}

// parts are what a page tells below its headline, in this order; those without
// a row are left out.
func parts(s *analysis.Section) []part {
	whole, notes := differences(s)
	list := []part{{title: curveTitle, doc: curveDoc, grids: []*grid{curveGrid(s)}, plots: []string{"deployment"}}}
	if c := s.Since; c != nil {
		list = append(list, part{title: "Since the previous run, " + c.Base, grids: []*grid{changeGrid(c), driftGrid(c)}, warnings: c.Warnings, notes: c.Notes})
	}
	list = append(list, part{title: "Differences", doc: differenceDoc, grids: []*grid{whole}, notes: notes})
	cost := part{title: "Cost", doc: costNote(s), grids: []*grid{costGrid(s)}}
	list = append(list, cost, part{title: "Images", grids: []*grid{imageGrid(s)}},
		part{title: "Failures and rejects", doc: problemsDoc, grids: []*grid{problemGrid(s)}, outputs: s.Problems})
	if len(s.Curves) == 0 {
		list = append(list, part{title: "First start after a deployment", doc: deployDoc, grids: []*grid{deployGrid(s)}})
	}
	for i := range s.Metrics {
		t := &s.Metrics[i]
		list = append(list, part{title: t.Title + ", " + t.Unit, doc: t.Doc, grids: []*grid{metricGrid(s, t)}, notes: t.Notes})
	}
	return slices.DeleteFunc(list, func(p part) bool {
		unknownCost := p.title == cost.title && p.doc != ""
		return !unknownCost && !slices.ContainsFunc(p.grids, func(g *grid) bool { return len(g.rows) > 0 })
	})
}

// What the tables of failures and of first starts hold.
const (
	problemsDoc = "None of these is a sample; a rejected start could not be proved to be what was asked for, and was tried again."
	deployDoc   = "The first cold start of an image that was new here, once each, beside the cold starts above and not among them."
)
