package render

import (
	"bytes"
	"compress/gzip"
	_ "embed" // the page's template, style and script
	"encoding/base64"
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
func HTML(w io.Writer, r *analysis.Report) error { return page(w, r, nil) }

func page(w io.Writer, r *analysis.Report, files Files) error {
	p := pageData{Title: printable(r.Title), Alerts: disagreements(r), Style: template.CSS(pageStyle), Script: template.JS(pageScript)}
	left := mostRaw
	for i := range r.Sections {
		s := pageSectionOf(&r.Sections[i], "run"+strconv.Itoa(i+1))
		for _, run := range r.Sections[i].Runs() {
			if f, ok := files[run]; ok {
				raw, err := embed(f, &left)
				if err != nil {
					return err
				}
				s.Raw = append(s.Raw, raw)
			}
		}
		p.Sections = append(p.Sections, s)
	}
	// Parsed here and not before: most commands write no page.
	t, err := template.New("page").Funcs(template.FuncMap{"rich": rich, "printable": printable, "table": tableOf, "outputTitle": outputTitle}).Parse(pageTemplate)
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

type pageData struct {
	Title    string
	Alerts   []string
	Style    template.CSS
	Script   template.JS
	Sections []pageSection
}

type pageSection struct {
	*analysis.Section
	ID                    string
	Headline, Unavailable *grid
	Verdicts              []verdict
	Figures               []pageFigure
	Parts                 []part
	Raw                   []pageRaw
}

// pageFigure is a plot at two widths, of which the page shows one.
type pageFigure struct{ Wide, Narrow template.HTML }

type pageTable struct {
	Label    string
	Sortable bool
	Header   []pageCell
	Rows     [][]pageCell
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

func pageSectionOf(s *analysis.Section, id string) pageSection {
	p := pageSection{Section: s, ID: id, Headline: headlineGrid(s), Unavailable: unavailableGrid(s), Verdicts: sentences(s), Parts: parts(s)}
	if len(s.Comparisons) > 0 {
		p.Parts = append([]part{{Title: "Against the baseline", Grids: []*grid{comparisonGrid(s)}}}, p.Parts...)
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
	return p
}

// tableOf makes a page's table of a grid. The first column heads the rows, and the
// second one does where the first is a class.
func tableOf(label string, g *grid, sortable bool) pageTable {
	t := pageTable{Label: printable(label), Sortable: sortable && !g.fixed && len(g.rows) > 1}
	number := func(c int) bool { return g.kind(c) == 'r' }
	head := 0
	if len(g.header) > 1 && g.header[0] == "start" {
		head = 1
	}
	for c, h := range g.header {
		t.Header = append(t.Header, pageCell{Text: printable(h), Number: number(c)})
	}
	for _, r := range g.rows {
		var cells []pageCell
		for c, text := range r {
			if g.kind(c) == 'c' && text != unknown {
				text = code(text)
			}
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

func verdictOf(text string) string {
	for _, v := range []string{"faster", "slower"} {
		if strings.HasPrefix(text, v) {
			return v
		}
	}
	return ""
}

var leading = regexp.MustCompile(`^(?:< |[a-z ]+5 %: |[a-z]+: )?([+-]?[0-9]+(?:\.[0-9]+)?)(?: (kB|MB|GB)\b)?`)

// sortKey is the number that a cell begins with, after its verdict, or empty.
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

// rich makes HTML of a text, and code of what our own sentences have in backticks.
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

// mostRaw is the packed length of a run file, in bytes, above which it is not
// embedded: a page is to stay below 3 MB, base64 is a third more.
const mostRaw = 1_900_000

// pageRaw is a run file that the page holds, or a note of why it does not.
type pageRaw struct {
	Name, Size, Note string
	URL              template.URL
}

func embed(f RunFile, left *int) (pageRaw, error) {
	raw := pageRaw{Name: printable(f.Name), Size: bytesOf(&f.Size)}
	packed, err := pack(f, *left)
	if err != nil {
		return raw, fmt.Errorf("packing the run file: %w", err)
	}
	if packed == nil {
		raw.Note = fmt.Sprintf("Every sample is in runs/%s; at %s it is too large to be embedded here.", raw.Name, raw.Size)
		return raw, nil
	}
	*left -= len(packed)
	raw.URL = template.URL("data:application/gzip;base64," + base64.StdEncoding.EncodeToString(packed))
	return raw, nil
}

// pack compresses a run file; nil where it would take more than most bytes, which
// a file of any length shows after a few megabytes.
func pack(f RunFile, most int) ([]byte, error) {
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	for packed.Len() <= most {
		switch _, err := io.CopyN(z, in, 1<<20); err {
		case nil:
		case io.EOF:
			if err := z.Close(); err != nil || packed.Len() > most {
				return nil, err
			}
			return packed.Bytes(), nil
		default:
			return nil, err
		}
	}
	return nil, nil
}
