package awssim_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"coldbench/bench/internal/awssim"
	"coldbench/bench/internal/backend/backendtest"
	"coldbench/bench/internal/backend/sandbox"
	"coldbench/bench/internal/coldstart"
)

// real makes an engine, or skips.
func real(t *testing.T) *sandbox.Engine {
	t.Helper()
	e, err := sandbox.New(t.Context(), sandbox.Options{StateDir: t.TempDir()})
	if err != nil {
		backendtest.Require(t, "sandbox", err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// unpacked is an image of the test function.
func unpacked(t *testing.T) coldstart.Image {
	t.Helper()
	root := filepath.Join(t.TempDir(), "root")
	if err := os.MkdirAll(filepath.Join(root, "var/task"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := sandbox.MountPoints(root); err != nil {
		t.Fatal(err)
	}
	for d := root; len(d) > len(os.TempDir()); d = filepath.Dir(d) {
		_ = os.Chmod(d, 0o755)
	}
	binary, err := os.ReadFile(backendtest.Build(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "bootstrap"), binary, 0o755); err != nil {
		t.Fatal(err)
	}
	return coldstart.Image{ID: "sha256:test", Arch: runtime.GOARCH, Root: root, Entrypoint: []string{"/bootstrap"}}
}

func event(text string) func(*lambda.InvokeInput) {
	return func(in *lambda.InvokeInput) { in.Payload = []byte(text) }
}

// said is what the test function answers.
type said struct {
	InstanceID, Token string
	Invocation        int
}

func (w *world) say(name, payload string) (said, invoked) {
	w.t.Helper()
	var s said
	out, err := w.lambda.Invoke(context.Background(), &lambda.InvokeInput{FunctionName: aws.String(name), Payload: []byte(payload), LogType: types.LogTypeTail})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := json.Unmarshal(out.Payload, &s); err != nil || out.FunctionError != nil {
		w.t.Fatalf("%s: %v", out.Payload, err)
	}
	return s, invoked{version: aws.ToString(out.ExecutedVersion)}
}

// Functions really run: cold, warm, cold again after an update that they see.
func TestFunctionsRun(t *testing.T) {
	w := newWorld(t, awssim.Options{Engine: real(t), LimitCPU: true})
	if err := w.server.Deploy("f", unpacked(t), awssim.Function{MemoryMB: 512}); err != nil {
		t.Fatal(err)
	}
	first := w.invoke("f")
	m := first.report.Metrics
	if m.InitDurationMs == nil || *m.InitDurationMs <= 0 || *m.MemorySizeMB != 512 || m.MaxMemoryUsedMB == nil {
		t.Fatalf("%s", first.tail)
	}
	a, _ := w.say("f", "{}")
	b, _ := w.say("f", "{}")
	if a.Invocation != 2 || b.Invocation != 3 || a.InstanceID == "" || a.InstanceID != b.InstanceID {
		t.Errorf("%+v, %+v", a, b)
	}
	w.update("f", map[string]string{"BENCH_TOKEN": "t1"})
	w.updated("f")
	c, _ := w.say("f", "{}")
	if c.Invocation != 1 || c.InstanceID == a.InstanceID || c.Token != "t1" {
		t.Errorf("after an update: %+v", c)
	}
	// What a function writes goes through a pipe, and on a busy machine it may be
	// read when the invocation is over: then it is not in its tail.
	for try := 1; ; try++ {
		got := w.invoke("f", event(`{"do":"print","bytes":200}`))
		if strings.Contains(got.tail, "xxx") {
			break
		}
		if try == 20 {
			t.Fatalf("the function's output is not in the log: %q", got.tail)
		}
	}
}

// Invocations that overlap run side by side, in environments of their own.
func TestEnvironmentsRunSideBySide(t *testing.T) {
	w := newWorld(t, awssim.Options{Engine: real(t)})
	if err := w.server.Deploy("f", unpacked(t), awssim.Function{Timeout: 20 * time.Second}); err != nil {
		t.Fatal(err)
	}
	const n = 6
	var mu sync.Mutex
	var wg sync.WaitGroup
	instances := map[string]bool{}
	for range n {
		wg.Go(func() {
			s, _ := w.say("f", `{"do":"sleep","ms":1000}`)
			mu.Lock()
			defer mu.Unlock()
			instances[s.InstanceID] = true
		})
	}
	wg.Wait()
	if len(instances) != n {
		t.Errorf("%d environments of %d invocations", len(instances), n)
	}
}

// What goes wrong in a function is told as Lambda tells it, and the environment
// goes on with a fresh process.
func TestFunctionsThatFail(t *testing.T) {
	w := newWorld(t, awssim.Options{Engine: real(t)})
	image := unpacked(t)
	if err := w.server.Deploy("f", image, awssim.Function{Timeout: time.Second}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, payload, status, errorType string }{
		{"error", `{"do":"error"}`, "", ""},
		{"exit", `{"do":"exit","code":3}`, "error", "Runtime.ExitError"},
		{"timeout", `{"do":"hang"}`, "timeout", ""},
	} {
		got := w.invoke("f", event(c.payload))
		if got.failure != "Unhandled" || got.report.Status != c.status || got.report.ErrorType != c.errorType || got.report.RequestID == "" {
			t.Errorf("%s: %s: %+v", c.name, got.failure, got.tail)
		}
	}
	if s, _ := w.say("f", "{}"); s.Invocation != 1 {
		t.Errorf("after a timeout: %+v", s)
	}
	if n := w.server.Stats(); n.Cold != 1 || n.Served != 4 {
		t.Errorf("%+v", n)
	}
	// Init that fails is done again inside the invocation.
	if err := w.server.Deploy("init", image, awssim.Function{Env: map[string]string{"BENCH_TEST_INIT": "fail-once"}}); err != nil {
		t.Fatal(err)
	}
	got := w.invoke("init")
	if got.failure != "" || !strings.HasPrefix(got.tail, "failing once") && !strings.Contains(got.tail, "INIT_REPORT ") || got.report.Metrics.InitDurationMs != nil || got.report.RequestID == "" {
		t.Errorf("%s: %s", got.failure, got.tail)
	}
	image.Entrypoint = []string{"/nothing"}
	if err := w.server.Deploy("none", image, awssim.Function{}); err != nil {
		t.Fatal(err)
	}
	if got := w.invoke("none"); got.failure != "Unhandled" || !strings.Contains(got.tail, "Runtime.InvalidEntrypoint") {
		t.Errorf("%s: %s", got.failure, got.tail)
	}
}

// A zip is unpacked to /var/task; one that would reach beyond is refused.
func TestZips(t *testing.T) {
	engine := real(t)
	dir := t.TempDir()
	for d := dir; len(d) > len(os.TempDir()); d = filepath.Dir(d) {
		_ = os.Chmod(d, 0o755)
	}
	w := newWorld(t, awssim.Options{Engine: engine, StateDir: dir})
	binary, err := os.ReadFile(backendtest.Build(t))
	if err != nil {
		t.Fatal(err)
	}
	pack := func(name string, content []byte) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = f.Write(content)
		}
		if err = errors.Join(err, z.Close()); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	create := func(name string, content []byte) error {
		_, err := w.lambda.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
			FunctionName: aws.String(name), Role: aws.String("arn:aws:iam::000000000000:role/r"), Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
			Code: &types.FunctionCode{ZipFile: content}, Architectures: []types.Architecture{map[string]types.Architecture{"amd64": types.ArchitectureX8664, "arm64": types.ArchitectureArm64}[runtime.GOARCH]},
		})
		return err
	}
	refused(t, create("a", []byte("no zip")), 400, "InvalidParameterValueException")
	refused(t, create("a", pack("../bootstrap", []byte("x"))), 400, "InvalidParameterValueException")
	refused(t, create("a", pack("main", []byte("x"))), 400, "InvalidParameterValueException")
	if err := create("f", pack("bootstrap", binary)); err != nil {
		t.Fatal(err)
	}
	w.updated("f")
	if s, _ := w.say("f", "{}"); s.Invocation != 1 {
		t.Errorf("%+v", s)
	}
	if c := w.get("f"); c.PackageType != types.PackageTypeZip || c.CodeSize == 0 {
		t.Errorf("%+v", c)
	}
	if err := w.server.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "coldbench-zip-*")); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}
