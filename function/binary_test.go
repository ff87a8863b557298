package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// build makes a binary of this package, with the flags of the Makefile and tags
// beside lambda.norpc.
func build(t *testing.T, tags string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "bootstrap")
	cmd := exec.Command("go", "build", "-tags", "lambda.norpc"+tags, "-trimpath", "-buildvcs=false", "-o", out, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, b)
	}
	return out
}

// platform is the least of a Runtime API: it hands out events one after the
// other and keeps what comes back.
type platform struct {
	mu       sync.Mutex
	events   []string
	next     int
	answers  []string
	failures []string
	done     chan struct{}
	// atFirstNext is called when the first GET /next has arrived.
	atFirstNext func()
}

func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case strings.HasSuffix(r.URL.Path, "/next"):
		if p.next == 0 && p.atFirstNext != nil {
			p.atFirstNext()
		}
		if p.next == len(p.events) {
			if p.next >= 0 {
				close(p.done)
				p.next = -1
			}
			p.mu.Unlock()
			<-r.Context().Done()
			p.mu.Lock()
			return
		}
		p.next++
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", fmt.Sprintf("request-%d", p.next))
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(time.Minute).UnixMilli(), 10))
		io.WriteString(w, p.events[p.next-1])
	case strings.HasSuffix(r.URL.Path, "/response"):
		p.answers = append(p.answers, string(body))
		w.WriteHeader(http.StatusAccepted)
	case strings.HasSuffix(r.URL.Path, "/error"):
		p.failures = append(p.failures, string(body))
		w.WriteHeader(http.StatusAccepted)
	default:
		http.NotFound(w, r)
	}
}

// serve runs a binary until it has answered all events, and returns what it
// wrote to stderr.
func (p *platform) serve(t *testing.T, binary string, env ...string) string {
	t.Helper()
	p.done = make(chan struct{})
	server := httptest.NewServer(p)
	defer server.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary)
	cmd.Env = append([]string{"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(server.URL, "http://")}, env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-p.done:
		cmd.Process.Kill()
		<-ended
	case err := <-ended:
		t.Fatalf("the function ended: %v\n%s", err, &stderr)
	}
	return stderr.String()
}

func TestBinaryServesTheRuntimeAPI(t *testing.T) {
	binary := build(t, "")
	p := &platform{events: []string{`{"name":"you"}`, `[]`, `{}`}}
	p.serve(t, binary, "BENCH_TOKEN=token-7")
	if len(p.answers) != 2 || len(p.failures) != 1 {
		t.Fatalf("answers %q, failures %q: want two and one", p.answers, p.failures)
	}
	type said struct {
		Message, InstanceID, Token string
		Invocation                 int
		ProcessUptimeMs            *int64
		StartedAtNs                int64
	}
	var first, second said
	for i, into := range []*said{&first, &second} {
		if err := json.Unmarshal([]byte(p.answers[i]), into); err != nil {
			t.Fatal(err)
		}
	}
	if first.Message != "hello, you" || second.Message != "hello, world" {
		t.Errorf("messages %q and %q", first.Message, second.Message)
	}
	if first.Invocation != 1 || second.Invocation != 3 {
		t.Errorf("invocations %d and %d, want 1 and 3", first.Invocation, second.Invocation)
	}
	if first.InstanceID == "" || first.InstanceID != second.InstanceID {
		t.Errorf("instance IDs %q and %q, want one", first.InstanceID, second.InstanceID)
	}
	if first.Token != "token-7" {
		t.Errorf("token %q, want token-7", first.Token)
	}
	if first.StartedAtNs <= 0 || first.StartedAtNs != second.StartedAtNs {
		t.Errorf("started at %d and %d, want one time", first.StartedAtNs, second.StartedAtNs)
	}
	if runtime.GOOS == "linux" && (first.ProcessUptimeMs == nil || *first.ProcessUptimeMs%10 != 0) {
		t.Errorf("process uptime %v, want a multiple of 10 ms", first.ProcessUptimeMs)
	}
	var failure struct{ ErrorMessage, ErrorType string }
	if err := json.Unmarshal([]byte(p.failures[0]), &failure); err != nil {
		t.Fatal(err)
	}
	if failure.ErrorType != "EventError" || !strings.Contains(failure.ErrorMessage, "reading the event") {
		t.Errorf("failure %+v, want an EventError", failure)
	}
}

// The clock must be read before any package is initialized that is not part of
// the Go runtime, or startedAtNs would hide part of the init.
func TestStartedIsInitializedFirst(t *testing.T) {
	p := &platform{events: []string{`{}`}}
	stderr := p.serve(t, build(t, ""), "GODEBUG=inittrace=1")
	var order []string
	for line := range strings.Lines(stderr) {
		if name, ok := strings.CutPrefix(line, "init "); ok {
			order = append(order, strings.Fields(name)[0])
		}
	}
	if len(order) < 10 {
		t.Fatalf("only %d packages in the init trace:\n%s", len(order), stderr)
	}
	for _, name := range order {
		if name == "coldbench/function/started" {
			return
		}
		if name != "runtime" && !strings.HasPrefix(name, "internal/") {
			t.Fatalf("package %s is initialized before coldbench/function/started: %q", name, order)
		}
	}
	t.Fatalf("coldbench/function/started is not in the init trace: %q", order)
}

func TestFunctionImportsOnlyItsRuntimeClient(t *testing.T) {
	b, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(b))
	if len(deps) < 3 {
		t.Fatalf("only %q in the dependencies", deps)
	}
	for _, d := range deps {
		if !strings.HasPrefix(d, "github.com/aws/aws-lambda-go/") && d != "coldbench/function" && d != "coldbench/function/started" {
			t.Errorf("the function imports %s", d)
		}
	}
}
