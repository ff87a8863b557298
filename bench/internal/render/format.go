package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"coldbench/bench/internal/analysis"
)

// Format is a way of writing a report.
type Format struct {
	// Name is what --format calls it; Ext the extension of its files.
	Name, Ext string
	// Write writes the whole report or nothing. The error is the writer's.
	Write func(io.Writer, *analysis.Report) error
}

// Formats lists the formats, the default first.
func Formats() []Format {
	return []Format{
		{Name: "text", Ext: ".txt", Write: Text},
		{Name: "markdown", Ext: ".md", Write: Markdown},
		{Name: "summary", Ext: ".summary.md", Write: Summary},
		{Name: "json", Ext: ".json", Write: JSON},
		{Name: "html", Ext: ".html", Write: HTML},
		{Name: "csv", Ext: ".csv", Write: CSV},
		{Name: "benchstat", Ext: ".bench", Write: Benchstat},
		{Name: "svg", Ext: ".svg", Write: SVG},
	}
}

// Lookup finds a format by its name.
func Lookup(name string) (Format, bool) {
	for _, f := range Formats() {
		if f.Name == name {
			return f, true
		}
	}
	return Format{}, false
}

// Files are run files by the ID of their run.
type Files map[string]RunFile

// RunFile is a run's file, byte for byte.
type RunFile struct {
	// Name is that of the file without a folder, Size its length in bytes.
	Name string
	Size int64
	Open func() (io.ReadCloser, error)
}

// With returns the format with run files to embed, which only a page does.
func (f Format) With(files Files) Format {
	if f.Name == "html" {
		f.Write = func(w io.Writer, r *analysis.Report) error { return page(w, r, files) }
	}
	return f
}

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
