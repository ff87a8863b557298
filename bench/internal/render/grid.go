package render

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// grid is a table before it is drawn. align has an l or r for each column:
// words are aligned left, numbers right. Columns beyond it are numbers.
type grid struct {
	align  string
	header []string
	rows   [][]string
	// fixed is true where the rows have an order of their own.
	fixed bool
}

func (g *grid) add(cells ...string) { g.rows = append(g.rows, cells) }

// without leaves out the columns with these headings.
func (g *grid) without(headings ...string) {
	for c := len(g.header) - 1; c >= 0; c-- {
		if slices.Contains(headings, g.header[c]) {
			g.cut(c)
		}
	}
}

// cut leaves out a column.
func (g *grid) cut(c int) {
	g.header = slices.Delete(g.header, c, c+1)
	for i, r := range g.rows {
		g.rows[i] = slices.Delete(r, c, c+1)
	}
	if c < len(g.align) {
		g.align = g.align[:c] + g.align[c+1:]
	}
}

// drop leaves out the columns from the first one on that hold a dash in every
// row; it is for facts that a run may lack altogether. Where headings are given,
// it leaves out these alone.
func (g *grid) drop(first int, headings ...string) {
	for c := len(g.header) - 1; c >= first; c-- {
		empty := len(headings) == 0 || slices.Contains(headings, g.header[c])
		for _, r := range g.rows {
			empty = empty && r[c] == unknown
		}
		if empty {
			g.cut(c)
		}
	}
}

// markdown draws the table as GitHub reads it. Cells have to be escaped.
func (g *grid) markdown(b *bytes.Buffer) error {
	return g.draw(b, renderer.NewMarkdown())
}

// text draws the table for a terminal, a rule below its header and nothing
// else.
func (g *grid) text(b *bytes.Buffer) error {
	var drawn bytes.Buffer
	err := g.draw(&drawn, renderer.NewBlueprint(tw.Rendition{
		Borders: tw.BorderNone,
		Symbols: tw.NewSymbolCustom("rule").WithRow("─").WithColumn(" ").WithCenter("─"),
		Settings: tw.Settings{
			Separators: tw.Separators{BetweenColumns: tw.Off, BetweenRows: tw.Off},
			Lines:      tw.Lines{ShowHeaderLine: tw.On},
		},
	}))
	if err != nil {
		return err
	}
	for line := range strings.Lines(drawn.String()) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return nil
}

func (g *grid) draw(b *bytes.Buffer, r tw.Renderer) error {
	align := make(tw.Alignment, len(g.header))
	for i := range align {
		align[i] = tw.AlignRight
		if i < len(g.align) && g.align[i] == 'l' {
			align[i] = tw.AlignLeft
		}
	}
	t := tablewriter.NewTable(b,
		tablewriter.WithRenderer(r),
		tablewriter.WithHeaderAutoFormat(tw.Off), // it turns al2 into AL 2
		tablewriter.WithRowAutoFormat(tw.Off),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithTrimSpace(tw.Off),
		tablewriter.WithHeaderAlignmentConfig(tw.CellAlignment{PerColumn: align}),
		tablewriter.WithRowAlignmentConfig(tw.CellAlignment{PerColumn: align}),
	)
	t.Header(g.header)
	for _, row := range g.rows {
		if err := t.Append(row); err != nil {
			return fmt.Errorf("drawing table: %w", err)
		}
	}
	if err := t.Render(); err != nil {
		return fmt.Errorf("drawing table: %w", err)
	}
	return nil
}
