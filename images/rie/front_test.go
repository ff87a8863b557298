package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"coldbench/bench/runtimeapi"
)

// fake is an invoker that echoes.
type fake struct {
	events chan runtimeapi.Event
	err    error
	busy   atomic.Int32
	worst  atomic.Int32
}

func (f *fake) Invoke(_ context.Context, e runtimeapi.Event) (runtimeapi.Invocation, error) {
	f.worst.Store(max(f.worst.Load(), f.busy.Add(1)))
	defer f.busy.Add(-1)
	f.events <- e
	return runtimeapi.Invocation{RequestID: e.RequestID, Response: e.Payload}, f.err
}

func TestFront(t *testing.T) {
	const path = "/2015-03-31/functions/function/invocations"
	b64 := base64.StdEncoding.EncodeToString
	cases := []struct {
		name, method, path, body string
		header                   []string
		status                   int
		want                     string
		event                    *runtimeapi.Event // nil: nothing is invoked
	}{
		{"post", "POST", path, `{"a":1}`, nil, 200, `{"a":1}`, &runtimeapi.Event{Payload: []byte(`{"a":1}`)}},
		{"get, no body", "GET", path, "", nil, 200, "{}", &runtimeapi.Event{Payload: []byte("{}")}},
		{"by name", "POST", "/2015-03-31/functions/mine/invocations", "1", nil, 200, "1", &runtimeapi.Event{Payload: []byte("1")}},
		{"everything", "POST", path, "1", []string{"X-Amz-Client-Context", b64([]byte(`{"custom":{}}`)), "X-Amzn-Trace-Id", "Root=1", "X-Amz-Tenant-Id", "t"}, 200, "1",
			&runtimeapi.Event{Payload: []byte("1"), ClientContext: `{"custom":{}}`, TraceID: "Root=1", TenantID: "t"}},
		{"async", "POST", path, "2", []string{"X-Amz-Invocation-Type", "Event"}, 202, "", &runtimeapi.Event{Payload: []byte("2")}},
		{"dry run", "POST", path, "2", []string{"X-Amz-Invocation-Type", "DryRun"}, 204, "", nil},
		{"odd type", "POST", path, "2", []string{"X-Amz-Invocation-Type", "Odd"}, 400, `{"Type":"User","message":"X-Amz-Invocation-Type is none of RequestResponse, Event, DryRun"}`, nil},
		{"context, no base64", "POST", path, "2", []string{"X-Amz-Client-Context", "%"}, 400, `{"Type":"User","message":"X-Amz-Client-Context is not JSON in base64"}`, nil},
		{"context, no JSON", "POST", path, "2", []string{"X-Amz-Client-Context", b64([]byte("x"))}, 400, `{"Type":"User","message":"X-Amz-Client-Context is not JSON in base64"}`, nil},
		{"too large", "POST", path, strings.Repeat("x", runtimeapi.MaxPayload+1), nil, 413, `{"Type":"User","message":"Request must be smaller than 6291556 bytes for the InvokeFunction operation"}`, nil},
		{"another path", "POST", "/", "1", nil, 404, "404 page not found\n", nil},
		{"another function", "POST", "/2015-03-31/functions/other/invocations", "1", nil, 404, "404 page not found\n", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			env := &fake{events: make(chan runtimeapi.Event, 1)}
			f := newFront(env, runtimeapi.Function{Name: "mine", Version: "$LATEST"}, newOutput(io.Discard), io.Discard)
			f.open()
			r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
			for i := 0; i < len(c.header); i += 2 {
				r.Header.Set(c.header[i], c.header[i+1])
			}
			w := httptest.NewRecorder()
			f.ServeHTTP(w, r)
			if w.Code != c.status || w.Body.String() != c.want {
				t.Errorf("got %d %.200q", w.Code, w.Body)
			}
			if c.event == nil {
				if len(env.events) > 0 {
					t.Error("the function was invoked")
				}
				return
			}
			got := <-env.events
			if string(got.Payload) != string(c.event.Payload) || got.ClientContext != c.event.ClientContext || got.TraceID != c.event.TraceID || got.TenantID != c.event.TenantID || len(got.RequestID) != 36 {
				t.Errorf("event %+v", got)
			}
			if map[string][]string(w.Header())["x-amzn-RequestId"][0] != got.RequestID {
				t.Errorf("headers %v", w.Header())
			}
		})
	}
}

// TestFrontWaits lets nobody in before init has ended, and lets those go who do
// not want to wait.
func TestFrontWaits(t *testing.T) {
	env := &fake{events: make(chan runtimeapi.Event, 8), err: errors.New("broken")}
	var stderr bytes.Buffer
	f := newFront(env, runtimeapi.Function{}, newOutput(io.Discard), &stderr)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	f.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "POST", "/2015-03-31/functions/function/invocations", nil))
	if len(env.events) != 0 {
		t.Error("an invocation before its turn")
	}
	f.open()
	for range 2 {
		w := httptest.NewRecorder()
		f.ServeHTTP(w, httptest.NewRequest("POST", "/2015-03-31/functions/function/invocations", nil))
		if w.Code != http.StatusInternalServerError || map[string][]string(w.Header())["x-amzn-ErrorType"][0] != "ServiceException" {
			t.Errorf("got %v", w)
		}
	}
	if stderr.String() != "rie: broken\nrie: broken\n" {
		t.Errorf("stderr %q", stderr.String())
	}
}

// TestFrontTakesTurns has one invocation at a time.
func TestFrontTakesTurns(t *testing.T) {
	env := &fake{events: make(chan runtimeapi.Event)}
	f := newFront(env, runtimeapi.Function{}, newOutput(io.Discard), io.Discard)
	f.open()
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			f.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/2015-03-31/functions/function/invocations", nil))
		})
	}
	for range 10 {
		time.Sleep(time.Millisecond)
		<-env.events
	}
	wg.Wait()
	if n := env.worst.Load(); n != 1 {
		t.Errorf("%d at a time", n)
	}
}

// TestDependencies keeps the emulator small: it is a program that others start
// in their containers.
func TestDependencies(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	allowed := []string{"coldbench/bench/lambdalog", "coldbench/bench/runtimeapi", "coldbench/images/rie", "golang.org/x/sys/unix"}
	if !slices.Contains(deps, "net/http") {
		t.Fatalf("go list says %q", deps)
	}
	for _, d := range deps {
		first, _, _ := strings.Cut(d, "/")
		if (strings.Contains(first, ".") || first == "coldbench") && !slices.Contains(allowed, d) {
			t.Errorf("the emulator imports %s", d)
		}
	}
}
