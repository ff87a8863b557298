package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
)

// TestConnectSaysWhatIsWrong: each way in which an engine can't be used has an
// error that names it and a hint.
func TestConnectSaysWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		spoil      func(t *testing.T, f *fakeAPI)
		want, hint string
	}{
		"too old": {func(_ *testing.T, f *fakeAPI) { f.version = "1.24" }, "too old: API 1.40 or newer", "update the engine"},
		"an address that is none": {func(t *testing.T, f *fakeAPI) { t.Setenv("DOCKER_HOST", "nonsense") },
			"reading the engine's address", "set DOCKER_HOST"},
		"nobody there": {func(t *testing.T, f *fakeAPI) {
			t.Setenv("DOCKER_HOST", "unix://"+filepath.Join(t.TempDir(), "none.sock"))
		}, "no Docker engine answers at unix://", "--engine sandbox"},
		"refused": {func(t *testing.T, f *fakeAPI) { t.Setenv("DOCKER_HOST", "tcp://"+closedPort(t)) },
			"no Docker engine answers at tcp://", "--engine sandbox"},
		"windows":             {func(_ *testing.T, f *fakeAPI) { f.info["OSType"] = "windows" }, "runs windows containers", "Linux containers"},
		"an architecture":     {func(_ *testing.T, f *fakeAPI) { f.info["Architecture"] = "riscv64" }, `"riscv64"`, ""},
		"an error of its own": {func(_ *testing.T, f *fakeAPI) { f.on("GET /info", says(500, map[string]string{"message": "no disk"})) }, "no disk", "docker info"},
		"an invalid list":     {func(_ *testing.T, f *fakeAPI) { f.on("GET /containers/json", says(200, 7)) }, "listing containers", ""},
		"an answer that is no": {func(_ *testing.T, f *fakeAPI) {
			f.on("GET /version", says(403, map[string]string{"message": "permission denied by policy"}))
		}, "permission denied", "docker"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeAPI(t)
			c.spoil(t, f)
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			e, err := Connect(ctx, Options{})
			if err == nil {
				e.Close()
				t.Fatal("connected")
			}
			if !strings.Contains(err.Error(), c.want) || !strings.Contains(advice.HintOf(err), c.hint) {
				t.Errorf("error %q, hint %q; want %q, %q", err, advice.HintOf(err), c.want, c.hint)
			}
			if none := strings.HasPrefix(c.want, "no Docker engine"); none != errors.Is(err, ErrNoEngine) {
				t.Errorf("ErrNoEngine: %v", !none)
			}
			findings := Check(ctx)
			if name != "an invalid list" && (len(findings) != 1 || findings[0].Severity == advice.OK || findings[0].Text != err.Error()) {
				t.Errorf("check found %+v", findings)
			}
		})
	}
}

func closedPort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestConnectDoesNotWaitForEver(t *testing.T) {
	f := newFakeAPI(t)
	f.on("GET /info", hangs)
	if _, _, err := dial(context.Background(), 30*time.Millisecond); !errors.Is(err, errSilent) || advice.HintOf(err) == "" {
		t.Errorf("an engine that hangs: %v", err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	enough := errors.New("enough")
	time.AfterFunc(30*time.Millisecond, func() { cancel(enough) })
	if _, err := Connect(ctx, Options{}); !errors.Is(err, enough) {
		t.Errorf("an interrupt: %v", err)
	}
}

func TestPermissionDeniedIsSaid(t *testing.T) {
	for _, err := range []error{
		&net.OpError{Op: "dial", Err: syscall.EACCES},
		fmt.Errorf("dial: %w", fs.ErrPermission),
		errors.New("Got permission denied while trying to connect"),
	} {
		got := explainConnect(context.Background(), "unix:///x", err)
		if !strings.Contains(got.Error(), "permission denied") || !strings.Contains(advice.HintOf(got), "usermod") {
			t.Errorf("%v: %v, hint %q", err, got, advice.HintOf(got))
		}
	}
}

func TestNetworkIsChecked(t *testing.T) {
	if _, err := Connect(context.Background(), Options{Network: "host"}); err == nil || !strings.Contains(err.Error(), "bridge or none") {
		t.Errorf("%v", err)
	}
}

func TestEngineFailureKeepsWhatIsKnown(t *testing.T) {
	known := &coldstart.InvocationError{Reason: coldstart.ReasonExit}
	ctx := context.Background()
	var f *coldstart.InvocationError
	switch err := engineFailure(ctx, fmt.Errorf("x: %w", known)); {
	case !errors.As(err, &f) || f != known:
		t.Errorf("a failure: %v", err)
	}
	if err := engineFailure(ctx, errors.New("x")); !errors.As(err, &f) || f.Reason != coldstart.ReasonEngine {
		t.Errorf("another error: %v", err)
	}
	if err := engineFailure(ctx, nil); err != nil {
		t.Errorf("none: %v", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := engineFailure(ended, errors.New("x")); err != context.Canceled {
		t.Errorf("an interrupt: %v", err)
	}
}

// TestLimitsAreWhatTheEngineCan: Docker's update, Podman's own, or none, which
// is said.
func TestLimitsAreWhatTheEngineCan(t *testing.T) {
	const update = "POST /containers/coldbench-no-such-container/update"
	const libpod = "POST /v4.0.0/libpod/containers/coldbench-no-such-container/update"
	missing := says(404, map[string]string{"message": "No such container: coldbench-no-such-container"})
	asked := coldstart.Options{LimitCPU: true}
	for name, c := range map[string]struct {
		spoil       func(f *fakeAPI)
		cpu, memory string
		warning     string
	}{
		"docker":          {func(f *fakeAPI) {}, "quota", "limit", ""},
		"no quota":        {func(f *fakeAPI) { f.info["CpuCfsQuota"] = false }, "not limited: the engine can't", "limit", "not CPU-limited"},
		"no memory limit": {func(f *fakeAPI) { f.info["MemoryLimit"] = false }, "quota", "not limited: the engine can't", "not memory-limited"},
		"podman without root": {func(f *fakeAPI) {
			f.product = "Podman Engine"
			f.on(update, missing)
			f.on("GET /v4.0.0/libpod/info", says(200, map[string]any{"host": map[string]any{
				"cgroupControllers": []string{"memory", "pids"}, "security": map[string]any{"rootless": true},
			}}))
		}, "not limited: the engine can't", "limit", "not CPU-limited"},
		"podman, docker's": {func(f *fakeAPI) { f.product = "Podman Engine"; f.on(update, missing) }, "quota", "limit", ""},
		"podman, its own":  {func(f *fakeAPI) { f.product = "Podman Engine"; f.on(libpod, missing) }, "quota", "limit", ""},
		"podman, neither":  {func(f *fakeAPI) { f.product = "Podman Engine" }, "not limited: the engine can't", "limit", "not CPU-limited"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeAPI(t)
			c.spoil(f)
			e := f.connected()
			if l := e.Limits(asked); l.CPU != c.cpu || l.Memory != c.memory {
				t.Errorf("limits %+v", l)
			}
			if l := e.Limits(coldstart.Options{}); l.CPU != "not limited: as asked" && c.cpu == "quota" {
				t.Errorf("limits that were not asked for: %+v", l)
			}
			if w := strings.Join(e.Warnings(), "; "); (c.warning == "") != (w == "") || !strings.Contains(w, c.warning) {
				t.Errorf("warnings %q", w)
			}
			if (e.updater == nil) != (c.cpu != "quota") {
				t.Error("there is a way to change the quota, or none, against what is said")
			}
		})
	}
}

func TestLibpodUpdateKeepsThePeriod(t *testing.T) {
	f := newFakeAPI(t)
	var body string
	f.on("POST /v4.0.0/libpod/containers/abc/update", func(w http.ResponseWriter, r *http.Request) {
		b := make([]byte, 1000)
		n, _ := r.Body.Read(b)
		body = string(b[:n])
		w.WriteHeader(201)
	})
	e := f.connected()
	if err := e.updateLibpod(context.Background(), "abc", 20000, 1447); err != nil {
		t.Fatal(err)
	}
	if body != `{"cpu":{"period":20000,"quota":1447}}` {
		t.Errorf("asked for %s", body)
	}
	if err := e.updateLibpod(context.Background(), "def", 1, 1); err == nil {
		t.Error("a container that is not there was updated")
	}
}

func TestFactsOfTheEngine(t *testing.T) {
	f := newFakeAPI(t)
	f.product = "Podman Engine"
	e := f.connected()
	if e.Version() != "podman 9.9.9" || e.Cgroup() != "v2" || e.Arch() != "amd64" || e.Strategy() != "new-container" {
		t.Errorf("%q, %q, %q, %q", e.Version(), e.Cgroup(), e.Arch(), e.Strategy())
	}
}
