package fake_test

import (
	"runtime"
	"testing"

	"coldbench/bench/internal/backend/backendtest"
	"coldbench/bench/internal/backend/fake"
	"coldbench/bench/internal/coldstart"
)

func TestContract(t *testing.T) {
	b := fake.New(fake.Options{Seed: 1})
	img := coldstart.Image{ID: "sha256:fake", Arch: runtime.GOARCH, Entrypoint: []string{"/bootstrap"}}
	backendtest.Run(t, backendtest.Suite{
		Backend: b,
		Image:   img,
		// Its extension is what the variables say.
		Extensions: img,
		Broken:     coldstart.Image{ID: "sha256:broken", Arch: runtime.GOARCH, Entrypoint: img.Entrypoint, Environment: []string{"BENCH_TEST_FIRST=launch"}},
		Leftovers:  b.Running,
		Clock:      b.Clock,
		Lacks: map[backendtest.Ability]string{
			backendtest.CanStream:  "nothing is run",
			backendtest.CanIsolate: "nothing is run",
			backendtest.CanCount:   "nothing is run",
		},
	})
}
