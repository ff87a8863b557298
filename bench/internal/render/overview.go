package render

import (
	"bytes"
	"io"
	"slices"

	"coldbench/bench/internal/analysis"
)

// Summary writes the page of four rows, local and AWS, as GitHub reads it.
func Summary(w io.Writer, r *analysis.Report) error {
	o := r.Overview()
	var b bytes.Buffer
	b.WriteString("# Cold and warm starts, local and on AWS Lambda\n\nBilled Duration: the median, with its 95 % interval.\n\n")
	list(&b, "- ", o.Captions)
	for _, place := range o.Missing {
		list(&b, "- ", []string{missing[place]})
	}
	if err := (part{Grids: []*grid{overviewGrid(o)}, Notes: o.Notes}).markdown(&b); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// missing says of a place without a run what to type.
var missing = map[string]string{
	"local": "Local: not measured; `bench local` measures it.",
	"aws":   "AWS Lambda: not measured; `make deploy`, then `bench aws` measure it.",
}

// overviewGrid has a row for each place and start. A column says that its base is a
// stand-in if it is one at every place, else the cell does.
func overviewGrid(o analysis.Overview) *grid {
	g := &grid{align: "l", header: []string{""}}
	always := make([]bool, len(o.Columns))
	for i, title := range o.Columns {
		measured := func(c analysis.OverviewCell) bool { return c.Median.Value != nil }
		real := slices.ContainsFunc(o.Rows, func(r analysis.OverviewRow) bool { return measured(r.Cells[i]) && !r.Cells[i].StandIn })
		always[i] = !real && slices.ContainsFunc(o.Rows, func(r analysis.OverviewRow) bool { return r.Cells[i].StandIn })
		if always[i] {
			title += standIn
		}
		g.header = append(g.header, title)
	}
	for _, r := range o.Rows {
		label := r.Label
		if !r.Measured {
			label += " (`bench " + r.Place + "`)"
		}
		cells := []string{label}
		for i, c := range r.Cells {
			text := "not measured"
			if c.Median.Value != nil {
				text = estimate(c.Median, " "+r.Unit, whole)
				if c.StandIn && !always[i] {
					text += standIn
				}
			}
			cells = append(cells, text)
		}
		if len(r.Cells) == 0 {
			cells = append(cells, "not measured")
		}
		g.add(cells...)
	}
	if len(o.Columns) == 0 {
		g.header = append(g.header, "")
	}
	return g
}

const standIn = " (stand-in base)"
