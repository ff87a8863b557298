package render

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	"coldbench/bench/internal/analysis"
)

// ComparisonText writes a comparison of two runs for a terminal.
func ComparisonText(w io.Writer, c *analysis.Comparison) error {
	var b bytes.Buffer
	b.WriteString(plain(comparisonTitle(c)) + "\n")
	for _, t := range c.Warnings {
		wrap(&b, "! ", plain("warning: "+t))
	}
	for _, g := range []*grid{changeGrid(c), driftGrid(c), changedGrid(c)} {
		if err := g.text(&b); err != nil {
			return err
		}
	}
	b.WriteString("\n")
	for _, n := range append(comparisonNotes(c), changedNotes(c)...) {
		wrap(&b, "- ", plain(n))
	}
	_, err := w.Write(b.Bytes())
	return err
}

func comparisonTitle(c *analysis.Comparison) string {
	if c.Interleaved {
		return c.New + " against the images of " + c.Base + ", both measured in it"
	}
	return c.New + " against " + c.Base
}

// comparisonNotes are the notes, and what settles the comparison.
func comparisonNotes(c *analysis.Comparison) []string {
	list := slices.Clone(c.Notes)
	if c.Settle != "" {
		list = append(list, "`"+c.Settle+"` measures the images of both runs in one, in turns, and settles it.")
	}
	return list
}

// ComparisonMarkdown writes a comparison of two runs as GitHub reads it.
func ComparisonMarkdown(w io.Writer, c *analysis.Comparison) error {
	b := bytes.NewBufferString("## " + escape(comparisonTitle(c)) + "\n")
	err := part{Grids: []*grid{changeGrid(c), driftGrid(c)}, Warnings: c.Warnings, Notes: comparisonNotes(c)}.markdown(b)
	if g := changedGrid(c); err == nil && len(g.rows) > 0 {
		err = part{Grids: []*grid{g}, Notes: changedNotes(c)}.markdown(b)
	}
	if err != nil {
		return err
	}
	_, err = w.Write(b.Bytes())
	return err
}

// ComparisonJSON writes an analysis.Comparison as one indented JSON document.
func ComparisonJSON(w io.Writer, c *analysis.Comparison) error { return indented(w, c) }

// changeGrid has a row for each config, class, metric and quantile.
func changeGrid(c *analysis.Comparison) *grid {
	g := &grid{align: "lllll", header: []string{"config", "image", "of", "at", "verdict", "was", "is", "change", "beyond drift"}}
	for _, d := range c.Lines {
		verdict := judged(d.Verdict, d.Within)
		if d.Needed > 0 {
			verdict += fmt.Sprintf(" (about %d would do)", d.Needed)
		}
		if d.Tripped {
			verdict += ", over the gate"
		}
		print := printer(d.Metric)
		beyond := unknown
		if d.Beyond != nil {
			beyond = percent(*d.Beyond)
		}
		g.add(d.Title, d.Image, d.Class+" "+d.Metric, analysis.QuantileName(d.Quantile), verdict,
			optional(d.Base.Value, print)+" "+d.Unit, optional(d.New.Value, print)+" "+d.Unit, percent(d.Ratio), beyond)
	}
	g.drop(8)
	return g
}

func driftGrid(c *analysis.Comparison) *grid {
	g := &grid{align: "ll", header: []string{"host's drift of", "at", "change of the control"}}
	for _, d := range c.Drift {
		g.add(d.Class+" "+d.Metric, analysis.QuantileName(d.Quantile), percent(d.Ratio))
	}
	return g
}

// changedGrid says what the values of changed images differ by as a whole.
func changedGrid(c *analysis.Comparison) *grid {
	g := &grid{align: "ll", header: []string{"config", "of", "shift (95 % interval)", "Cliff's delta", "p", "p by Holm"}}
	for _, d := range c.Lines {
		if d.Whole == nil || d.Image == "same" {
			continue
		}
		g.add(d.Title, d.Class+" "+d.Metric, estimate(d.Whole.ShiftMs, "", shift)+" "+d.Unit,
			deltaCell(d.Whole.Delta), probability(d.Whole.P), probability(d.Whole.PHolm))
	}
	return g
}

func changedNotes(c *analysis.Comparison) []string {
	if len(changedGrid(c).rows) == 0 {
		return nil
	}
	notes := []string{differenceNote}
	if !c.Interleaved {
		notes = append(notes, "The host's drift is in them: nothing is taken off.")
	}
	return notes
}

// percent prints a ratio as a change with its interval: +1.9 % (-0.4 to +4.0).
func percent(e analysis.Estimate) string {
	return estimate(e, " %", func(v float64) string { return signed(fixed(100*(v-1), 1)) })
}
