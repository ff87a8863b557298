package render

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"coldbench/bench/internal/analysis"
)

// Markdown writes the report as GitHub reads it: of each run first the
// headline with its footnotes, then the details.
func Markdown(w io.Writer, r *analysis.Report) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n", escape(r.Title))
	for i := range r.Sections {
		if err := markdownSection(&b, &r.Sections[i]); err != nil {
			return err
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

func markdownSection(b *bytes.Buffer, s *analysis.Section) error {
	fmt.Fprintf(b, "\n## %s\n\n%s\n", escape(s.Heading), escape(s.Caption))
	for _, a := range s.Alerts {
		fmt.Fprintf(b, "\n> **%s**\n", escape(a))
	}
	grids := markdownGrids{b: b}
	grids.add(headlineGrid(s, escape))
	if len(s.Comparisons) > 0 {
		grids.add(comparisonGrid(s, escape))
	}
	grids.add(unavailableGrid(s, escape))
	b.WriteString("\n")
	list(b, "**Warning:** ", s.Warnings)
	list(b, "", s.Notes)

	if len(s.Images) > 0 {
		b.WriteString("\n### Images\n")
		grids.add(imageGrid(s, escape, code))
	}
	if len(s.Problems) > 0 {
		b.WriteString("\n### Failures and rejects\n\nNone of these is a sample; a rejected start could not be proved to be what was asked for, and was tried again.\n")
		grids.add(problemGrid(s, escape))
		outputs(b, s.Problems)
	}
	if len(s.Deploy) > 0 {
		b.WriteString("\n### First start after a deployment\n\nThe first cold start of an image that was new here, once each, beside the cold starts above and not among them.\n")
		grids.add(deployGrid(s, escape))
	}
	for i := range s.Metrics {
		t := &s.Metrics[i]
		fmt.Fprintf(b, "\n### %s, %s\n\n%s\n", escape(t.Title), t.Unit, escape(t.Doc))
		grids.add(metricGrid(s, t, escape))
		b.WriteString("\n")
		list(b, "", t.Notes)
	}
	b.WriteString("\n### How it was measured\n")
	facts := &grid{align: "ll", header: []string{"", ""}}
	for _, f := range s.Method {
		facts.add(escape(f.Name), escape(f.Value))
	}
	grids.add(facts)
	if s.File != "" {
		fmt.Fprintf(b, "\nEvery sample is in [`%s`](runs/%s).", strings.ReplaceAll(s.File, "`", "'"), urlPath(s.File))
		b.WriteString(" Measured again by:\n")
	} else {
		b.WriteString("\nMeasured again by:\n")
	}
	fmt.Fprintf(b, "\n```sh\n%s\n```\n", s.Command)
	return grids.err
}

// markdownGrids draws tables one after the other and keeps the first error.
type markdownGrids struct {
	b   *bytes.Buffer
	err error
}

func (m *markdownGrids) add(g *grid) {
	if m.err != nil || len(g.rows) == 0 {
		return
	}
	m.b.WriteString("\n")
	m.err = g.markdown(m.b)
}

func list(b *bytes.Buffer, mark string, texts []string) {
	for _, t := range texts {
		fmt.Fprintf(b, "- %s%s\n", mark, escape(t))
	}
}

// outputs shows the end of what failing functions wrote.
func outputs(b *bytes.Buffer, problems []analysis.Problem) {
	for _, p := range problems {
		if strings.TrimSpace(p.Output) == "" {
			continue
		}
		fence := "```"
		for strings.Contains(p.Output, fence) {
			fence += "`"
		}
		fmt.Fprintf(b, "\nThe end of what %s wrote before it failed (%s):\n\n%stext\n%s\n%s\n",
			escape(p.Column), escape(p.Reason), fence, printable(strings.TrimRight(p.Output, "\n")), fence)
	}
}

// escape keeps a text from being read as markdown or HTML, on one line. Spans
// in backticks are left as they are: our own sentences have them.
func escape(s string) string {
	s = printable(strings.Join(strings.Fields(s), " "))
	var b strings.Builder
	inCode := false
	ticks := strings.Count(s, "`")
	for i, r := range s {
		switch r {
		case '`':
			// An odd last one would open a span that never ends.
			if ticks--; !inCode && ticks == 0 {
				b.WriteByte('\\')
			} else {
				inCode = !inCode
			}
		case '|':
			b.WriteByte('\\') // even within a code span, says GitHub's table
		case '\\', '*', '[', ']', '<', '>', '~', '&':
			if !inCode {
				b.WriteByte('\\')
			}
		case '_':
			if !inCode && (i == 0 || i == len(s)-1 || s[i-1] == ' ' || s[i+1] == ' ') {
				b.WriteByte('\\')
			}
		case '#', '-', '+':
			if i == 0 && len(s) > 1 && s[1] == ' ' {
				b.WriteByte('\\')
			}
		}
		b.WriteRune(r)
	}
	return b.String()
}

// code marks a word that has no backtick in it.
func code(s string) string { return "`" + s + "`" }

// printable replaces control characters but newline and tab, so that nothing a
// function wrote steers a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, s)
}

// urlPath escapes the characters of a file name that end a link.
func urlPath(name string) string {
	return strings.NewReplacer("%", "%25", " ", "%20", "(", "%28", ")", "%29", "<", "%3C", ">", "%3E", "?", "%3F", "#", "%23").Replace(name)
}
