package render_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/render"
)

// seen is what a reader sees of a chart: what a place on an axis stands for, and
// the dots, lines and boxes in the colours of columns.
type seen struct {
	x, y  axis
	marks []seenMark
}

type seenMark struct {
	class, kind string
	x, y        []float64 // of a box its left and right
}

// axis maps pixels to values by the labels of its ticks.
type axis struct {
	at, value []float64
	log       bool
}

func (a axis) read(at float64) float64 {
	if n := len(a.at); n >= 2 {
		v0, v1 := a.value[0], a.value[n-1]
		share := (at - a.at[0]) / (a.at[n-1] - a.at[0])
		if a.log {
			return v0 * math.Pow(v1/v0, share)
		}
		return v0 + share*(v1-v0)
	}
	return math.NaN()
}

// near allows for a pixel.
func (a axis) near(at, want float64) bool {
	return math.Abs(a.read(at)-want) <= math.Abs(a.read(at+1)-a.read(at))+1e-9
}

// look reads a picture: its title, its description, all its texts and its charts.
func look(t *testing.T, svg []byte) (title, desc string, texts []string, charts []seen) {
	t.Helper()
	var c seen
	in, stack := xml.NewDecoder(bytes.NewReader(svg)), []xml.StartElement{}
	number := func(e xml.StartElement, name string) float64 {
		v, err := strconv.ParseFloat(attribute(e, name), 64)
		if err != nil {
			t.Fatalf("%s of %v: %v", name, e, err)
		}
		return v
	}
	for {
		token, err := in.Token()
		if err == io.EOF {
			return title, desc, texts, charts
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		switch e := token.(type) {
		case xml.StartElement:
			stack = append(stack, e)
			class := attribute(e, "class")
			switch {
			case e.Name.Local == "path" && class == "sa": // the axes come last
				charts, c = append(charts, c), seen{}
			case e.Name.Local == "path" && strings.HasPrefix(class, "sc"):
				c.marks = append(c.marks, pathOf(t, e))
			case e.Name.Local == "rect":
				x := number(e, "x")
				c.marks = append(c.marks, seenMark{class, "box", []float64{x, x + number(e, "width")}, nil})
			}
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if len(stack) == 0 {
				continue
			}
			text, of := string(e), stack[len(stack)-1]
			switch of.Name.Local {
			case "title":
				title = text
			case "desc":
				desc = text
			case "text":
				texts = append(texts, text)
				label, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSuffix(text, " %"), "+"), 64)
				switch {
				case attribute(of, "class") != "fm" || err != nil:
				case attribute(of, "text-anchor") == "middle":
					if len(c.x.at) == 0 {
						c.marks = nil // of the legend and the heading
					}
					c.x.at, c.x.value = append(c.x.at, number(of, "x")), append(c.x.value, label)
				case attribute(of, "text-anchor") == "end":
					c.y.at, c.y.value = append(c.y.at, number(of, "y")-4), append(c.y.value, label)
				}
			}
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// pathOf reads a path of M, L, H, V and h0: dots where it is all of the last.
func pathOf(t *testing.T, e xml.StartElement) seenMark {
	t.Helper()
	m := seenMark{class: attribute(e, "class"), kind: "line " + attribute(e, "stroke-width")}
	d := attribute(e, "d")
	if strings.Contains(d, "h0") {
		m.kind = "dots"
	}
	for _, step := range strings.FieldsFunc(strings.NewReplacer("M", "|M", "L", "|L", "H", "|H", "V", "|V", "h0", "").Replace(d), func(r rune) bool { return r == '|' }) {
		x, y := 0.0, 0.0
		if n := len(m.x); n > 0 {
			x, y = m.x[n-1], m.y[n-1]
		}
		var err error
		switch step[0] {
		case 'H':
			x, err = strconv.ParseFloat(step[1:], 64)
		case 'V':
			y, err = strconv.ParseFloat(step[1:], 64)
		default:
			_, err = fmt.Sscanf(step[1:], "%g %g", &x, &y)
		}
		if err != nil {
			t.Fatalf("path %q: %v", step, err)
		}
		m.x, m.y = append(m.x, x), append(m.y, y)
	}
	return m
}

// TestPicturesShowTheValues reads each picture as a person with a ruler would: dots,
// lines and boxes stand where the axes' labels say that the values of the report
// are.
func TestPicturesShowTheValues(t *testing.T) {
	drawn := map[string]int{}
	for name, inputs := range reports() {
		r := analysis.New(inputs)
		for i := range r.Sections {
			s := &r.Sections[i]
			for _, plot := range render.Plots() {
				var b bytes.Buffer
				if err := plot.Picture(&b, s); err != nil {
					t.Fatal(err)
				}
				title, desc, texts, charts := look(t, b.Bytes())
				if !plot.Of(s) {
					if len(charts) > 0 || !slices.Contains(texts, "There is nothing to draw.") {
						t.Errorf("%s: the %s of nothing says %q", name, plot.Name, texts)
					}
					continue
				}
				if title == "" || len(charts) == 0 {
					t.Fatalf("%s: %s has the title %q and %d charts", name, plot.Name, title, len(charts))
				}
				drawn[plot.Name]++
				check := map[string]func(*testing.T, *analysis.Section, []seen){"ecdf": ecdfShows, "order": orderShows, "phases": phasesShow, "memory": memoryShows, "deployment": deploymentShows}[plot.Name]
				heading := strings.Join(texts, "\n")
				for k := range charts {
					c := &charts[k]
					// A dozen values on one scale are log only where it says so.
					c.x.log = plot.Name == "memory" || plot.Name == "ecdf" && strings.Contains(heading, "ms, logarithmic")
					c.y.log = len(c.y.value) > 2 && c.y.value[0] > 0 && c.y.value[2]-c.y.value[1] > 1.5*(c.y.value[1]-c.y.value[0])
				}
				t.Run(name+"/"+plot.Name, func(t *testing.T) { check(t, s, charts) })
				for _, c := range s.Columns {
					if measured := lineAt(s, "total", "cold", c.Title).N > 0; measured && plot.Name != "memory" && !strings.Contains(desc, c.Title) {
						t.Errorf("%s: the %s's description lacks %s: %s", name, plot.Name, c.Title, desc)
					}
				}
			}
		}
	}
	for _, p := range render.Plots() {
		if drawn[p.Name] == 0 {
			t.Errorf("%s was never drawn", p.Name)
		}
	}
}

// lineAt is a line of the tables.
func lineAt(s *analysis.Section, metric, class, title string) analysis.Line {
	for _, m := range s.Metrics {
		for _, l := range m.Lines {
			if m.Metric == metric && l.Class == class && s.Columns[l.Column].Title == title {
				return l
			}
		}
	}
	return analysis.Line{}
}

// marksOf are the marks of a kind in the order in which they were drawn.
func marksOf(charts []seen, kind string) (list []seenMark, of []seen) {
	for _, c := range charts {
		for _, m := range c.marks {
			if strings.HasPrefix(m.kind, kind) {
				list, of = append(list, m), append(of, c)
			}
		}
	}
	return list, of
}

// shownOf are the series that a picture shows, with their values.
func shownOf(s *analysis.Section) (list []analysis.Series, values [][]float64, metric string) {
	class := "cold"
	if !slices.ContainsFunc(s.Series, func(x analysis.Series) bool { return x.Class == class }) {
		class = "warm"
	}
	metric = "billed"
	for _, x := range s.Series {
		if x.Class == class {
			list = append(list, x)
			different := map[float64]bool{}
			for _, v := range x.BilledMs {
				different[v] = true
			}
			if len(different) < 10 {
				metric = "total"
			}
		}
	}
	for _, x := range list {
		v := x.BilledMs
		if metric == "total" {
			v = x.TotalMs
		}
		values = append(values, v)
	}
	return list, values, metric
}

func ecdfShows(t *testing.T, s *analysis.Section, charts []seen) {
	list, values, metric := shownOf(s)
	lines, of := marksOf(charts, "line 2")
	dots, _ := marksOf(charts, "dots")
	if len(lines) != len(list) || len(dots) != len(list) {
		t.Fatalf("%d lines and %d medians of %d columns", len(lines), len(dots), len(list))
	}
	for k, l := range lines {
		// Panels are in the order of memory sizes: find the column by its median.
		c := of[k]
		i := slices.IndexFunc(list, func(x analysis.Series) bool {
			m := lineAt(s, metric, x.Class, s.Columns[x.Column].Title).Median.Value
			least, most := slices.Min(values[slices.IndexFunc(list, func(o analysis.Series) bool { return o.Column == x.Column })]), 0.0
			for _, v := range values[slices.IndexFunc(list, func(o analysis.Series) bool { return o.Column == x.Column })] {
				most = max(most, v)
			}
			return m != nil && c.x.near(dots[k].x[0], *m) && c.x.near(l.x[0], least) && c.x.near(l.x[len(l.x)-1], most)
		})
		if i < 0 {
			t.Errorf("a line from %.3g to %.3g ms with its median at %.3g ms is of no column", c.x.read(l.x[0]), c.x.read(l.x[len(l.x)-1]), c.x.read(dots[k].x[0]))
			continue
		}
		if !c.y.near(l.y[0], 0) || !c.y.near(l.y[len(l.y)-1], 100) || !slices.IsSorted(l.x) {
			t.Errorf("a line goes from %.3g to %.3g %%", c.y.read(l.y[0]), c.y.read(l.y[len(l.y)-1]))
		}
		for p := range l.x { // the share of values up to each end of a step
			if p+1 < len(l.x) && l.x[p+1] == l.x[p] {
				continue
			}
			n := 0
			for _, v := range values[i] {
				if v <= c.x.read(l.x[p]+0.06) {
					n++
				}
			}
			if share := 100 * float64(n) / float64(len(values[i])); p+1 < len(l.x) && l.y[p+1] == l.y[p] && math.Abs(share-c.y.read(l.y[p])) > 100.0/float64(len(values[i]))+1 {
				t.Errorf("at %.4g ms the line is at %.3g %%, of the values %.3g %% are", c.x.read(l.x[p]), c.y.read(l.y[p]), share)
			}
		}
	}
}

func orderShows(t *testing.T, s *analysis.Section, charts []seen) {
	list, values, metric := shownOf(s)
	if len(charts) != len(list) {
		t.Fatalf("%d strips of %d columns", len(charts), len(list))
	}
	for i, c := range charts {
		dots, _ := marksOf([]seen{c}, "dots")
		middle, _ := marksOf([]seen{c}, "line 1")
		if m := lineAt(s, metric, list[i].Class, s.Columns[list[i].Column].Title).Median.Value; len(middle) != 1 || m != nil && !c.y.near(middle[0].y[0], *m) {
			t.Errorf("strip %d has no median at %v", i, m)
		}
		n := 0
		for _, v := range values[i] {
			if !math.IsNaN(v) {
				n++
			}
		}
		if len(dots) != 1 || len(dots[0].x) > n || len(dots[0].x) < n*4/5 {
			t.Fatalf("strip %d: %d dots of %d values", i, len(dots[0].x), n)
		}
		for k := range dots[0].x {
			round := c.x.read(dots[0].x[k])
			if !slices.ContainsFunc(list[i].Rounds, func(r int32) bool { return c.x.near(dots[0].x[k], float64(r)) }) {
				t.Errorf("a dot at round %.3g", round)
			}
			if !slices.ContainsFunc(values[i], func(v float64) bool { return c.y.near(dots[0].y[k], v) }) {
				t.Errorf("a dot at %.4g ms, where no value is", c.y.read(dots[0].y[k]))
			}
		}
	}
}

func phasesShow(t *testing.T, s *analysis.Section, charts []seen) {
	var parts, all []float64
	for _, x := range s.Series {
		if x.Class != "cold" {
			continue
		}
		add := func(v *float64, to *[]float64) {
			if v != nil {
				*to = append(*to, *v)
			}
		}
		add(x.Phases.ProvisionMs, &all)
		for _, to := range []*[]float64{&parts, &all} {
			if x.Phases.PlatformMs != nil && *x.Phases.PlatformMs >= 0 && *x.Phases.ProcessMs >= 0 {
				add(x.Phases.PlatformMs, to)
				add(x.Phases.ProcessMs, to)
			} else {
				add(x.Phases.InitMs, to)
			}
			add(x.Phases.DurationMs, to)
		}
	}
	for i, want := range [][]float64{parts, all}[:len(charts)] {
		boxes, of := marksOf(charts[i:i+1], "box")
		if len(boxes) != len(want) {
			t.Fatalf("%d boxes for %d parts", len(boxes), len(want))
		}
		for k, b := range boxes {
			if x := of[k].x; math.Abs(x.read(b.x[1])-x.read(b.x[0])-want[k]) > 1.5*(x.read(1)-x.read(0)) {
				t.Errorf("chart %d: a box of %.3g ms, want %.3g", i, x.read(b.x[1])-x.read(b.x[0]), want[k])
			}
		}
	}
}

func memoryShows(t *testing.T, s *analysis.Section, charts []seen) {
	found := 0
	dots, of := marksOf(charts[:1], "dots")
	for k, d := range dots {
		for p := range d.x {
			for _, c := range s.Columns {
				m := lineAt(s, "total", "cold", c.Title).Median.Value
				if m != nil && of[k].y.near(d.y[p], *m) && math.Abs(of[k].x.read(d.x[p])-float64(c.MemoryMB)) < 0.02*float64(c.MemoryMB) {
					found++
				}
			}
		}
	}
	if found != len(s.Columns) {
		t.Errorf("%d dots stand for %d columns", found, len(s.Columns))
	}
}

func deploymentShows(t *testing.T, s *analysis.Section, charts []seen) {
	dots, of := marksOf(charts, "dots")
	if len(dots) != len(s.Curves) {
		t.Fatalf("%d lines of %d columns", len(dots), len(s.Curves))
	}
	for i, c := range s.Curves {
		for k, p := range c.Points {
			if at := of[i].x.read(dots[i].x[k]); math.Abs(at-float64(k+1)) > 0.1 || !of[i].y.near(dots[i].y[k], *p.Total.Value) {
				t.Errorf("column %d: dot %d at %.3g, %.4g ms, want %.4g ms", i, k, at, of[i].y.read(dots[i].y[k]), *p.Total.Value)
			}
		}
	}
}
