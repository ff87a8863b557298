package backend_test

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"coldbench/bench/internal/backend/backendtest"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
	"coldbench/bench/internal/variant"
)

// How far the medians of the two engines may be apart: the greater of the two.
const (
	engineShare       = 0.10
	engineToleranceMs = 0.5
)

// TestCalibrateEngines measures every variant of the compose file in docker with
// overlay2 and in the sandbox, in turns: they run one program over one page cache,
// and their medians agree. A variant that they do not agree on is measured once
// more, twice as long.
func TestCalibrateEngines(t *testing.T) {
	if os.Getenv("BENCH_CALIBRATE") == "" {
		t.Skip("BENCH_CALIBRATE is not set: make calibrate")
	}
	t.Setenv("DOCKER_HOST", backendtest.Overlay2(t))
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	store, err := image.OpenStore(filepath.Join(root, ".build", "images"))
	if err != nil {
		t.Fatal(err)
	}
	// The stand-ins of make offline-base, unless the environment names bases.
	env := append([]string{"AL2_BASE=coldbench/stand-in:al2", "AL2023_BASE=coldbench/stand-in:al2023"}, os.Environ()...)
	variants, err := variant.Load(t.Context(), variant.Options{Dir: root, Env: env, Arch: runtime.GOARCH})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range variants {
		t.Run(v.Name, func(t *testing.T) {
			img, err := store.Build(t.Context(), v, image.Options{Arch: runtime.GOARCH, PullTimeout: -1})
			backendtest.Require(t, "variants", err)
			event := `{"name":"you"}`
			backend, held := openDocker(t, store, img)
			docker := open(t, backend, v.Name, held, event, nil)
			backend, held = openSandbox(t, store, img)
			sandbox := open(t, backend, v.Name, held, event, nil)
			measure(t, docker, 1, time.Millisecond)
			measure(t, sandbox, 1, time.Millisecond)
			for attempt := 1; ; attempt++ {
				if enginesAgree(t, docker, sandbox, 30*attempt, attempt == 2) || attempt == 2 {
					return
				}
				t.Log("they disagree: measuring twice as long once more, the machine may have been busy")
			}
		})
	}
}

// enginesAgree measures both engines in rounds and reports whether their medians agree; if
// it is the last attempt, a disagreement is an error.
func enginesAgree(t *testing.T, docker, sandbox coldstart.Target, rounds int, last bool) bool {
	before := machineState()
	of, in := measure2(t, docker, sandbox, rounds)
	agree := true
	for _, m := range []struct {
		what string
		a, b []float64
	}{{"Init Duration", of.init, in.init}, {"cold Duration", of.cold, in.cold}, {"warm Duration", of.warm, in.warm}} {
		a, b := median(m.a), median(m.b)
		t.Logf("%s: docker %s, sandbox %s, ratio %.2f; %s, then %s", m.what, spread(m.a), spread(m.b), a/b, before, machineState())
		if math.Abs(a-b) <= max(engineToleranceMs, engineShare*min(a, b)) {
			continue
		}
		if agree = false; last {
			t.Errorf("%s: docker %.2f ms, sandbox %.2f, want at most %.1f ms or %.0f %% between them", m.what, a, b, engineToleranceMs, 100*engineShare)
		}
	}
	return agree
}
