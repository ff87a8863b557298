package render_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/render"
)

// TestColoursAddNothingElse: without its colours the coloured text is the text.
func TestColoursAddNothingElse(t *testing.T) {
	painted := 0
	for name, inputs := range reports() {
		r := analysis.New(inputs)
		var text, coloured bytes.Buffer
		if err := render.Text(&text, r); err != nil {
			t.Fatal(err)
		}
		if err := render.Coloured(&coloured, r); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text.String(), "\x1b") {
			t.Errorf("%s: the plain text has colours", name)
		}
		painted += strings.Count(coloured.String(), "\x1b[31mslower") + strings.Count(coloured.String(), "\x1b[32mfaster")
		if got := regexp.MustCompile("\x1b\\[[0-9]+m").ReplaceAllString(coloured.String(), ""); got != text.String() {
			t.Errorf("%s: not the same text:\n%s", name, got)
		}
	}
	if painted == 0 {
		t.Error("no verdict has a colour")
	}
}
