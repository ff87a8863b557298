package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"coldbench/bench/internal/backend/backendtest"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/runtimeapi"
)

// TestContract is what every backend promises.
func TestContract(t *testing.T) {
	e := engine(t)
	lacks := map[backendtest.Ability]string{}
	if e.groups.memory.dir == "" {
		lacks[backendtest.CanLimitMemory] = e.groups.memory.reason
	}
	if e.groups.cpu.dir == "" {
		lacks[backendtest.CanLimitCPU] = e.groups.cpu.reason
	}
	backendtest.Run(t, backendtest.Suite{
		Backend:    e,
		Image:      unpack(t, "contract"),
		Extensions: extended(t),
		Broken:     broken(t),
		Lacks:      lacks,
		Clock:      runtimeapi.Clock,
		Slow:       !testing.Short(),
		Leftovers: func() []string {
			w := look(t)
			return slices.Concat(w.mounts, w.groups, w.processes, w.temporary)
		},
	})
}

// extended makes the root of an image whose function is its extensions, too.
func extended(t *testing.T) coldstart.Image {
	t.Helper()
	img := unpack(t, "contract")
	dir := filepath.Join(img.Root, "opt/extensions")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"first", "second"} {
		if err := os.Link(filepath.Join(img.Root, "bootstrap"), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return img
}

// broken makes the root of an image whose extension is no program.
func broken(t *testing.T) coldstart.Image {
	t.Helper()
	img := extended(t)
	dir := filepath.Join(img.Root, "opt/extensions")
	for _, name := range []string{"first", "second"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "first"), []byte("no program"), 0o755); err != nil {
		t.Fatal(err)
	}
	return img
}
