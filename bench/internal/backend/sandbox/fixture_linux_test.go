package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/runtimeapi"
)

// arch is this machine's.
const arch = runtime.GOARCH

// binDir names a folder that holds the programs of these tests, so that the
// test binary runs where there is no Go: as another user, say.
const binDir = "COLDBENCH_SANDBOX_BIN"

// programs are the main packages that the tests run, by the name of the file.
var programs = map[string]string{
	"start":    "coldbench/images/start",
	"function": "coldbench/function",
	"probe":    "./testdata/probe",
	"contract": "coldbench/bench/internal/backend/backendtest/function",
}

var (
	buildOnce sync.Once
	builtDir  string
	buildErr  error
)

func TestMain(m *testing.M) {
	if helper := os.Getenv(helperVariable); helper != "" {
		os.Exit(helpers[helper]())
	}
	code := m.Run()
	if builtDir != "" && os.Getenv(binDir) == "" {
		_ = os.RemoveAll(builtDir)
	}
	os.Exit(code)
}

// bin returns the path of a program.
func bin(t testing.TB, name string) string {
	t.Helper()
	buildOnce.Do(func() {
		if builtDir = os.Getenv(binDir); builtDir != "" {
			return
		}
		if builtDir, buildErr = os.MkdirTemp("", "coldbench-sandbox-test-"); buildErr != nil {
			return
		}
		_ = os.Chmod(builtDir, 0o755)
		for name, pkg := range programs {
			cmd := exec.Command("go", "build", "-tags", "lambda.norpc", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w",
				"-o", filepath.Join(builtDir, name), pkg)
			cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
			if out, err := cmd.CombinedOutput(); err != nil {
				buildErr = errors.New(string(out))
				return
			}
		}
	})
	if buildErr != nil {
		t.Fatal(buildErr)
	}
	return filepath.Join(builtDir, name)
}

// unpack makes an image's root: what a scratch image holds once it is unpacked.
func unpack(t testing.TB, program string) coldstart.Image {
	t.Helper()
	root := filepath.Join(t.TempDir(), "root")
	for _, dir := range []string{"", "bin", "var/task"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := MountPoints(root); err != nil {
		t.Fatal(err)
	}
	openUp(t, root)
	content, err := os.ReadFile(bin(t, program))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "bootstrap"), content, 0o755); err != nil {
		t.Fatal(err)
	}
	return coldstart.Image{ID: "sha256:" + program, Arch: runtime.GOARCH, Root: root, Entrypoint: []string{"/bootstrap"}, Command: []string{"handler"}}
}

// openUp lets every user reach a folder below the temporary one.
func openUp(t testing.TB, dir string) {
	t.Helper()
	for d := dir; len(d) > len(os.TempDir()); d = filepath.Dir(d) {
		_ = os.Chmod(d, 0o755)
	}
}

// engine makes one, closed at the end of the test, and demands that nothing is
// left then.
func engine(t testing.TB) *Engine {
	t.Helper()
	start, err := os.ReadFile(bin(t, "start"))
	if err != nil {
		t.Fatal(err)
	}
	require(t)
	e, err := newEngine(context.Background(), Options{StateDir: t.TempDir(), Log: func(line string) { t.Log(line) }}, start)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// require skips where no sandbox can be made, unless they are demanded.
func require(t testing.TB) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("BENCH_REQUIRE"), ","), "sandbox") || os.Geteuid() == 0 {
		return
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^$")
	cmd.SysProcAttr = namespaces(true)
	if err := cmd.Run(); err != nil && denied(err) {
		t.Skip("no user namespaces: ", err)
	}
}

// testMachine makes an environment.
func testMachine(t testing.TB, e *Engine, img coldstart.Image, mb int, o coldstart.Options) *machine {
	t.Helper()
	open, err := e.open(t.Context(), coldstart.Config{Variant: "test", MemoryMB: mb, Arch: runtime.GOARCH}, img, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = open.server.Close() })
	m, err := open.machine()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// started is testMachine after init and Limit.
func started(t testing.TB, e *Engine, img coldstart.Image, mb int, o coldstart.Options) *machine {
	t.Helper()
	m := testMachine(t, e, img, mb, o)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := m.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	in, err := m.Init(ctx)
	if err != nil || !in.Done {
		t.Fatalf("init: %+v, %v; output %q", in, err, m.Output())
	}
	if err := m.Limit(ctx); err != nil {
		t.Fatal(err)
	}
	return m
}

// invoke demands only that the emulator works.
func invoke(t testing.TB, m *machine, payload string) runtimeapi.Invocation {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	inv, err := m.Invoke(ctx, runtimeapi.Event{Payload: []byte(payload)})
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// answer decodes the answer of an invocation that must be successful.
func answer(t testing.TB, inv runtimeapi.Invocation, into any) {
	t.Helper()
	if inv.Status != "success" || inv.FunctionError != "" {
		t.Fatalf("%+v", inv)
	}
	if err := json.Unmarshal(inv.Response, into); err != nil {
		t.Fatalf("%s: %v", inv.Response, err)
	}
}
