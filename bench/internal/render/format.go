package render

import (
	"io"

	"coldbench/bench/internal/analysis"
)

// Format is a way of writing a report.
type Format struct {
	// Name is what --format calls it; Ext the extension of its files, with
	// the dot.
	Name, Ext string
	// Write writes the whole report with a single call of Write, or nothing.
	// The error is the writer's.
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
