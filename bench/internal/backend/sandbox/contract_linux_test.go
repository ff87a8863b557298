package sandbox

import (
	"os"
	"slices"
	"testing"

	"coldbench/bench/internal/backend/backendtest"
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
		Backend: e,
		Image:   unpack(t, "contract"),
		Lacks:   lacks,
		Clock:   runtimeapi.Clock,
		Slow:    os.Getenv("BENCH_SLOW") != "",
		Leftovers: func() []string {
			w := look(t)
			return slices.Concat(w.mounts, w.groups, w.processes, w.temporary)
		},
	})
}
