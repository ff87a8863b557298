package docker

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/moby/moby/client"

	"coldbench/bench/internal/backend/backendtest"
	"coldbench/bench/internal/coldstart"
)

// TestContract is what every backend promises.
func TestContract(t *testing.T) {
	e := connect(t, Options{})
	program, err := os.ReadFile(backendtest.Build(t))
	if err != nil {
		t.Fatal(err)
	}
	lacks := map[backendtest.Ability]string{
		backendtest.CanKeepTmp: "each process of an environment is a container, and its /tmp goes with it",
	}
	if !e.limits.memory {
		lacks[backendtest.CanLimitMemory] = e.Limits(coldstart.Options{}).Memory
	}
	if !e.limits.cpu {
		lacks[backendtest.CanLimitCPU] = e.Limits(coldstart.Options{LimitCPU: true}).CPU
	}
	backendtest.Run(t, backendtest.Suite{
		Backend: e,
		Image:   load(t, e, map[string][]byte{"bootstrap": program}, "/bootstrap"),
		Extensions: load(t, e, map[string][]byte{
			"bootstrap": program, "opt/extensions/first": program, "opt/extensions/second": program,
		}, "/bootstrap"),
		Broken: load(t, e, map[string][]byte{"bootstrap": program, "opt/extensions/first": []byte("no program")}, "/bootstrap"),
		Lacks:  lacks,
		Slow:   !testing.Short(),
		Leftovers: func() []string {
			return functionContainers(t, e)
		},
	})
}

// functionContainers lists the function containers of the engine's run.
func functionContainers(t testing.TB, e *Engine) []string {
	t.Helper()
	filters := make(client.Filters)
	filters.Add("label", labelRun+"="+e.run)
	filters.Add("label", labelRole+"="+roleFunction)
	list, err := e.cli.ContainerList(context.Background(), client.ContainerListOptions{All: true, Filters: filters})
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, c := range list.Items {
		left = append(left, fmt.Sprintf("container %s, %s", c.ID, c.State))
	}
	return left
}
