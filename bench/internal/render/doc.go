// Package render writes an analysis.Report: as a terminal's table, as
// markdown, as a page, as plots, and as JSON, CSV and Go's benchmark format for
// other programs. It computes nothing and decides nothing but digits, and
// writes the same bytes for equal reports.
//
// What is unknown is a dash, as is a quantile whose interval has an open end.
package render
