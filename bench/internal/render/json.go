package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"coldbench/bench/internal/analysis"
)

// JSON writes the report as one indented JSON document that ends in a newline.
// Its schema is the report's own, see analysis.Report: the names are stable,
// and the field "schema" grows when one changes its meaning.
func JSON(w io.Writer, r *analysis.Report) error { return indented(w, r) }

func indented(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("encoding JSON: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}
