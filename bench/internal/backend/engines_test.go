package backend_test

import (
	"context"
	"testing"

	"coldbench/bench/internal/backend/backendtest"
	"coldbench/bench/internal/backend/sandbox"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
)

// engines lists the local engines.
func engines() []engine {
	return []engine{{"sandbox", openSandbox}}
}

func openSandbox(t *testing.T, s *image.Store, img coldstart.Image) (coldstart.Backend, coldstart.Image) {
	t.Helper()
	e, err := sandbox.New(context.Background(), sandbox.Options{StateDir: t.TempDir(), Log: func(line string) { t.Log(line) }})
	backendtest.Require(t, "sandbox", err)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	if img.Root, err = s.Unpack(context.Background(), img); err != nil {
		t.Fatal(err)
	}
	return e, img
}
