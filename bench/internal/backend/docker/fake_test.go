package docker

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeAPI is a Docker API that answers what it is told to, for what a real
// engine can't be made to do.
type fakeAPI struct {
	t       testing.TB
	version string // of the API
	product string
	info    map[string]any

	mu      sync.Mutex
	answers map[string]func(w http.ResponseWriter, r *http.Request)
	asked   []string
}

var versionPrefix = regexp.MustCompile(`^/v1\.[0-9]+`)

// newFakeAPI listens on a socket of its own and makes DOCKER_HOST name it.
func newFakeAPI(t *testing.T) *fakeAPI {
	t.Helper()
	f := &fakeAPI{
		t: t, version: "1.41", product: "Engine",
		info: map[string]any{
			"OSType": "linux", "Architecture": "x86_64", "CgroupVersion": "2",
			"CpuCfsQuota": true, "CpuCfsPeriod": true, "MemoryLimit": true, "PidsLimit": true,
		},
		answers: map[string]func(http.ResponseWriter, *http.Request){},
	}
	socket := filepath.Join(t.TempDir(), "engine.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: f}}
	s.Start()
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	t.Setenv("DOCKER_HOST", "unix://"+socket)
	t.Setenv("DOCKER_API_VERSION", "")
	return f
}

// on sets the answer for a method and a path without the API's version.
func (f *fakeAPI) on(what string, h func(w http.ResponseWriter, r *http.Request)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[what] = h
}

// says returns an answer of a status and a JSON body.
func says(status int, body any) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
}

// hangs returns an answer that never comes.
func hangs(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := versionPrefix.ReplaceAllString(r.URL.Path, "")
	what := r.Method + " " + path
	f.mu.Lock()
	f.asked = append(f.asked, what)
	h := f.answers[what]
	f.mu.Unlock()
	switch {
	case h != nil:
		h(w, r)
	case strings.HasSuffix(path, "/_ping"):
		w.Header().Set("Api-Version", f.version)
		w.Header().Set("Ostype", "linux")
		fmt.Fprint(w, "OK")
	case what == "GET /version":
		says(200, map[string]any{
			"Version": "9.9.9", "ApiVersion": f.version,
			"Components": []map[string]any{{"Name": f.product, "Version": "9.9.9"}},
		})(w, r)
	case what == "GET /info":
		says(200, f.info)(w, r)
	case what == "GET /containers/json":
		says(200, []any{})(w, r)
	default:
		says(404, map[string]string{"message": "page not found"})(w, r)
	}
}

// connected connects to the fake.
func (f *fakeAPI) connected() *Engine {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	e, err := Connect(ctx, Options{Network: "none"})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = e.Close() })
	return e
}
