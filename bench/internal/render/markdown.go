package render

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"

	"coldbench/bench/internal/analysis"
)

// Markdown writes the report as GitHub reads it: of each run first the
// headline with its footnotes, then the details.
func Markdown(w io.Writer, r *analysis.Report) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s\n", escape(r.Title))
	for _, d := range disagreements(r) {
		fmt.Fprintf(&b, "\n> **%s**\n", escape(d))
	}
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
	pictures(b, s, "ecdf")
	b.WriteString("\n")
	list(b, "**Warning:** ", s.Warnings)
	list(b, "", s.Notes)

	if len(s.Curves) > 0 {
		b.WriteString("\n### " + curveTitle + "\n\n" + curveDoc + "\n")
		grids.add(curveGrid(s, escape))
		pictures(b, s, "deployment")
	}
	if s.Since != nil {
		fmt.Fprintf(b, "\n### Since the previous run, %s\n", escape(s.Since.Base))
		if err := comparisonMarkdown(b, s.Since); err != nil {
			return err
		}
	}
	pictures(b, s, "order", "phases", "memory")
	if whole, notes := differences(s, escape); len(whole.rows) > 0 {
		b.WriteString("\n### Differences\n\n" + differenceDoc + "\n")
		grids.add(whole)
		b.WriteString("\n")
		list(b, "", notes)
	}
	if note := costNote(s); note != "" {
		fmt.Fprintf(b, "\n### Cost\n\n%s\n", escape(note))
		grids.add(costGrid(s, escape))
	}
	if len(s.Images) > 0 {
		b.WriteString("\n### Images\n")
		grids.add(imageGrid(s, escape, code))
	}
	if len(s.Problems) > 0 {
		b.WriteString("\n### Failures and rejects\n\n" + problemsDoc + "\n")
		grids.add(problemGrid(s, escape))
		outputs(b, s.Problems)
	}
	if len(s.Deploy) > 0 && len(s.Curves) == 0 {
		b.WriteString("\n### First start after a deployment\n\n" + deployDoc + "\n")
		grids.add(deployGrid(s, escape))
	}
	for i := range s.Metrics {
		t := &s.Metrics[i]
		g := metricGrid(s, t, escape)
		if len(g.rows) == 0 {
			continue
		}
		fmt.Fprintf(b, "\n### %s, %s\n\n%s\n", escape(t.Title), t.Unit, escape(t.Doc))
		grids.add(g)
		if len(t.Notes) > 0 {
			b.WriteString("\n")
			list(b, "", t.Notes)
		}
	}
	b.WriteString("\n### How it was measured\n")
	facts := &grid{align: "ll", header: []string{"", ""}}
	for _, f := range s.Method {
		facts.add(escape(f.Name), escape(f.Value))
	}
	grids.add(facts)
	b.WriteString("\n")
	var links []string
	for _, name := range s.Files() {
		links = append(links, fileLink(name))
	}
	if len(links) > 0 {
		fmt.Fprintf(b, "Every sample is in %s. ", strings.Join(links, ", "))
	}
	b.WriteString("Measured again by:\n\n")
	fenced(b, "sh", s.Command)
	return grids.err
}

// What the tables of failures and of first starts hold.
const (
	problemsDoc = "None of these is a sample; a rejected start could not be proved to be what was asked for, and was tried again."
	deployDoc   = "The first cold start of an image that was new here, once each, beside the cold starts above and not among them."
)

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

// pictures links to the plots that lie beside the page.
func pictures(b *bytes.Buffer, s *analysis.Section, names ...string) {
	if s.Pictures == "" {
		return
	}
	for _, name := range names {
		p, ok := PlotNamed(name)
		if !ok {
			continue
		}
		if f := p.draw(s, wide); f != nil {
			fmt.Fprintf(b, "\n![%s](%s)\n", escape(f.title), p.File(s))
		}
	}
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
		fmt.Fprintf(b, "\nThe end of what %s wrote before it failed (%s):\n\n", escape(p.Column), escape(p.Reason))
		fenced(b, "text", strings.TrimRight(p.Output, "\n"))
	}
}

// fenced writes a block of code, fenced by more backticks than are in it.
func fenced(b *bytes.Buffer, language, text string) {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	fmt.Fprintf(b, "%s%s\n%s\n%s\n", fence, language, printable(text), fence)
}

// fileLink links to a run file as it lies beside results/*.md; a name that
// bench would not have given is not made a link.
func fileLink(name string) string {
	if name == "" {
		return ""
	}
	if regexp.MustCompile(`^[A-Za-z0-9._-]+$`).MatchString(name) {
		return "[" + code(name) + "](runs/" + name + ")"
	}
	return escape(name)
}

// span matches the code spans that our own sentences have. Everything else in
// backticks is foreign and is escaped.
var span = regexp.MustCompile("`[A-Za-z0-9 =./:_-]+`")

// escape keeps a text from being read as markdown or HTML, on one line.
func escape(s string) string {
	s = printable(strings.Join(strings.Fields(s), " "))
	var b strings.Builder
	at := 0
	for _, m := range span.FindAllStringIndex(s, -1) {
		literal(&b, s, at, m[0])
		b.WriteString(s[m[0]:m[1]])
		at = m[1]
	}
	literal(&b, s, at, len(s))
	return b.String()
}

// literal writes s[from:to] with a backslash before what would be markup
// there.
func literal(b *strings.Builder, s string, from, to int) {
	for i, r := range s[from:to] {
		i += from
		mark := false
		switch r {
		case '`', '|', '\\', '*', '[', ']', '<', '>', '~', '&':
			mark = true
		case '_': // not within a word
			mark = i == 0 || i == len(s)-1 || s[i-1] == ' ' || s[i+1] == ' '
		case '#', '-', '+': // a heading or a list
			mark = i == 0 && len(s) > 1 && (s[1] == ' ' || s[1] == '#')
		}
		if mark {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
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
