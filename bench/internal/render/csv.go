package render

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"

	"coldbench/bench/internal/analysis"
)

// csvHeader are the columns of CSV. The names are stable; a new one comes last.
var csvHeader = []string{
	"run", "backend", "engine", "variant", "memorySizeMB", "arch", "class", "metric", "unit",
	"n", "invocations", "missing", "min", "median", "medianLow", "medianHigh",
	"p90", "p90Low", "p90High", "p99", "p99Low", "p99High", "max", "mad",
	"position", "sessions", "bursts",
}

// CSV writes a row for each run, config, class and metric (RFC 4180, lines end in
// LF), and for each position after a deployment, from 0. A cell is empty if a value
// was not measured, or a quantile but the median has an open interval.
func CSV(w io.Writer, r *analysis.Report) error {
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	rows := [][]string{csvHeader}
	for i := range r.Sections {
		s := &r.Sections[i]
		for _, t := range s.Metrics {
			for _, l := range t.Lines {
				c := s.Columns[l.Column]
				row := []string{s.Run, s.Place, s.Engine, c.Variant, strconv.Itoa(c.MemoryMB), c.Arch, l.Class, t.Metric, t.Unit,
					strconv.Itoa(l.N), strconv.Itoa(l.Invocations), strconv.Itoa(l.Missing), exact(l.Min),
					exact(l.Median.Value), exact(l.Median.Low), exact(l.Median.High)}
				for _, e := range []analysis.Estimate{l.P90, l.P99} {
					if !e.Bounded() {
						e = analysis.Estimate{}
					}
					row = append(row, exact(e.Value), exact(e.Low), exact(e.High))
				}
				rows = append(rows, append(row, exact(l.Max), exact(l.MAD), "", some(l.Sessions), some(l.Bursts)))
			}
		}
		rows = append(rows, curveRows(s)...)
	}
	if err := out.WriteAll(rows); err != nil {
		return fmt.Errorf("writing csv: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// some prints a number of things; empty where there are none.
func some(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// exact prints a value to a millionth, so that 2.925 does not end in the digits of
// its binary form; empty where it is missing.
func exact(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(math.Round(*v*1e6)/1e6, 'f', -1, 64)
}
