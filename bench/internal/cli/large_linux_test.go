package cli_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/runfile"
)

// The report of a run of 100,000 samples takes less than 200 MB, in every
// format.
func TestReportOfManySamples(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector multiplies memory")
	}
	path := filepath.Join(t.TempDir(), "large.jsonl")
	writeLarge(t, path, 100_000)
	for _, format := range []string{"text", "markdown", "json"} {
		cmd := exec.Command("/proc/self/exe", "report", "--format", format, path)
		cmd.Args[0] = "real-bench"
		began := time.Now()
		if out, err := cmd.Output(); err != nil || len(out) == 0 {
			t.Fatalf("%s: %v", format, err)
		}
		peak := float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) / 1024
		t.Logf("%s: %.0f MB, %s", format, peak, time.Since(began).Round(10*time.Millisecond))
		if peak >= 200 {
			t.Errorf("%s: %.0f MB, want less than 200", format, peak)
		}
	}
}

// writeLarge writes a run of n samples: one cold start and nine warm
// invocations of each environment, of four configurations.
func writeLarge(t *testing.T, path string, n int) {
	t.Helper()
	h := runfile.Header{
		Tool: "bench test", Backend: "local", Engine: "sandbox",
		Host: runfile.Host{Fingerprint: "00"},
		Plan: runfile.Plan{Runs: n / 40, WarmRuns: 9, Seed: 1, MemoryMB: []int{512}, Arch: []string{"amd64"}, CPU: "lambda"},
	}
	var configs []coldstart.Config
	for _, name := range []string{"scratch", "al2", "al2023", "debug"} {
		c := runfile.Config{Variant: name, MemorySizeMB: 512, Arch: "amd64", Image: runfile.Image{ImageID: "sha256:" + name, SizeBytes: 6e6, Layers: 1}}
		h.Configs = append(h.Configs, c)
		configs = append(configs, c.Config())
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	w, err := runfile.CreateIn(filepath.Dir(path), at, h)
	if err != nil {
		t.Fatal(err)
	}
	written := w.Path()
	number := func(v float64) *float64 { return &v }
	for i := range n {
		environment, invocation := i/10, i%10+1
		c := configs[environment%len(configs)]
		id := fmt.Sprintf("%08x-0000-4000-8000-%012x", environment, i)
		ms := 0.5 + float64(i%97)/100
		s := coldstart.Sample{
			Config: c, Round: environment/len(configs) + 1, Seq: i + 1, Attempt: 1,
			Environment: fmt.Sprintf("%08x-0000-4000-8000-000000000000", environment), Invocation: invocation,
			At: at.Add(time.Duration(i) * time.Millisecond), Start: coldstart.Warm, Class: coldstart.ClassWarm,
			Strategy: "new-sandbox", Proof: []string{"noInit", "sameInstance"}, RequestID: id,
			ThrottledMs: number(0),
			Function:    &coldstart.Function{InstanceID: fmt.Sprintf("%016x", environment), Invocation: invocation},
			Raw:         fmt.Sprintf("REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: 2 ms\tMemory Size: 512 MB\tMax Memory Used: 9 MB\t\n", id, ms),
		}
		s.Metrics.DurationMs, s.Metrics.BilledDurationMs = number(ms), number(2)
		s.Metrics.MemorySizeMB, s.Metrics.MaxMemoryUsedMB = number(512), number(9)
		switch invocation {
		case 1:
			s.Start, s.Class, s.Proof = coldstart.Cold, coldstart.ClassCold, []string{"initDuration", "newInstance"}
			s.Metrics.InitDurationMs, s.Metrics.BilledDurationMs = number(2+ms), number(4)
		case 2:
			s.Class = coldstart.ClassFirstWarm
		}
		if err := w.Sample(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.End(at, runfile.StoppedPlan, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(written, path); err != nil {
		t.Fatal(err)
	}
}
