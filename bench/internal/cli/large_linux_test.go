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
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runfile"
)

// The report of a run of 100,000 samples takes less than 100 MB, in every
// format.
func TestReportOfManySamples(t *testing.T) {
	slow(t)
	if raceEnabled {
		t.Skip("the race detector multiplies memory")
	}
	path := filepath.Join(t.TempDir(), "large.jsonl")
	writeLarge(t, path, 100_000, 4, 10)
	for _, format := range []string{"text", "markdown", "json"} {
		cmd := exec.Command("/proc/self/exe", "report", "--format", format, path)
		cmd.Args[0] = "real-bench"
		began := time.Now()
		if out, err := cmd.Output(); err != nil || len(out) == 0 {
			t.Fatalf("%s: %v", format, err)
		}
		peak := float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) / 1024
		t.Logf("%s: %.0f MB, %s", format, peak, time.Since(began).Round(10*time.Millisecond))
		if peak >= 100 {
			t.Errorf("%s: %.0f MB, want less than 100", format, peak)
		}
	}
}

// BenchmarkReportOfAMillion is bench report on a run of 1,000,000 samples of ten
// configurations, most of them warm, or all of them cold: seconds and the most
// memory that was held, in MB.
func BenchmarkReportOfAMillion(b *testing.B) {
	for _, shape := range []struct {
		name string
		each int
	}{{"warm", 10}, {"cold", 1}} {
		b.Run(shape.name, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "large.jsonl")
			writeLarge(b, path, 1_000_000, 10, shape.each)
			for b.Loop() {
				cmd := exec.Command("/proc/self/exe", "report", path)
				cmd.Args[0] = "real-bench"
				if out, err := cmd.Output(); err != nil || len(out) == 0 {
					b.Fatal(err)
				}
				usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
				b.ReportMetric(float64(usage.Maxrss)/1024, "peak-MB")
				b.ReportMetric((cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), "cpu-s")
			}
		})
	}
}

// writeLarge writes a run of n samples of as many configurations: in each
// environment a cold start and warm invocations, each of them together.
func writeLarge(t testing.TB, path string, n, of, each int) {
	t.Helper()
	h := runfile.Header{
		Tool: "bench test", Backend: "local", Engine: "sandbox",
		Host: runfile.Host{Fingerprint: "00"},
		Plan: plan.Plan{Runs: n / of / each, WarmRuns: each - 1, Seed: 1, MemoryMB: []int{512}, Arch: []string{"amd64"}, CPU: "lambda"},
	}
	var configs []coldstart.Config
	for i := range of {
		name := fmt.Sprintf("variant%d", i)
		c := runfile.Config{Config: coldstart.Config{Variant: name, MemoryMB: 512, Arch: "amd64"}, Image: runfile.Image{ImageID: "sha256:" + name, SizeBytes: 6e6, Layers: 1}}
		h.Configs = append(h.Configs, c)
		configs = append(configs, c.Config)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	w, err := runfile.CreateIn(filepath.Dir(path), at, h)
	if err != nil {
		t.Fatal(err)
	}
	written := w.Path()
	number := func(v float64) *float64 { return &v }
	for i := range n {
		environment, invocation := i/each, i%each+1
		c := configs[environment%len(configs)]
		id := fmt.Sprintf("%08x-0000-4000-8000-%012x", environment, i)
		ms := 0.5 + float64(i*7919%99991)/1e5*2
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
