package docker

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
)

// TestProgramOfAnotherArchitecture is an image that can't run here.
func TestProgramOfAnotherArchitecture(t *testing.T) {
	e := connect(t, Options{})
	program := build(t, e.Arch(), "coldbench/function")
	const machineField = 18 // e_machine of an ELF header
	foreign := bytes.Clone(program)
	copy(foreign[machineField:], []byte{0xf3, 0}) // RISC-V
	img := load(t, e, map[string][]byte{"bootstrap": foreign}, "/bootstrap")
	target, err := e.Open(context.Background(), coldstart.Config{Variant: "test", MemoryMB: 128, Arch: e.Arch()}, img, coldstart.Options{Payload: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	_, _, err = target.Start(context.Background())
	var f *coldstart.InvocationError
	if !errors.As(err, &f) || f.Reason != coldstart.ReasonInit || !strings.Contains(err.Error(), "exec format error") {
		t.Errorf("%v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	e := connect(t, Options{})
	img := load(t, e, map[string][]byte{"f": []byte("x")})
	c := coldstart.Config{Variant: "test", MemoryMB: 128, Arch: e.Arch()}
	ctx := context.Background()
	if _, err := e.Open(ctx, c, img, coldstart.Options{}); err == nil || advice.HintOf(err) == "" {
		t.Errorf("an image without entrypoint: %v", err)
	}
	img.Entrypoint = []string{"/f"}
	if _, err := e.Open(ctx, c, coldstart.Image{ID: "sha256:" + strings.Repeat("0", 64), Entrypoint: []string{"/f"}}, coldstart.Options{}); !errors.Is(err, ErrNoImage) {
		t.Errorf("an image that is not there: %v", err)
	}
	if _, err := e.Open(ctx, c, img, coldstart.Options{LimitCPU: true, CPUPeriod: time.Millisecond}); err == nil && e.limits.cpu {
		t.Error("a quota that the kernel does not take")
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
	if _, err := e.Open(ctx, c, img, coldstart.Options{}); err == nil {
		t.Error("opening on a closed engine went well")
	}
}
