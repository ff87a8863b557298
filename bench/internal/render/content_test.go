package render_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/render"
)

// must are the words that make a scenario what it is: in the text, the table and
// the page. The cells of a row follow one another.
var must = map[string][]string{
	"previous": {
		"Since the previous run, 20260303T050607Z-local-docker",
		"The image changed since the previous run (20260303T050607Z-local-docker): al2.",
		"debug is new: the base run does not have it.",
		"Control: scratch, with the same image in both; what it changed by is the host's drift",
		"scratch same cold total median control 2.95 ms 2.89 ms -1.9 % (-5.4 to +1.0)",
		"al2 changed cold total median unclear (about 165 would do) 4.38 ms 4.26 ms -2.5 % (-8.6 to +4.9) -0.7 % (-7.5 to +7.8)",
		"al2 changed warm total p90 unclear (about 81 would do) 0.79 ms 0.81 ms +3.8 % (-8.9 to +16.5) +11.6 % (-4.7 to +25.9)",
		"cold total p90 +1.2 % (-2.0 to +10.4)",
	},
	"unavailable": {
		"Local, sandbox engine", "al2", "pulling public.ecr.aws/lambda/provided:al2: no answer within 20 s", "make offline-base AL2_BASE=coldbench/al2",
		"pulling public.ecr.aws/lambda/provided:al2023: no answer within 20 s",
		"DOCKER_HOST is set but no daemon answers there: using the sandbox engine",
		"CPU: not limited: no cgroup may be made here.",
	},
	"stand-in": {
		"scratch al2 (stand-in base)", "Stand-in base: the image's base is not available",
		"cold al2 (stand-in base) 4.24 ms (3.72 to 4.63) slower: 1.41 × (1.26 to 1.56)",
	},
	"interrupted": {
		"the median of 8 cold starts and 32 warm invocations (of 8 execution environments)",
		"This run was interrupted: what is below is what it had measured by then.", "al2: leftover container removed",
	},
	"cut": {
		"This run did not end: what is below is what it had measured by then.",
		"line 40: cut off after 17 bytes: dropped", "no end record: the run was cut off", "cold al2 4.40 ms unclear",
	},
	"nothing": {
		"scratch could not be measured: 3 attempts failed.", "Local, cold start - Local, warm start -", "A dash: not measured.",
		"no /next within 10 s", "the median of 0 cold starts",
	},
	"n1": {
		"the median of 1 cold start for each column", "Local, cold start 3 ms 5 ms Local, warm start - -", "cold al2 4.40 ms unclear",
		"Without brackets: too few execution environments for a 95 % interval of the median; 6 would do.",
		"--warm-runs 2 and more fill the row.",
	},
	"n5": {
		"Local, cold start 3 ms 5 ms Local, warm start 1 ms 1 ms", "cold al2 4.40 ms unclear", "+1.50 (+1.27 to +2.61) +1.00 (large)",
		"too few execution environments for a 95 % interval",
	},
	"cold-only": {
		"the median of 400 cold starts for each column",
		"cold al2 4.30 ms (4.23 to 4.35) slower: 1.45 × (1.43 to 1.48) 5.09 ms slower: 1.54 × (1.51 to 1.58)",
	},
	"warm-only": {
		"the median of 160 warm invocations (of 40 execution environments) for each column",
		"warm al2 0.64 ms (0.59 to 0.69) slower: 1.09 × (1.01 to 1.20) 0.79 ms slower: 1.11 × (1.03 to 1.22)",
	},
	"odd": {
		"scratch has 19 of the 20 cold starts asked for.",
		`1 cold start forced by "burst", not by the run's own strategy "new-container", left out.`,
		"in 1 sample: seq 1 of scratch: 99 ms for parts that come to 4.",
	},
}

// detailed are the words that a terminal has no room for.
var detailed = map[string][]string{
	"unavailable": {"Engine sandbox ", "CPU limit not limited: no cgroup may be made here"},
	"cut":         {"Ended not recorded"},
	"nothing":     {"scratch failure init 3 no /next within 10 s", "having given up", "Samples 0, 0 rejects, 3 failures"},
	"n1":          {"Too few environments to know each quantile: an interval with two ends takes 6 for a median, 36 for p90, 368 for p99."},
	"cold-only":   {"cold scratch 400 400 2.30 2.96 2.94 to 3.00 3.30 (3.24 to 3.34) 3.64 (3.48 to 3.92) 3.92", "--cold"},
	"warm-only":   {"--warm-runs 5 --warm "},
	"odd": {
		"Not measured, so not counted: 1 of scratch (cold).",
		"Other programs 31.4 % of the CPUs' time in 1.6 s in which bench only waited", "Stolen by the hypervisor 0.2 % of the CPU time",
	},
}

// inWords are sentences that the table leaves out.
var inWords = map[string][]string{
	"stand-in": {"al2 (stand-in base): duration of a warm invocation: unclear whether it differs from scratch's, about 209 cold starts of each would probably tell (0.996 times; 95 %: 0.890 to 1.189; n = 20 and 20)"},
	"n1":       {"unclear whether it differs from scratch's (1.47 times; n = 1 and 1)"},
}

// summarized are the words of the summary.
var summarized = map[string][]string{
	"previous":    {"50 cold starts and 200 warm invocations of 50 environments for each column", "Local cold 3 ms (3 to 3) 5 ms (4 to 5) 31 ms (28 to 34)", "AWS Lambda cold (bench aws) not measured", "AWS Lambda: not measured; make deploy, then bench aws measure it."},
	"redeploy":    {"Local: not measured; bench local measures it.", "Local warm (bench local) not measured"},
	"unavailable": {"Local: al2 could not be measured: pulling public.ecr.aws/lambda/provided:al2: no answer within 20 s (make offline-base AL2_BASE=coldbench/al2)."},
	"stand-in":    {"scratch al2 (stand-in base)", "stand-in bases: al2 on public.ecr.aws/lambda/provided:al2."},
	"interrupted": {"Local: This run was interrupted"},
	"cut":         {"Local: This run did not end", "Local cold 3 ms 5 ms", "Without brackets"},
	"nothing":     {"Local cold not measured", "Local: scratch could not be measured: 3 attempts failed."},
	"n1":          {"1 cold start and 0 warm invocations of 0 environments", "Local cold 3 ms 5 ms Local warm not measured not measured"},
	"cold-only":   {"Local cold 3 ms (3 to 3) 5 ms (5 to 5)", "Local warm (bench local) not measured"},
	"warm-only":   {"Local cold (bench local) not measured", "Local warm 1 ms (1 to 1) 1 ms (1 to 1)"},
	"two-engines": {"Local: sandbox engine, 2026-03-04 06:06 UTC"},
}

// mustNot are words that a scenario has no reason for.
var mustNot = map[string][]string{
	"normal":    {"could not be measured", "did not end", "Stand-in", "Since the previous run", "Without brackets"},
	"cold-only": {"Local, warm start", "first-warm", "warm scratch"},
	"warm-only": {"cold start for", "Local, cold start", "cold scratch"},
	"n1":        {"p90 (interval)", "(3 to"},
	"odd":       {"faster and slower", "against"},
	"nothing":   {"faster and slower", "Differences"},
}

func TestScenariosSay(t *testing.T) {
	all := reports()
	for name, inputs := range all {
		if must[name] == nil && !slices.Contains(eight, name) {
			t.Errorf("%s has no golden file and nothing that it must say", name)
		}
		r := analysis.New(inputs)
		for _, format := range []string{"text", "markdown", "html"} {
			want := must[name]
			if format != "text" {
				want = append(slices.Clone(want), detailed[name]...)
			}
			if format != "markdown" {
				want = append(slices.Clone(want), inWords[name]...)
			}
			says(t, name, format, r, want, mustNot[name])
		}
		says(t, name, "summary", r, summarized[name], nil)
	}
	for _, list := range []map[string][]string{must, detailed, inWords, summarized, mustNot} {
		for name := range list {
			if all[name] == nil {
				t.Errorf("there is no report %q", name)
			}
		}
	}
}

func says(t *testing.T, name, format string, r *analysis.Report, want, not []string) {
	t.Helper()
	text := words(t, format, written(t, format, r))
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%s as %s does not say %q:\n%s", name, format, w, text)
		}
	}
	for _, w := range not {
		if strings.Contains(text, w) {
			t.Errorf("%s as %s says %q", name, format, w)
		}
	}
}

// words are those of a page or a table without its markup.
func words(t *testing.T, format string, written []byte) string {
	t.Helper()
	text := string(written)
	if format == "html" {
		text = textOf(parsed(t, written), "style", "script", "svg")
	} else {
		text = unmarked(text)
	}
	return strings.Join(strings.Fields(text), " ")
}

// unmarked is markdown without escapes, code spans, bars and the rules of tables.
func unmarked(text string) string {
	text = regexp.MustCompile(`(?m)^\|[-:| ]+\|$`).ReplaceAllString(text, "")
	text = regexp.MustCompile("(^|[^\\\\])[`|]").ReplaceAllString(text, "$1 ")
	text = strings.ReplaceAll(text, "  ", " ")
	text = regexp.MustCompile(`\\([^\w\s])`).ReplaceAllString(text, "$1")
	return regexp.MustCompile(`(?m)^(- |! |> \*\*|\*\*Warning:\*\* )`).ReplaceAllString(regexp.MustCompile(` ([;,.:)])`).ReplaceAllString(regexp.MustCompile(`\( `).ReplaceAllString(text, "("), "$1"), "")
}

func parsed(t *testing.T, page []byte) *html.Node {
	t.Helper()
	n, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// textOf is the text below a node, of cells with spaces between them, but for
// some elements.
func textOf(n *html.Node, without ...string) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type != html.TextNode {
			if slices.Contains([]string{"td", "th", "dd", "dt", "li", "p", "h2", "h3", "tr", "table", "pre"}, d.Data) {
				b.WriteByte(' ')
			}
			continue
		}
		inside := false
		for a := range d.Ancestors() {
			inside = inside || slices.Contains(without, a.Data)
		}
		if !inside {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// elements are those of a name below a node, in order.
func elements(n *html.Node, name string) []*html.Node {
	var list []*html.Node
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && d.Data == name {
			list = append(list, d)
		}
	}
	return list
}

// TestPageHoldsTheTables: what markdown has in tables, the page has in tables, cell
// by cell, and every sentence of the report once or more.
func TestPageHoldsTheTables(t *testing.T) {
	tables := 0
	for name, inputs := range reports() {
		r := analysis.New(inputs)
		page := parsed(t, written(t, "html", r))
		var rows []string
		for _, tr := range elements(page, "tr") {
			var cells []string
			for c := range tr.ChildNodes() {
				cells = append(cells, textOf(c))
			}
			rows = append(rows, strings.Join(strings.Fields(strings.Join(cells, " | ")), " "))
		}
		for _, div := range elements(page, "div") {
			if dt, dd := elements(div, "dt"), elements(div, "dd"); len(dt) == 1 && len(dd) == 1 {
				rows = append(rows, textOf(dt[0])+" | "+textOf(dd[0]))
			}
		}
		for line := range strings.Lines(string(written(t, "markdown", r))) {
			line = strings.TrimSpace(line)
			if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|:") || strings.Trim(line, "| ") == "" {
				continue
			}
			tables++
			var cells []string
			for _, c := range regexp.MustCompile(`[^\\]\|`).Split(strings.TrimSuffix(line, "|")[1:]+" ", -1) {
				c = strings.Trim(strings.TrimSpace(c), "`")
				cells = append(cells, regexp.MustCompile(`\\([^\w\s])`).ReplaceAllString(c, "$1"))
			}
			if want := strings.Join(strings.Fields(strings.Join(cells, " | ")), " "); !slices.Contains(rows, want) {
				t.Errorf("%s: the page has no row %q", name, want)
			}
		}
		var headings []string
		for _, h := range elements(page, "h3") {
			headings = append(headings, textOf(h))
		}
		text := textOf(page, "style", "script", "svg")
		for i := range r.Sections {
			s := &r.Sections[i]
			sentences := slices.Concat(s.Alerts, s.Warnings, s.Notes, []string{s.Heading, s.Caption, s.Command})
			for _, m := range s.Metrics {
				if slices.Contains(headings, m.Title+", "+m.Unit) { // not every table has lines of its own
					sentences = append(append(sentences, m.Doc), m.Notes...)
				}
			}
			for _, want := range sentences {
				if want = strings.Join(strings.Fields(strings.ReplaceAll(want, "`", "")), " "); !strings.Contains(text, want) {
					t.Errorf("%s: the page does not say %q", name, want)
				}
			}
		}
	}
	if tables < 1000 {
		t.Errorf("compared %d rows", tables)
	}
}

const fieldsFile = "json-fields.txt"

// TestJSONFields: the names of the fields are stable, numbers are those of the
// report, and a program can read all of it back.
func TestJSONFields(t *testing.T) {
	fields := map[string]bool{}
	for name, inputs := range reports() {
		r := analysis.New(inputs)
		first := written(t, "json", r)
		in := json.NewDecoder(bytes.NewReader(first))
		in.DisallowUnknownFields()
		var back analysis.Report
		if err := in.Decode(&back); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if again := written(t, "json", &back); !bytes.Equal(first, again) {
			t.Errorf("%s: read back, it is\n%s\nnot\n%s", name, again, first)
		}
		var tree any
		if err := json.Unmarshal(first, &tree); err != nil {
			t.Fatal(err)
		}
		walk("", tree, fields)
	}
	compareFile(t, filepath.Join("testdata", fieldsFile), []byte(strings.Join(slices.Sorted(maps.Keys(fields)), "\n")+"\n"))
}

// walk collects the paths of a document with the kinds of their values.
func walk(path string, v any, fields map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			walk(path+"."+name, value, fields)
		}
	case []any:
		for _, value := range v {
			walk(path+"[]", value, fields)
		}
	case nil:
	default:
		fields[fmt.Sprintf("%s %T", path, v)] = true
	}
}

// TestCSVHoldsTheTables: each line of each table is a row with its numbers.
func TestCSVHoldsTheTables(t *testing.T) {
	const header = "run,backend,engine,variant,memorySizeMB,arch,class,metric,unit,n,invocations,missing,min,median,medianLow,medianHigh,p90,p90Low,p90High,p99,p99Low,p99High,max,mad,position,sessions,bursts"
	for name, inputs := range reports() {
		r := analysis.New(inputs)
		rows, err := csv.NewReader(bytes.NewReader(written(t, "csv", r))).ReadAll()
		if err != nil || strings.Join(rows[0], ",") != header {
			t.Fatalf("%s: %v, columns %v", name, err, rows[0])
		}
		rows = rows[1:]
		next := func() map[string]string {
			if len(rows) == 0 {
				t.Fatalf("%s: too few rows", name)
			}
			row := map[string]string{}
			for i, column := range strings.Split(header, ",") {
				row[column] = rows[0][i]
			}
			rows = rows[1:]
			return row
		}
		check := func(row map[string]string, want map[string]any) {
			for column, w := range want {
				text, missing := fmt.Sprint(w), false
				if v, ok := w.(*float64); ok {
					if missing = v == nil; !missing {
						got, err := strconv.ParseFloat(row[column], 64)
						if err != nil || math.Abs(got-*v) > 1e-6 {
							t.Errorf("%s: %s is %q, want %v", name, column, row[column], *v)
						}
						continue
					}
				}
				if missing || w == 0 && column != "n" && column != "invocations" && column != "missing" {
					text = ""
				}
				if row[column] != text {
					t.Errorf("%s: %s is %q, want %q", name, column, row[column], text)
				}
			}
		}
		for i := range r.Sections {
			s := &r.Sections[i]
			for _, m := range s.Metrics {
				for _, l := range m.Lines {
					c := s.Columns[l.Column]
					want := map[string]any{
						"run": s.Run, "backend": s.Place, "engine": s.Engine, "variant": c.Variant, "memorySizeMB": c.MemoryMB, "arch": c.Arch,
						"class": l.Class, "metric": m.Metric, "unit": m.Unit, "n": l.N, "invocations": l.Invocations, "missing": l.Missing,
						"min": l.Min, "max": l.Max, "mad": l.MAD, "median": l.Median.Value, "medianLow": l.Median.Low, "medianHigh": l.Median.High,
						"position": "", "sessions": l.Sessions, "bursts": l.Bursts,
					}
					for q, e := range map[string]analysis.Estimate{"p90": l.P90, "p99": l.P99} {
						if !e.Bounded() { // not known
							e = analysis.Estimate{}
						}
						want[q], want[q+"Low"], want[q+"High"] = e.Value, e.Low, e.High
					}
					check(next(), want)
				}
			}
			for _, c := range s.Curves {
				for _, p := range c.Points {
					class, position := "cold", strconv.Itoa(p.From)
					if p.From == 0 {
						class = "first-after-deploy"
					}
					check(next(), map[string]any{"variant": s.Columns[c.Column].Variant, "class": class, "metric": "total", "position": position, "n": p.N,
						"median": p.Total.Value, "medianLow": p.Total.Low, "medianHigh": p.Total.High})
				}
			}
		}
		if len(rows) != 0 {
			t.Errorf("%s: %d rows more than the tables have", name, len(rows))
		}
	}
}

// TestSettleIsSaid: what settles a comparison is in each format, as a command.
func TestSettleIsSaid(t *testing.T) {
	c := &analysis.Comparison{Base: "b", New: "n", Notes: []string{"a note"}, Settle: "bench local --against 'it is'"}
	r := &analysis.Report{Sections: []analysis.Section{{Since: c}}}
	c.Lines = []analysis.Row{{Title: "al2", Metric: "total", Unit: "ms"}}
	var text, markdown, data bytes.Buffer
	if err := errors.Join(render.ComparisonText(&text, c), render.ComparisonMarkdown(&markdown, c), render.ComparisonJSON(&data, c)); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]string{
		"text": text.String(), "markdown": unmarked(markdown.String()), "report": string(written(t, "text", r)),
		"report's markdown": unmarked(string(written(t, "markdown", r))), "page": words(t, "html", written(t, "html", r)),
	} {
		if want := c.Settle + " measures the images of both runs in one, in turns, and settles it."; !strings.Contains(strings.Join(strings.Fields(got), " "), want) {
			t.Errorf("%s does not say %q:\n%s", name, want, got)
		}
	}
	if !strings.Contains(data.String(), `"settle": "bench local --against 'it is'"`) {
		t.Errorf("JSON %s", data.String())
	}
}
