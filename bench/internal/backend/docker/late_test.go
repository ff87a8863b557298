package docker

import (
	"context"
	"errors"
	"testing"

	"coldbench/bench/runtimeapi"
)

// What the emulator asks for in the last moment of an environment may be looked
// at when the next one is open already: it is not made in that one.
func TestLateLaunch(t *testing.T) {
	em := &emulator{}
	old := (&machine{}).fresh()
	if err := em.take(old); err != nil {
		t.Fatal(err)
	}
	if err := em.Kill(t.Context(), 1); err != nil { // overtook the launch
		t.Fatal(err)
	}
	em.release(old)
	next := (&machine{}).fresh()
	if err := em.take(next); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := em.Launch(ctx, runtimeapi.StdioLaunch{Process: 1}); !errors.Is(err, errClosed) {
		t.Errorf("the launch for an environment that is closed: %v", err)
	}
	if len(next.processes) > 0 || next.latest != nil || next.failed != nil {
		t.Errorf("it reached the next one: %+v", next.processes)
	}
	if mac, err := em.owner(2); mac != next || err != nil {
		t.Errorf("the next one's own process: %v, %v", mac, err)
	}
}
