// Package backend_test asks the local engines about something that is known: a
// function that sleeps 50 ms before its first GET /next and 20 ms in its handler.
package backend_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/backend/backendtest"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
	"coldbench/bench/internal/payload"
)

// The sleeps of the function, and how far from them a calibrated engine may be,
// in milliseconds.
const (
	initSleepMs   = 50.0
	invokeSleepMs = 20.0
	toleranceMs   = 2.0
)

// engine is one of the engines under test.
type engine struct {
	name string
	// open returns the engine and the image in the form that it starts.
	open func(t testing.TB, s *image.Store, img coldstart.Image) (coldstart.Backend, coldstart.Image)
}

// TestCalibrate measures two functions that differ by their sleeps only, in
// turns. In the suite it asserts what holds on any machine: a sleep is never
// shorter than asked for, and each sample is of the environment it says. With
// BENCH_CALIBRATE=1 (make calibrate) it asserts that the medians are within 2 ms
// of the sleeps, and measures once more before it believes that they are not.
func TestCalibrate(t *testing.T) {
	calibrate := os.Getenv("BENCH_CALIBRATE") != ""
	rounds := 2
	if calibrate {
		rounds = 20
	}
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			if _, err := payload.Start(runtime.GOARCH); errors.Is(err, payload.ErrMissing) {
				backendtest.Require(t, e.name, err)
			}
			store, img := sleeper(t)
			backend, img := e.open(t, store, img)
			still := open(t, backend, "still", img, `{}`, nil)
			sleeps := open(t, backend, "sleeper", img, fmt.Sprintf(`{"do":"sleep","ms":%g}`, invokeSleepMs),
				map[string]string{"BENCH_TEST_INIT": fmt.Sprintf("sleep %g", initSleepMs)})

			measure(t, still, 1, time.Millisecond) // the files are in the page cache afterwards
			for attempt := 1; ; attempt++ {
				before := machineState()
				floor, slept := measure2(t, still, sleeps, rounds)
				if m := min(slices.Min(slept.init), slices.Min(slept.warm)+initSleepMs-invokeSleepMs); m < initSleepMs {
					t.Errorf("a sleep took less than asked for: init %v, warm %v", slept.init, slept.warm)
				}
				if !calibrate {
					return
				}
				initError := median(slept.init) - median(floor.init) - initSleepMs
				warmError := median(slept.warm) - invokeSleepMs
				t.Logf("init %.2f ms = floor %.2f + %.0f %+.2f; warm duration %.2f ms = %.0f %+.2f (floor %.2f); %s, then %s",
					median(slept.init), median(floor.init), initSleepMs, initError,
					median(slept.warm), invokeSleepMs, warmError, median(floor.warm), before, machineState())
				if within(initError) && within(warmError) {
					return
				}
				if attempt == 2 {
					t.Errorf("init is %+.2f ms off, duration %+.2f ms, want at most %.0f", initError, warmError, toleranceMs)
					return
				}
				t.Log("off: measuring once more, the machine may have been busy")
			}
		})
	}
}

// sleeper returns an image of the test function, and the store that holds it.
func sleeper(t testing.TB) (*image.Store, coldstart.Image) {
	t.Helper()
	return imageOf(t, map[string]string{"bootstrap": backendtest.Build(t)})
}

// imageOf returns an image of programs alone, by their paths in it, and the
// store that holds it. /bootstrap is the entrypoint.
func imageOf(t testing.TB, programs map[string]string) (*image.Store, coldstart.Image) {
	t.Helper()
	dir := t.TempDir()
	files := filepath.Join(dir, "files")
	for name, path := range programs {
		binary, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(files, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(files, name), binary, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	dockerfile := filepath.Join(dir, "Dockerfile")
	if err := os.WriteFile(dockerfile, []byte("FROM scratch\nCOPY files /\nENTRYPOINT [\"/bootstrap\"]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	openUp(dir)
	s, err := image.OpenStore(filepath.Join(dir, "images"))
	if err != nil {
		t.Fatal(err)
	}
	img, err := s.Build(context.Background(), coldstart.Variant{Name: "program", Build: &coldstart.Build{Context: dir, Dockerfile: dockerfile}},
		image.Options{Arch: runtime.GOARCH})
	if err != nil {
		t.Fatal(err)
	}
	return s, img
}

// openUp lets the function's user reach a temporary folder.
func openUp(dir string) {
	for d := dir; len(d) > len(os.TempDir()); d = filepath.Dir(d) {
		_ = os.Chmod(d, 0o755)
	}
}

// open opens a configuration of 1,769 MB, one whole vCPU: no quota is in the way.
func open(t testing.TB, b coldstart.Backend, name string, img coldstart.Image, event string, env map[string]string) coldstart.Target {
	t.Helper()
	target, err := b.Open(context.Background(), coldstart.Config{Variant: name, MemoryMB: 1769, Arch: runtime.GOARCH}, img,
		coldstart.Options{Payload: []byte(event), Timeout: 3 * time.Second, Environment: env, LimitCPU: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := target.Close(); err != nil {
			t.Error(err)
		}
	})
	return target
}

// figures are the Init Durations and Durations of cold and the Durations of warm
// samples, in milliseconds.
type figures struct{ init, cold, warm []float64 }

// measure2 measures two targets in turns.
func measure2(t *testing.T, a, b coldstart.Target, rounds int) (ofA, ofB figures) {
	t.Helper()
	for range rounds {
		x, y := measure(t, a, 2, 40*time.Millisecond), measure(t, b, 2, 40*time.Millisecond)
		ofA = figures{append(ofA.init, x.init...), append(ofA.cold, x.cold...), append(ofA.warm, x.warm...)}
		ofB = figures{append(ofB.init, y.init...), append(ofB.cold, y.cold...), append(ofB.warm, y.warm...)}
	}
	return ofA, ofB
}

// measure makes one environment and invokes it warm times more, after pauses.
func measure(t *testing.T, target coldstart.Target, warm int, pause time.Duration) figures {
	t.Helper()
	ctx := context.Background()
	env, cold, err := target.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := env.Close(); err != nil {
			t.Error(err)
		}
	}()
	if cold.Start != coldstart.Cold || cold.Invocation != 1 || cold.Metrics.InitDurationMs == nil || cold.Metrics.DurationMs == nil {
		t.Fatalf("the first sample is %+v", cold)
	}
	f := figures{init: []float64{*cold.Metrics.InitDurationMs}, cold: []float64{*cold.Metrics.DurationMs}}
	for i := range warm {
		time.Sleep(pause)
		s, err := env.Invoke(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if s.Start != coldstart.Warm || s.Environment != cold.Environment || s.Invocation != i+2 || s.Metrics.DurationMs == nil {
			t.Fatalf("sample %d is %+v", i+2, s)
		}
		f.warm = append(f.warm, *s.Metrics.DurationMs)
	}
	return f
}

func within(ms float64) bool { return -toleranceMs <= ms && ms <= toleranceMs }

func median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}

// machineState says how busy the machine is: the load averages and the time
// stolen by the hypervisor since boot, in hundredths of a second.
func machineState() string {
	load, steal := "unknown", "unknown"
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		load = strings.Join(strings.Fields(string(b))[:3], " ")
	}
	if b, err := os.ReadFile("/proc/stat"); err == nil {
		if cpu := strings.Fields(string(b)); len(cpu) > 8 {
			steal = cpu[8] // cpu user nice system idle iowait irq softirq steal
		}
	}
	return "load " + load + ", steal " + steal
}
