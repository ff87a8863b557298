package render

import (
	"bytes"
	_ "embed" // the page's template, style and script
	"fmt"
	"html/template"
	"io"
	"regexp"
	"strconv"
	"strings"

	"coldbench/bench/internal/analysis"
)

//go:embed page/page.html
var pageTemplate string

//go:embed page/page.css
var pageStyle string

//go:embed page/page.js
var pageScript string

// HTML writes one page that holds everything: no other file, no network, and
// nothing that has to run in order to read it.
func HTML(w io.Writer, r *analysis.Report) error {
	p := page{Title: printable(r.Title), Alerts: disagreements(r), Style: template.CSS(pageStyle), Script: template.JS(pageScript)}
	left := mostRaw
	for i := range r.Sections {
		s, err := pageSectionOf(&r.Sections[i], "run"+strconv.Itoa(i+1), &left)
		if err != nil {
			return err
		}
		p.Sections = append(p.Sections, s)
	}
	// Parsed here and not before: most commands write no page.
	t, err := template.New("page").Funcs(template.FuncMap{"rich": rich}).Parse(pageTemplate)
	if err != nil {
		return fmt.Errorf("parsing the page: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return fmt.Errorf("making the page: %w", err)
	}
	_, err = w.Write(b.Bytes())
	return err
}

type page struct {
	Title    string
	Alerts   []string
	Style    template.CSS
	Script   template.JS
	Sections []pageSection
}

// pageSection is a run.
type pageSection struct {
	ID, Heading, Caption string
	Alerts               []string
	Headline             pageTable
	Verdicts             []verdict
	Unavailable          []pageTable
	Figures              []pageFigure
	Tables               []pagePart
	Warnings, Notes      []string
	Method               []analysis.Fact
	Command              string
	Raw                  []pageRaw
}

// pageFigure is a plot at two widths, of which the page shows one.
type pageFigure struct{ Wide, Narrow template.HTML }

// pagePart is a heading with tables below it.
type pagePart struct {
	ID, Title, Doc string
	Grids          []pageTable
	Outputs        []pageOutput
	Notes          []string
}

// pageOutput is what a function wrote.
type pageOutput struct{ Title, Text string }

// pageTable is a grid.
type pageTable struct {
	Label    string
	Sortable bool
	Header   []pageHead
	Rows     [][]pageCell
}

type pageHead struct {
	Text   string
	Number bool
}

type pageCell struct {
	Text         string
	Number, Head bool
	// Prose is a cell of words that may go over several lines.
	Prose bool
	// Key is the number that the cell is sorted by; empty for its text.
	Key     string
	Verdict string
}

func pageSectionOf(s *analysis.Section, id string, left *int) (pageSection, error) {
	p := pageSection{
		ID: id, Heading: printable(s.Heading), Caption: s.Caption, Alerts: s.Alerts,
		Headline: tableOf("Billed Duration", headlineGrid(s, asIs), false), Verdicts: sentences(s),
		Warnings: s.Warnings, Notes: s.Notes, Method: s.Method, Command: printable(s.Command),
	}
	if g := unavailableGrid(s, asIs); len(g.rows) > 0 {
		p.Unavailable = append(p.Unavailable, tableOf("Variants that were not measured", g, false))
	}
	for _, plot := range Plots() {
		picture := func(width float64, name string) template.HTML {
			var b bytes.Buffer
			if f := plot.draw(s, width); f != nil {
				f.svg(&b, width, id+"-"+plot.Name+"-"+name, 0)
			}
			return template.HTML(b.String()) // its texts are escaped, see xmlText
		}
		if f := (pageFigure{picture(wide, "wide"), picture(narrow, "narrow")}); f.Wide != "" {
			p.Figures = append(p.Figures, f)
		}
	}
	add := func(part pagePart, grids ...*grid) {
		for _, g := range grids {
			if len(g.rows) > 0 {
				part.Grids = append(part.Grids, tableOf(part.Title, g, !g.fixed))
			}
		}
		if len(part.Grids) > 0 || part.Doc != "" {
			part.ID = fmt.Sprintf("%s-%d", id, len(p.Tables)+1)
			p.Tables = append(p.Tables, part)
		}
	}
	if len(s.Comparisons) > 0 {
		add(pagePart{Title: "Against the baseline"}, comparisonGrid(s, asIs))
		if whole, notes := differences(s, asIs); len(whole.rows) > 0 {
			add(pagePart{Title: "Differences", Doc: differenceDoc, Notes: notes}, whole)
		}
	}
	if len(s.Curves) > 0 {
		add(pagePart{Title: curveTitle, Doc: curveDoc}, curveGrid(s, asIs))
	}
	if s.Since != nil {
		add(pagePart{Title: "Since the previous run, " + s.Since.Base, Notes: append(append([]string{}, s.Since.Warnings...), s.Since.Notes...)},
			changeGrid(s.Since, asIs), driftGrid(s.Since, asIs))
	}
	for i := range s.Metrics {
		t := &s.Metrics[i]
		if g := metricGrid(s, t, asIs); len(g.rows) > 0 {
			add(pagePart{Title: t.Title + ", " + t.Unit, Doc: t.Doc, Notes: t.Notes}, g)
		}
	}
	if note := costNote(s); note != "" {
		add(pagePart{Title: "Cost", Doc: note}, costGrid(s, asIs))
	}
	add(pagePart{Title: "Images"}, imageGrid(s, asIs, code))
	if len(s.Problems) > 0 {
		problems := pagePart{Title: "Failures and rejects", Doc: problemsDoc}
		for _, o := range s.Problems {
			if strings.TrimSpace(o.Output) != "" {
				problems.Outputs = append(problems.Outputs, pageOutput{
					Title: printable(fmt.Sprintf("The end of what %s wrote before it failed (%s):", o.Column, o.Reason)), Text: printable(strings.TrimRight(o.Output, "\n")),
				})
			}
		}
		add(problems, problemGrid(s, asIs))
	}
	if len(s.Deploy) > 0 && len(s.Curves) == 0 {
		add(pagePart{Title: "First start after a deployment", Doc: deployDoc}, deployGrid(s, asIs))
	}
	return p, p.embed(s, left)
}

func asIs(s string) string { return s }

// tableOf makes a page's table of a grid. The first column heads the rows, and the
// second one does where the first is a class.
func tableOf(label string, g *grid, sortable bool) pageTable {
	t := pageTable{Label: printable(label), Sortable: sortable && len(g.rows) > 1}
	number := func(c int) bool { return c >= len(g.align) || g.align[c] != 'l' }
	head := 0
	if len(g.header) > 1 && g.header[0] == "start" {
		head = 1
	}
	for c, h := range g.header {
		t.Header = append(t.Header, pageHead{Text: printable(h), Number: number(c)})
	}
	for _, r := range g.rows {
		var cells []pageCell
		for c, text := range r {
			cell := pageCell{Text: text, Number: number(c), Head: c == head}
			cell.Prose = !cell.Number && len(text) > proseFrom
			cell.Verdict = verdictOf(text)
			if cell.Number {
				cell.Key = sortKey(text)
			}
			cells = append(cells, cell)
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}

// proseFrom is the length in bytes above which a cell of text is prose: no name of
// a config or an image is as long, and no page as wide as what went wrong may be.
const proseFrom = 80

// verdictOf finds the word of a verdict at the beginning of a cell.
func verdictOf(text string) string {
	for _, v := range []string{"faster", "slower"} {
		if strings.HasPrefix(text, v) {
			return v
		}
	}
	return ""
}

var leading = regexp.MustCompile(`^(?:< |[a-z ]+5 %: |[a-z]+: )?([+-]?[0-9]+(?:\.[0-9]+)?)(?: (kB|MB|GB)\b)?`)

// sortKey is the number that a cell begins with, after its verdict, in its least
// unit; empty where there is none.
func sortKey(text string) string {
	m := leading.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return ""
	}
	switch m[2] {
	case "kB":
		v *= 1e3
	case "MB":
		v *= 1e6
	case "GB":
		v *= 1e9
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// moment is a date that a line must not end in.
var moment = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}(?: [0-9]{2}:[0-9]{2})?`)

// together keeps a line from ending before a sign or a unit.
var together = strings.NewReplacer("n = ", "n\u00a0=\u00a0", " %", "\u00a0%")

// rich makes HTML of a text: what our own sentences have in backticks is code,
// everything else is text.
func rich(s string) template.HTML {
	s = printable(strings.Join(strings.Fields(s), " "))
	s = together.Replace(s)
	var b strings.Builder
	at := 0
	plain := func(text string) {
		b.WriteString(moment.ReplaceAllString(template.HTMLEscapeString(text), `<span class="whole">$0</span>`))
	}
	for _, m := range span.FindAllStringIndex(s, -1) {
		plain(s[at:m[0]])
		b.WriteString("<code>" + template.HTMLEscapeString(s[m[0]+1:m[1]-1]) + "</code>")
		at = m[1]
	}
	plain(s[at:])
	return template.HTML(b.String())
}
