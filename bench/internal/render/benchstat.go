package render

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"net/url"
	"slices"
	"strconv"

	"coldbench/bench/internal/analysis"
)

// benchUnits are the values of a line, and what turns them into their unit.
var benchUnits = []struct {
	unit   string
	factor float64
	of     func(analysis.Series) []float64
}{
	{"total-ns", 1e6, func(s analysis.Series) []float64 { return s.TotalMs }},
	{"init-ns", 1e6, func(s analysis.Series) []float64 { return s.InitMs }},
	{"duration-ns", 1e6, func(s analysis.Series) []float64 { return s.DurationMs }},
	{"billed-ns", 1e6, func(s analysis.Series) []float64 { return s.BilledMs }},
	{"provision-ns", 1e6, func(s analysis.Series) []float64 { return s.ProvisionMs }},
	{"max-memory-bytes", 1 << 20, func(s analysis.Series) []float64 { return s.MaxMemoryMB }},
}

var benchNames = map[string]string{
	"cold": "ColdStart", "first-after-deploy": "ColdStartFirstAfterDeploy", "suppressed-init": "ColdStartSuppressedInit", "first-warm": "FirstWarmInvocation", "warm": "WarmInvocation",
}

// Benchstat writes what `go test -bench` would
// (https://go.dev/design/14313-benchmark-format), a line for each execution
// environment. Backend and engine are its configuration; the run's name is a
// comment, since benchstat compares only like configurations.
func Benchstat(w io.Writer, r *analysis.Report) error {
	b := bufio.NewWriter(w) // a line for each sample of a large run: not to be held at once
	for _, u := range benchUnits {
		fmt.Fprintf(b, "Unit %s better=lower\n", u.unit)
	}
	for i := range r.Sections {
		s := &r.Sections[i]
		fmt.Fprintf(b, "\n# run %s\nbackend: %s\nengine: %s\n", word(s.Run), word(s.Place), word(s.Engine))
		for _, x := range s.Series {
			c := s.Columns[x.Column]
			name := fmt.Sprintf("Benchmark%s/variant=%s/memorySizeMB=%d/arch=%s", benchNames[x.Class], word(c.Variant), c.MemoryMB, word(c.Arch))
			for k := range x.Rounds {
				measured := false
				for _, u := range benchUnits {
					values := u.of(x)
					if k >= len(values) || math.IsNaN(values[k]) {
						continue
					}
					if !measured {
						b.WriteString(name + " 1")
					}
					measured = true
					b.WriteByte(' ')
					// To a thousandth of a nanosecond: 0.1 ms times a million is not 100000.
					b.Write(strconv.AppendFloat(b.AvailableBuffer(), math.Round(values[k]*u.factor*1000)/1000, 'f', -1, 64))
					b.WriteString(" " + u.unit)
				}
				if measured {
					b.WriteByte('\n')
				}
			}
		}
	}
	return b.Flush()
}

// word is a name without space and slash, which would end it.
func word(s string) string {
	escaped := url.PathEscape(s)
	if slices.Contains([]string{"", "."}, escaped) {
		return "-"
	}
	return escaped
}
