package backend_test

import (
	"context"
	"io"
	"os/exec"
	"testing"

	"coldbench/bench/internal/backend/backendtest"
	"coldbench/bench/internal/backend/docker"
	"coldbench/bench/internal/backend/sandbox"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/image"
)

// engines lists the local engines.
func engines() []engine {
	return []engine{{"sandbox", openSandbox}, {"docker", openDocker}}
}

func openSandbox(t testing.TB, s *image.Store, img coldstart.Image) (coldstart.Backend, coldstart.Image) {
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

func openDocker(t testing.TB, s *image.Store, img coldstart.Image) (coldstart.Backend, coldstart.Image) {
	t.Helper()
	ctx := context.Background()
	e, err := docker.Connect(ctx, docker.Options{Log: func(line string) { t.Log(line) }})
	backendtest.Require(t, "docker", err)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	r, w := io.Pipe()
	go func() { w.CloseWithError(s.WriteTar(ctx, img.ID, w)) }()
	if err := e.Load(ctx, r); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = exec.Command("docker", "rmi", img.ID).Run() })
	return e, img
}
