package docker

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"coldbench/bench/internal/backend/backendtest"
	"coldbench/bench/internal/backend/localenv"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/runtimeapi"
)

// connect returns an engine that the test closes, or skips.
func connect(t testing.TB, o Options) *Engine {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if o.Network == "" {
		o.Network = "none"
	}
	e, err := Connect(ctx, o)
	if err != nil {
		backendtest.Require(t, "docker", err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("closing the engine: %v", err)
		}
	})
	return e
}

// built is a program of this module for the engine's architecture.
var built sync.Map

func build(t testing.TB, arch, pkg string) []byte {
	t.Helper()
	v, _ := built.LoadOrStore(arch+pkg, sync.OnceValues(func() ([]byte, error) {
		dir, err := os.MkdirTemp("", "coldbench")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		out := filepath.Join(dir, "program")
		cmd := exec.Command("go", "build", "-tags", "lambda.norpc", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", out, pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
		if text, err := cmd.CombinedOutput(); err != nil {
			return nil, &buildError{string(text), err}
		}
		return os.ReadFile(out)
	}))
	b, err := v.(func() ([]byte, error))()
	if err != nil {
		t.Fatalf("building %s: %v", pkg, err)
	}
	return b
}

type buildError struct {
	text string
	err  error
}

func (e *buildError) Error() string { return e.err.Error() + ": " + e.text }

// imageTar writes an image made from nothing in docker save's form and returns
// it and its ID.
func imageTar(t testing.TB, arch string, files map[string][]byte, config map[string]any) ([]byte, string) {
	t.Helper()
	archive := func(files map[string][]byte) []byte {
		var list []file
		for name, content := range files {
			list = append(list, file{name, content})
		}
		var b bytes.Buffer
		if err := writeTar(&b, 0o755, list...); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	layer := archive(files)
	sum := sha256.Sum256(layer)
	raw, err := json.Marshal(map[string]any{
		"architecture": arch, "os": "linux", "config": config,
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + hex.EncodeToString(sum[:])}},
	})
	if err != nil {
		t.Fatal(err)
	}
	id := sha256.Sum256(raw)
	name := hex.EncodeToString(id[:])
	manifest, err := json.Marshal([]map[string]any{{"Config": name + ".json", "Layers": []string{"layer.tar"}}})
	if err != nil {
		t.Fatal(err)
	}
	return archive(map[string][]byte{"layer.tar": layer, name + ".json": raw, "manifest.json": manifest}), "sha256:" + name
}

// load puts an image into the engine and takes it out at the end of the test.
func load(t testing.TB, e *Engine, files map[string][]byte, entrypoint ...string) coldstart.Image {
	t.Helper()
	ctx := context.Background()
	content, id := imageTar(t, e.Arch(), files, map[string]any{
		"Entrypoint": entrypoint, "Env": []string{"PATH=/usr/bin:/bin"},
		// An image of this test's own: another process may load the same content
		// into the same engine, and take it out again.
		"Labels": map[string]string{"coldbench.test": newRunID()},
	})
	if err := e.Load(ctx, bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeImage(t, e, id) })
	img, err := e.Describe(ctx, id, "linux/"+e.Arch())
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func hello(t testing.TB, e *Engine) coldstart.Image {
	t.Helper()
	return load(t, e, map[string][]byte{"bootstrap": build(t, e.Arch(), "coldbench/function")}, "/bootstrap")
}

// newMachine returns a machine of the engine that the test closes.
func newMachine(t testing.TB, e *Engine, img coldstart.Image, memoryMB int, o coldstart.Options) localenv.Machine {
	t.Helper()
	m, err := e.newMachine(context.Background(), coldstart.Config{Variant: "test", MemoryMB: memoryMB, Arch: e.Arch()}, img, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Errorf("closing the machine: %v", err)
		}
	})
	return m
}

// TestContainerIsLimitedAsLambdaDoes looks at the container itself: two vCPUs
// for init, the share of the memory size from then on, the same period, and no
// boost for an init inside an invocation.
func TestContainerIsLimitedAsLambdaDoes(t *testing.T) {
	e := connect(t, Options{})
	if e.facts.product != "docker" {
		t.Skip("another engine shows its limits in another way")
	}
	program, err := os.ReadFile(backendtest.Build(t))
	if err != nil {
		t.Fatal(err)
	}
	img := load(t, e, map[string][]byte{"bootstrap": program}, "/bootstrap")
	ctx := context.Background()
	m := newMachine(t, e, img, 128, coldstart.Options{LimitCPU: true, Timeout: 3 * time.Second}).(*machine)
	quotas := func(step string, want int64) {
		t.Helper()
		c, err := e.cli.ContainerInspect(ctx, m.latest.id, client.ContainerInspectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		r := c.Container.HostConfig.Resources
		if r.CPUPeriod != 20_000 || r.CPUQuota != want || r.Memory != 128<<20 || r.MemorySwap != r.Memory {
			t.Errorf("%s: period %d, quota %d, memory %d, with swap %d; want 20000, %d, 128 MB", step, r.CPUPeriod, r.CPUQuota, r.Memory, r.MemorySwap, want)
		}
	}
	if err := m.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	quotas("init", 40_000)
	if in, err := m.Init(ctx); err != nil || !in.Done {
		t.Fatalf("%+v, %v", in, err)
	}
	if err := m.Limit(ctx); err != nil {
		t.Fatal(err)
	}
	quotas("after init", 1_447)
	inv, err := m.Invoke(ctx, runtimeapi.Event{Payload: []byte(`{"do":"exit","code":3}`)})
	if err != nil || inv.Exit == nil || inv.Exit.Code != 3 {
		t.Fatalf("%+v, %v", inv, err)
	}
	if inv, err = m.Invoke(ctx, runtimeapi.Event{Payload: []byte(`{}`)}); err != nil || !inv.InitInside || inv.Status != "success" {
		t.Fatalf("%+v, %v", inv, err)
	}
	quotas("init inside an invocation", 1_447)
	if throttled, known := m.Throttled(); !known || throttled < 0 {
		t.Errorf("throttled: %v, %v", throttled, known)
	}
	if out := m.Output(); !strings.Contains(out, "exiting") {
		t.Errorf("output %q", out)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
}

func TestOneEnvironmentAtATime(t *testing.T) {
	e := connect(t, Options{})
	img := hello(t, e)
	ctx := context.Background()
	first := newMachine(t, e, img, 128, coldstart.Options{})
	second := newMachine(t, e, img, 128, coldstart.Options{})
	if err := first.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	if err := second.Provision(ctx); err == nil || !strings.Contains(err.Error(), "another environment") {
		t.Errorf("a second one: %v", err)
	}
	if in, err := first.Init(ctx); err != nil || !in.Done {
		t.Errorf("the first one after it: %+v, %v", in, err)
	}
}

func removeImage(t testing.TB, e *Engine, id string) {
	t.Helper()
	if _, err := e.cli.ImageRemove(context.Background(), id, client.ImageRemoveOptions{}); err != nil {
		t.Logf("removing the test's image, which another test may use too: %v", err)
	}
}
