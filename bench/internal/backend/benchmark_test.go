package backend_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
)

// rows are the lines of results/benchmark.md, in the order they were measured.
var rows []string

// TestMain writes the rows to the file that BENCH_MARKDOWN names.
func TestMain(m *testing.M) {
	code := m.Run()
	if path := os.Getenv("BENCH_MARKDOWN"); path != "" && len(rows) > 0 {
		text := "# Speed and overhead\n\nOutput of `make benchmark`: each row was measured side by side with its floor, in turns, in one run. " +
			"The figures are medians; what stands in brackets is the interquartile range. Compare within a row only: the machine is shared and its speed changes.\n\n" +
			fmt.Sprintf("%s, %d CPUs, %s, %s.\n\n", runtime.GOOS+"/"+runtime.GOARCH, runtime.NumCPU(), runtime.Version(), machineState()) +
			"| what | bench | floor | ratio | wanted | n |\n|:--|--:|--:|--:|--:|--:|\n" + strings.Join(rows, "\n") + "\n\n" +
			"The floors are written out in `bench/internal/backend/floors_test.go`, which shares no code with the engines.\n"
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// row reports a comparison to the benchmark and to the file.
func row(b *testing.B, what string, ours, floor []float64, wanted string) {
	ratio := median(ours) / median(floor)
	b.ReportMetric(0, "ns/op") // it would be of both
	b.ReportMetric(median(ours), "ms/bench")
	b.ReportMetric(median(floor), "ms/floor")
	b.ReportMetric(ratio, "x-floor")
	rows = append(rows, fmt.Sprintf("| %s | %s | %s | %.2f | %s | %d |", what, spread(ours), spread(floor), ratio, wanted, len(ours)))
}

func spread(x []float64) string {
	s := slices.Sorted(slices.Values(x))
	return fmt.Sprintf("%.3g ms (%.3g to %.3g)", median(x), s[len(s)/4], s[len(s)*3/4])
}

func elapsed(f func() error) (float64, error) {
	began := time.Now()
	err := f()
	return float64(time.Since(began)) / float64(time.Millisecond), err
}

// program builds a program of this module.
func program(tb testing.TB, pkg string) string {
	tb.Helper()
	out := filepath.Join(tb.TempDir(), "program")
	cmd := exec.Command("go", "build", "-tags", "lambda.norpc", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", out, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("building %s: %v\n%s", pkg, err, text)
	}
	return out
}

// BenchmarkColdStart takes whole cold samples of each engine, limits on, each
// beside its floor.
func BenchmarkColdStart(b *testing.B) {
	function := program(b, "coldbench/function")
	b.Run("sandbox", func(b *testing.B) {
		target := openFunction(b, openSandbox, function, 512)
		floor, err := newProcessFloor(function)
		if err != nil {
			b.Fatal(err)
		}
		defer floor.close()
		ours, theirs := alternate(b, 20, 300, func() error { return cold(target) }, floor.cold)
		row(b, "cold sample, sandbox, against fork and exec with the least handshake", ours, theirs, "at most 2")
		b.ReportMetric(1000/median(ours), "samples/s")
		rows = append(rows, fmt.Sprintf("| cold samples a second, sandbox | %.0f | | | at least 100 | %d |", 1000/median(ours), len(ours)))
	})
	b.Run("docker", func(b *testing.B) {
		driver := withOverlay2(b)
		target := openFunction(b, openDocker, function, 512)
		floor, err := newContainerFloor(function, program(b, "coldbench/bench/internal/backend/testdata/hold"))
		if err != nil {
			b.Fatal(err)
		}
		defer floor.close()
		ours, theirs := alternate(b, 3, 30, func() error { return cold(target) }, floor.cold)
		row(b, "cold sample, docker on "+driver+", against create, start, update, remove", ours, theirs, "at most 1.25")
	})
	// This machine's own engine: the private one publishes no port.
	b.Run("docker-shell", func(b *testing.B) {
		driver := storageDriver(b)
		target := openFunction(b, openDocker, function, 512)
		floor, err := newContainerFloor(function, program(b, "coldbench/bench/internal/backend/testdata/hold"))
		if err != nil {
			b.Fatal(err)
		}
		defer floor.close()
		emulator := program(b, "coldbench/images/rie")
		ports, err := freePorts(1)
		if err != nil {
			b.Fatal(err)
		}
		var port int
		if _, err := fmt.Sscanf(ports[0], "127.0.0.1:%d", &port); err != nil {
			b.Fatal(err)
		}
		ours, theirs := alternate(b, 1, 15, func() error { return cold(target) }, func() error { return shellCold(floor.image, emulator, port) })
		row(b, "cold sample, docker on "+driver+", against docker run, curl, docker rm", ours, theirs, "at most 0.33")
	})
}

// BenchmarkWarm measures Durations of the same function with the same pause.
func BenchmarkWarm(b *testing.B) {
	const pause = 5 * time.Millisecond
	const event = `{"name":"you"}`
	function := program(b, "coldbench/function")
	target := openFunction(b, openSandbox, function, 1769)
	env, _, err := target.Start(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	defer env.Close()
	ours := func() (float64, error) {
		time.Sleep(pause)
		s, err := env.Invoke(context.Background())
		if err != nil {
			return 0, err
		}
		return *s.Metrics.DurationMs, nil
	}
	bare, err := newWarmFloor(function)
	if err != nil {
		b.Fatal(err)
	}
	defer bare.close()
	compare := func(b *testing.B, floor func() (float64, error)) (x, y []float64) {
		for b.Loop() {
			for i := range 320 {
				m, err := ours()
				if err != nil {
					b.Fatal(err)
				}
				n, err := floor()
				if err != nil {
					b.Fatal(err)
				}
				if i >= 20 {
					x, y = append(x, m), append(y, n)
				}
			}
		}
		return x, y
	}
	b.Run("bare", func(b *testing.B) {
		x, y := compare(b, func() (float64, error) {
			time.Sleep(pause)
			return float64(bare.invoke(event)) / float64(time.Millisecond), nil
		})
		row(b, "warm Duration, sandbox, against a bare net/http handler", x, y, "at most 1.3")
	})
	b.Run("official", func(b *testing.B) {
		const what = "warm Duration, sandbox, against the official emulator's"
		path := os.Getenv("BENCH_RIE")
		if path == "" {
			rows = append(rows, "| "+what+" | | not measured | | at most 0.5 | 0 |")
			b.Skip("not measured: make benchmark RIE=/path/to/aws-lambda-rie")
		}
		emulator, err := newOfficial(path, function)
		if err != nil {
			b.Fatal(err)
		}
		defer emulator.close()
		x, y := compare(b, func() (float64, error) {
			time.Sleep(pause)
			d, err := emulator.invoke(event)
			return float64(d) / float64(time.Millisecond), err
		})
		row(b, what, x, y, "at most 0.5")
	})
}

// BenchmarkHelp measures what starting bench costs beyond starting any Go
// program.
func BenchmarkHelp(b *testing.B) {
	ours, empty := program(b, "coldbench/bench"), program(b, "coldbench/bench/internal/backend/testdata/empty")
	x, y := alternate(b, 3, 50, func() error { return exec.Command(ours, "--help").Run() }, func() error { return exec.Command(empty).Run() })
	row(b, fmt.Sprintf("`bench --help` against an empty Go program (%.1f ms more)", median(x)-median(y)), x, y, "at most 20 ms more")
}

// alternate takes n samples of each in turns, after some that do not count.
func alternate(b *testing.B, warmup, n int, ours, floor func() error) (x, y []float64) {
	for b.Loop() {
		for i := range warmup + n {
			m, err := elapsed(ours)
			if err != nil {
				b.Fatal(err)
			}
			f, err := elapsed(floor)
			if err != nil {
				b.Fatal(err)
			}
			if i >= warmup {
				x, y = append(x, m), append(y, f)
			}
		}
	}
	return x, y
}

// openFunction opens the function on an engine.
func openFunction(b *testing.B, on func(testing.TB, *image.Store, coldstart.Image) (coldstart.Backend, coldstart.Image), binary string, memoryMB int) coldstart.Target {
	b.Helper()
	store, img := imageOf(b, map[string]string{"bootstrap": binary})
	backend, img := on(b, store, img)
	target, err := backend.Open(context.Background(), coldstart.Config{Variant: "function", MemoryMB: memoryMB, Arch: runtime.GOARCH}, img,
		coldstart.Options{Payload: []byte(`{"name":"you"}`), Timeout: 3 * time.Second, LimitCPU: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := target.Close(); err != nil {
			b.Error(err)
		}
	})
	return target
}

// cold takes one whole cold sample: from nothing to nothing.
func cold(target coldstart.Target) error {
	env, _, err := target.Start(context.Background())
	if err != nil {
		return err
	}
	return env.Close()
}

// lockedBuffer collects what a process writes while it is read.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write adds to the buffer.
func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String returns what there is.
func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
