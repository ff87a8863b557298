// Package render writes an analysis.Report: as a terminal's table, as
// markdown, as a page, as plots, and as JSON, CSV and Go's benchmark format for
// other programs. It computes nothing and decides nothing but digits, and
// writes the same bytes for equal reports.
//
// It is opinionated about one thing: what is not known is a dash. A quantile
// whose interval has an open end is not known.
package render
