package render

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
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
	head := []*grid{headlineGrid(s)}
	if len(s.Comparisons) > 0 {
		head = append(head, comparisonGrid(s))
	}
	facts := &grid{align: "ll", header: []string{"", ""}}
	for _, f := range s.Method {
		facts.add(f.Name, f.Value)
	}
	all := slices.Concat(
		[]part{{Grids: append(head, unavailableGrid(s)), Warnings: s.Warnings, Notes: s.Notes, Plots: []string{"ecdf", "order", "phases", "memory"}}},
		parts(s), []part{{Title: "How it was measured", Grids: []*grid{facts}}})
	for _, p := range all {
		if err := p.markdown(b); err != nil {
			return err
		}
		pictures(b, s, p.Plots)
	}
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
	return nil
}

// markdown writes the part below a heading of the third level, where it has one.
func (p part) markdown(b *bytes.Buffer) error {
	if p.Title != "" {
		fmt.Fprintf(b, "\n### %s\n", escape(p.Title))
	}
	if p.Doc != "" {
		fmt.Fprintf(b, "\n%s\n", escape(p.Doc))
	}
	for _, g := range p.Grids {
		if err := g.markdown(b); err != nil {
			return err
		}
	}
	for _, o := range p.Outputs {
		fmt.Fprintf(b, "\n%s\n\n", escape(outputTitle(o)))
		fenced(b, "text", o.Output)
	}
	if len(p.Warnings)+len(p.Notes) > 0 {
		b.WriteString("\n")
		list(b, "- **Warning:** ", p.Warnings)
		list(b, "- ", p.Notes)
	}
	return nil
}

func pictures(b *bytes.Buffer, s *analysis.Section, names []string) {
	for _, name := range names {
		if p, ok := PlotNamed(name); ok && s.Pictures != "" {
			if f := p.draw(s, wide); f != nil {
				fmt.Fprintf(b, "\n![%s](%s)\n", escape(f.title), p.File(s))
			}
		}
	}
}

func list(b *bytes.Buffer, mark string, texts []string) {
	for _, t := range texts {
		b.WriteString(mark + escape(t) + "\n")
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
	if regexp.MustCompile(`^[A-Za-z0-9._-]+$`).MatchString(name) {
		return "[" + code(name) + "](runs/" + name + ")"
	}
	return escape(name)
}

// span matches the code spans of our own sentences; others are escaped.
var span = regexp.MustCompile("`[A-Za-z0-9 =./:_'-]+`")

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

// literal writes s[from:to] with a backslash before what would be markup.
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

// printable replaces control characters, which could steer a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, s)
}
