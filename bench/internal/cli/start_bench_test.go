package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// BenchmarkStart compares what bench takes to say something with what a Go
// program takes that does nothing, side by side: at most 20 ms more is wanted.
// What package init costs shows GODEBUG=inittrace=1.
func BenchmarkStart(b *testing.B) {
	dir := b.TempDir()
	build := func(name, of string) string {
		out := filepath.Join(dir, name)
		cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", out, of)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if text, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, text)
		}
		return out
	}
	source := filepath.Join(dir, "empty.go")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o644); err != nil {
		b.Fatal(err)
	}
	bench := build("bench", "coldbench/bench")
	programs := [][]string{{build("empty", source)}, {bench, "--help"}, {bench, "version"}}
	took := make([][]time.Duration, len(programs))
	for range max(b.N, 30) {
		for i, argv := range programs {
			began := time.Now()
			if err := exec.Command(argv[0], argv[1:]...).Run(); err != nil {
				b.Fatal(err)
			}
			took[i] = append(took[i], time.Since(began))
		}
	}
	for i, name := range []string{"empty-ms", "help-ms", "version-ms"} {
		slices.Sort(took[i])
		b.ReportMetric(float64(took[i][len(took[i])/2])/1e6, name)
	}
	b.ReportMetric(0, "ns/op")
}
