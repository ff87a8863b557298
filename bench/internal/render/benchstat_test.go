package render_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/perf/benchfmt"

	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/render"
)

// benchNames are the benchmarks' names by class.
var benchNames = map[string]string{"cold": "ColdStart", "first-warm": "FirstWarmInvocation", "warm": "WarmInvocation", "suppressed-init": "ColdStartSuppressedInit"}

// benchUnits are the units as benchstat tidies them, and the metrics they are of.
var benchUnits = map[string]struct {
	metric string
	factor float64
}{
	"total-sec": {"total", 1e-3}, "init-sec": {"init", 1e-3}, "duration-sec": {"duration", 1e-3}, "billed-sec": {"billed", 1e-3},
	"provision-sec": {"provision", 1e-3}, "max-memory-bytes": {"max memory", 1 << 20},
}

func benchName(c analysis.Column, class string) string {
	return fmt.Sprintf("%s/variant=%s/memorySizeMB=%d/arch=%s", benchNames[class], c.Variant, c.MemoryMB, c.Arch)
}

// TestBenchstatIsRead: every export is in the format that its own reader reads
// without a complaint, with as many values as the tables say.
func TestBenchstatIsRead(t *testing.T) {
	for name, inputs := range reports() {
		r := analysis.New(inputs)
		var b bytes.Buffer
		if err := render.Benchstat(&b, r); err != nil {
			t.Fatal(err)
		}
		counts, units := map[string]int{}, 0
		for in := benchfmt.NewReader(&b, name); in.Scan(); {
			switch rec := in.Result().(type) {
			case *benchfmt.SyntaxError:
				t.Errorf("%s: %v", name, rec)
			case *benchfmt.UnitMetadata:
				if units++; rec.Key != "better" || rec.Value != "lower" {
					t.Errorf("%s: %s %s=%s", name, rec.Unit, rec.Key, rec.Value)
				}
			case *benchfmt.Result:
				for _, v := range rec.Values {
					counts[rec.GetConfig("engine")+" "+string(rec.Name)+" "+v.Unit]++
				}
			}
		}
		if units != len(benchUnits) {
			t.Errorf("%s: %d units have a direction", name, units)
		}
		for _, s := range r.Sections {
			for _, table := range s.Metrics {
				for _, l := range table.Lines {
					for unit, u := range benchUnits {
						key := s.Engine + " " + benchName(s.Columns[l.Column], l.Class) + " " + unit
						if u.metric == table.Metric && counts[key] != l.N {
							t.Errorf("%s: %s: %d values, want %d", name, key, counts[key], l.N)
						}
					}
				}
			}
		}
	}
}

// TestBenchstatAgrees runs benchstat itself on two runs: its medians are ours.
func TestBenchstatAgrees(t *testing.T) {
	in := reports()["previous"][0]
	dir := t.TempDir()
	var files []string
	var both []*analysis.Report
	for name, one := range map[string]analysis.Input{"1-before.bench": {Run: in.Reference}, "2-after.bench": {Run: in.Run}} {
		r := analysis.New([]analysis.Input{one})
		var b bytes.Buffer
		if err := render.Benchstat(&b, r); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		both = append(both, r)
		files = append(files, filepath.Join(dir, name))
	}
	if files[0] > files[1] {
		files[0], files[1], both[0], both[1] = files[1], files[0], both[1], both[0]
	}
	cmd := exec.Command("go", append([]string{"tool", "benchstat", "-format", "csv"}, files...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("benchstat: %v", err)
	}
	rows := csv.NewReader(bytes.NewReader(out))
	rows.FieldsPerRecord = -1
	table, err := rows.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	compared, unit := 0, ""
	for _, row := range table {
		switch {
		case len(row) > 3 && row[0] == "" && benchUnits[row[1]].metric != "":
			unit = row[1]
		case len(row) > 3 && strings.Contains(row[0], "/variant="):
			for i, r := range both {
				if want, ok := medianAt(r, row[0], benchUnits[unit].metric); ok && row[1+2*i] != "" {
					compared++
					got, err := strconv.ParseFloat(row[1+2*i], 64)
					if want *= benchUnits[unit].factor; err != nil || math.Abs(got-want) > 1e-9*want {
						t.Errorf("%s %s: %v, want %v (%v)", row[0], unit, got, want, err)
					}
				}
			}
		}
	}
	// Cold starts have six metrics, the two warm classes four; scratch and al2 twice, debug once.
	if want := (6 + 4 + 4) * 5; compared != want {
		t.Errorf("compared %d medians, want %d:\n%s", compared, want, out)
	}
}

func medianAt(r *analysis.Report, name, metric string) (float64, bool) {
	for _, s := range r.Sections {
		for _, table := range s.Metrics {
			for _, l := range table.Lines {
				if table.Metric == metric && benchName(s.Columns[l.Column], l.Class) == name && l.Median.Value != nil {
					return *l.Median.Value, true
				}
			}
		}
	}
	return 0, false
}
