package render

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"coldbench/bench/internal/analysis"
)

func TestEscape(t *testing.T) {
	tests := []struct{ in, want string }{
		{"plain, text 5 %", "plain, text 5 %"},
		{"the class `first-warm` is", "the class `first-warm` is"},
		{"a|b", `a\|b`},
		{"`a|b`", "\\`a\\|b\\`"},
		{"``a`", "\\``a`"},
		{"<b>&amp;", `\<b\>\&amp;`},
		{"my_variant _x_", `my_variant \_x\_`},
		{"two\nlines\tand\x1b[31m", "two lines and\uFFFD\\[31m"},
		{"# no heading", `\# no heading`},
		{"- no list", `\- no list`},
		{"-", "-"},
		{"[x](javascript:y)", `\[x\](javascript:y)`},
	}
	for _, tt := range tests {
		if got := escape(tt.in); got != tt.want {
			t.Errorf("escape(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

// bare finds a character that markdown or HTML would act on.
var bare = regexp.MustCompile(`(^|[^\\])[|<>]`)

// TestForeignTextKeepsTheShape puts any text wherever a report has text and
// asks that tables keep their cells and nothing steers the terminal.
func TestForeignTextKeepsTheShape(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching("[`|<>\\\\\\[\\]\\n*_a ]{1,12}")).Draw(t, "text")
		r := &analysis.Report{Title: text, Sections: []analysis.Section{{
			Heading: text, Caption: text, Alerts: []string{text}, Notes: []string{text}, Warnings: []string{text}, File: text,
			Columns:     []analysis.Column{{Title: text}, {Title: "b"}},
			Headline:    []analysis.HeadlineRow{{Label: text, Unit: "ms", Cells: make([]analysis.Summary, 2)}},
			Unavailable: []analysis.Unavailable{{Variant: text, Error: text, Hint: text}},
			Problems:    []analysis.Problem{{Column: text, Reason: text, Example: text, Output: "x" + text}},
			Images:      []analysis.Image{{Title: text, Base: text, ImageID: "sha256:0123456789abcdef"}},
		}}}
		var md, txt bytes.Buffer
		if err := Markdown(&md, r); err != nil {
			t.Fatal(err)
		}
		if err := Text(&txt, r); err != nil {
			t.Fatal(err)
		}
		cells, fence := 0, ""
		for line := range strings.Lines(md.String()) {
			line = strings.TrimSuffix(line, "\n")
			if fence == "" && strings.HasPrefix(line, "```") {
				fence = strings.TrimRight(line, "texsh")
				continue
			}
			if fence != "" { // until it is closed, everything is code
				if line == fence {
					fence = ""
				}
				continue
			}
			if !strings.HasPrefix(line, "|") {
				cells = 0
				continue
			}
			n := strings.Count(strings.ReplaceAll(strings.ReplaceAll(line, `\\`, ""), `\|`, ""), "|")
			if cells != 0 && n != cells {
				t.Fatalf("a row of %d bars below one of %d: %q", n, cells, line)
			}
			cells = n
		}
		if fence != "" || !strings.Contains(md.String(), "### How it was measured") {
			t.Fatalf("a block of code is not closed: %q", md.String())
		}
		if e := escape(text); bare.MatchString(strings.ReplaceAll(e, `\\`, "")) {
			t.Fatalf("escape(%q) = %q", text, e)
		}
		for _, out := range []string{md.String(), txt.String()} {
			if i := strings.IndexFunc(out, func(r rune) bool { return r != '\n' && r != '\t' && unicode.IsControl(r) }); i >= 0 {
				t.Fatalf("a control character at %d of %q", i, out)
			}
		}
	})
}

func TestNumbers(t *testing.T) {
	tests := []struct {
		v             float64
		digits, whole string
	}{
		{0, "0.00", "0"}, {0.004, "0.00", "0"}, {0.62, "0.62", "0.6"}, {1.234, "1.23", "1.2"}, {9.99, "9.99", "10"},
		{9.996, "10.0", "10"}, {12.34, "12.3", "12.3"}, {99.94, "99.9", "99.9"}, {99.96, "100", "100"}, {1234.5, "1234", "1234.5"}, {4, "4.00", "4"}, {4.5, "4.50", "4.5"},
	}
	for _, tt := range tests {
		if got := digits(tt.v); got != tt.digits {
			t.Errorf("digits(%v) = %q, want %q", tt.v, got, tt.digits)
		}
		if got := whole(tt.v); got != tt.whole {
			t.Errorf("whole(%v) = %q, want %q", tt.v, got, tt.whole)
		}
	}
	sizes := []struct {
		n    int64
		want string
	}{{1, "1 B"}, {999, "999 B"}, {1000, "1.0 kB"}, {812_345, "812 kB"}, {999_499, "999 kB"}, {999_500, "1.0 MB"}, {6_123_456, "6.1 MB"}, {99_960_000, "100 MB"}, {1_234_000_000, "1.2 GB"}}
	for _, tt := range sizes {
		if got := bytesOf(&tt.n); got != tt.want {
			t.Errorf("bytesOf(%d) = %q, want %q", tt.n, got, tt.want)
		}
	}
	if bytesOf(nil) != unknown || optional(nil, digits) != unknown || short("") != unknown {
		t.Error("what is not known is not a dash")
	}
	if got := short("sha256:0123456789abcdef"); got != "0123456789ab" {
		t.Errorf("short: %q", got)
	}
}

func TestWords(t *testing.T) {
	var b bytes.Buffer
	wrap(&b, "- ", strings.Repeat("word ", 18)+"within 5 %; else (7 ms) end")
	for line := range strings.Lines(b.String()) {
		if strings.HasPrefix(strings.TrimSpace(line), "%") || strings.HasPrefix(strings.TrimSpace(line), "ms") {
			t.Errorf("a line starts with a unit: %q", line)
		}
	}
}
