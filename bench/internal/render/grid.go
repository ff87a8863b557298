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

// grid is a table before its words are escaped. align has a letter for each column:
// l for words, c for code, r for numbers, as columns beyond it are.
type grid struct {
	align  string
	header []string
	rows   [][]string
	// fixed is true where the rows have an order of their own.
	fixed bool
}

func (g *grid) add(cells ...string) { g.rows = append(g.rows, cells) }

func (g *grid) without(headings ...string) {
	g.cut(func(c int, _ bool) bool { return slices.Contains(headings, g.header[c]) })
}

// drop leaves out the columns from the first one on that hold only dashes.
func (g *grid) drop(first int) {
	g.cut(func(c int, empty bool) bool { return c >= first && empty })
}

func (g *grid) cut(out func(c int, empty bool) bool) {
	for c := len(g.header) - 1; c >= 0; c-- {
		if !out(c, !slices.ContainsFunc(g.rows, func(r []string) bool { return r[c] != unknown })) {
			continue
		}
		g.header = slices.Delete(g.header, c, c+1)
		for i, r := range g.rows {
			g.rows[i] = slices.Delete(r, c, c+1)
		}
		if c < len(g.align) {
			g.align = g.align[:c] + g.align[c+1:]
		}
	}
}

// markdown draws the table as GitHub reads it, below an empty line.
func (g *grid) markdown(b *bytes.Buffer) error {
	return g.draw(b, renderer.NewMarkdown(), func(kind byte, text string) string {
		switch {
		case kind == 'c' && text != unknown:
			return code(text)
		case kind == 'r':
			return text
		}
		return escape(text)
	})
}

// text draws the table for a terminal below an empty line.
func (g *grid) text(b *bytes.Buffer) error {
	var drawn bytes.Buffer
	err := g.draw(&drawn, renderer.NewBlueprint(tw.Rendition{
		Borders: tw.BorderNone,
		Symbols: tw.NewSymbolCustom("rule").WithRow("─").WithColumn(" ").WithCenter("─"),
		Settings: tw.Settings{
			Separators: tw.Separators{BetweenColumns: tw.Off, BetweenRows: tw.Off},
			Lines:      tw.Lines{ShowHeaderLine: tw.On},
		},
	}), func(_ byte, text string) string { return plain(text) })
	for line := range strings.Lines(drawn.String()) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return err
}

func (g *grid) kind(column int) byte {
	if column < len(g.align) {
		return g.align[column]
	}
	return 'r'
}

// draw draws the table below an empty line; nothing where it has no rows.
func (g *grid) draw(b *bytes.Buffer, r tw.Renderer, escaped func(kind byte, text string) string) error {
	if len(g.rows) == 0 {
		return nil
	}
	b.WriteString("\n")
	align := make(tw.Alignment, len(g.header))
	header := make([]string, len(g.header))
	for i, text := range g.header {
		align[i], header[i] = tw.AlignLeft, escaped('l', text)
		if g.kind(i) == 'r' {
			align[i] = tw.AlignRight
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
	t.Header(header)
	for _, row := range g.rows {
		cells := make([]string, len(row))
		for i, text := range row {
			cells[i] = escaped(g.kind(i), text)
		}
		if err := t.Append(cells); err != nil {
			return fmt.Errorf("drawing table: %w", err)
		}
	}
	if err := t.Render(); err != nil {
		return fmt.Errorf("drawing table: %w", err)
	}
	return nil
}
