// Package awssimtest serves the rehearsal's endpoint to tests. Its functions are
// Go functions in place of processes. A test sees each call first: it may answer
// the call itself, or change the endpoint's answer.
package awssimtest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"coldbench/bench/internal/awssim"
	"coldbench/bench/internal/coldstart"
)

// Image is the digest of the image that each function begins with.
var Image = "sha256:" + strings.Repeat("ab", 32)

// Repository is where the images of functions are: every one but that of digest 0.
var Repository = awssim.Repository("us-east-1")

// Digest makes up the digest of the n-th other image.
func Digest(n int) string { return fmt.Sprintf("sha256:%064x", n) }

// Fault may answer the n-th call of an operation in the endpoint's place, and is true then.
type Fault func(operation string, n int, w http.ResponseWriter, r *http.Request) bool

// Endpoint is an awssim.Server behind middleware.
type Endpoint struct {
	*httptest.Server
	Sim    *awssim.Server
	Engine *Engine
	t      testing.TB

	// Mu guards what follows.
	Mu    sync.Mutex
	Fault Fault
	// Edit changes the answer to the n-th call; document is nil unless it is a JSON object.
	Edit func(operation string, n int, document map[string]any)
	// Sent changes an invocation's header, and the REPORT of its log tail if that is sent.
	Sent func(h http.Header, id string, report *string)
	// Calls lists "OPERATION FUNCTION", Counts counts operations, Invocations those that came through.
	Calls       []string
	Counts      map[string]int
	Invocations int
}

// Serve begins an endpoint with functions. The test fails if one leaves anything behind.
func Serve(t testing.TB, names ...string) *Endpoint {
	return ServeWith(t, awssim.Options{}, names...)
}

// ServeWith is Serve with options. Log events show up at once and no quota holds.
func ServeWith(t testing.TB, o awssim.Options, names ...string) *Endpoint {
	t.Helper()
	e := &Endpoint{t: t, Engine: &Engine{}, Counts: map[string]int{}}
	o.Engine, o.Ingestion, o.NoQuotas, o.Images = e.Engine, -1, true, find
	var err error
	if e.Sim, err = awssim.New(o); err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		e.Deploy(n, nil)
	}
	e.Server = httptest.NewServer(e)
	t.Cleanup(func() {
		e.Close()
		if err := e.Sim.Close(); err != nil {
			t.Error(err)
		}
		if n := e.Sim.Stats(); n.Environments+e.Engine.Open() > 0 || n.Invocations != n.Served+n.Refused {
			t.Errorf("left behind: %+v, %d machines", n, e.Engine.Open())
		}
	})
	return e
}

func imageOf(digest string) coldstart.Image {
	return coldstart.Image{ID: digest, Digest: digest, Root: "/none", Arch: "amd64", Entrypoint: []string{"/bootstrap"}}
}

func find(_ context.Context, uri string) (coldstart.Image, error) {
	repository, digest, _ := strings.Cut(uri, "@")
	if repository != Repository || digest == Digest(0) {
		return coldstart.Image{}, fmt.Errorf("no image %s", uri)
	}
	return imageOf(digest), nil
}

// Deploy makes or replaces a function of 512 MB with the variable KEPT; change may be nil.
func (e *Endpoint) Deploy(name string, change func(f *awssim.Function)) {
	e.t.Helper()
	f := awssim.Function{MemoryMB: 512, Env: map[string]string{"KEPT": "secret-" + name}}
	if change != nil {
		change(&f)
	}
	if _, ok := e.Sim.Stats().Functions[name]; ok {
		e.ask("DELETE", name, nil)
	}
	if err := e.Sim.Deploy(name, imageOf(Image), f); err != nil {
		e.t.Fatal(err)
	}
}

// Function is how a function is configured now.
func (e *Endpoint) Function(name string) awssim.State { return e.Sim.Stats().Functions[name] }

// Change updates a function's configuration, as somebody else would.
func (e *Endpoint) Change(name string, members map[string]any) {
	e.t.Helper()
	e.update("PUT", name, "/configuration", members)
}

// ChangeImage updates a function's code.
func (e *Endpoint) ChangeImage(name, digest string) {
	e.t.Helper()
	e.update("PUT", name, "/code", map[string]any{"ImageUri": Repository + "@" + digest})
}

// Publish makes a version, and an alias of it unless alias is empty.
func (e *Endpoint) Publish(name, description, alias string) {
	e.t.Helper()
	version := e.update("POST", name, "/versions", map[string]any{"Description": description})["Version"]
	e.ask("GET", name+"?Qualifier="+fmt.Sprint(version), nil)
	e.ask("GET", name+"?Qualifier="+fmt.Sprint(version), nil)
	if alias != "" {
		e.ask("POST", name+"/aliases", map[string]any{"Name": alias, "FunctionVersion": version})
	}
}

// update makes a change when the one before is through, and returns when it is.
func (e *Endpoint) update(method, name, path string, in map[string]any) map[string]any {
	e.t.Helper()
	settle := func() {
		for range 2 {
			e.ask("GET", name, nil)
		}
	}
	settle()
	defer settle()
	return e.ask(method, name+path, in)
}

// UpdatesTake has updates of functions go on for a while.
func (e *Endpoint) UpdatesTake(times map[string]time.Duration) {
	var mu sync.Mutex
	until := map[string]time.Time{}
	e.Edit = func(op string, _ int, document map[string]any) {
		mu.Lock()
		defer mu.Unlock()
		switch op {
		case "UpdateFunctionConfiguration":
			name, _ := document["FunctionName"].(string)
			until[name] = time.Now().Add(times[name])
		case "GetFunction":
			c, _ := document["Configuration"].(map[string]any)
			if name, _ := c["FunctionName"].(string); time.Now().Before(until[name]) {
				c["LastUpdateStatus"] = "InProgress"
			}
		}
	}
}

// Shows changes what GetFunction shows of every function's configuration.
func (e *Endpoint) Shows(members map[string]any) {
	e.Edit = func(op string, _ int, document map[string]any) {
		if op == "GetFunction" {
			Set(document, members)
		}
	}
}

// Set changes the configuration in an answer of GetFunction.
func Set(document, members map[string]any) {
	if c, ok := document["Configuration"].(map[string]any); ok {
		maps.Copy(c, members)
	}
}

// ask calls the endpoint behind the middleware.
func (e *Endpoint) ask(method, path string, in map[string]any) map[string]any {
	e.t.Helper()
	body, err := json.Marshal(in)
	if err != nil || in == nil {
		body = nil
	}
	w := httptest.NewRecorder()
	e.Sim.ServeHTTP(w, httptest.NewRequest(method, "/2015-03-31/functions/"+path, bytes.NewReader(body)))
	var out map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &out); w.Code >= 300 || err != nil && w.Body.Len() > 0 {
		e.t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	return out
}

// ServeHTTP answers one call.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // its client was killed
	}
	op, name := awssim.Operation(r, body)
	if op == "UpdateFunctionCode" && !bytes.Contains(body, []byte(`"RevisionId"`)) {
		e.t.Errorf("UpdateFunctionCode of %s without a revision", name)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	e.Mu.Lock()
	e.Counts[op]++
	e.Calls = append(e.Calls, strings.TrimSpace(op+" "+name))
	n, fault, edit, sent := e.Counts[op], e.Fault, e.Edit, e.Sent
	e.Mu.Unlock()
	if fault != nil && fault(op, n, w, r) {
		return
	}
	if op == "Invoke" {
		e.Mu.Lock()
		e.Invocations++
		e.Mu.Unlock()
	}
	answer := httptest.NewRecorder()
	e.Sim.ServeHTTP(answer, r)
	out := answer.Body.Bytes()
	if op == "Invoke" && sent != nil {
		editTail(answer.Header(), sent)
	}
	if edit != nil {
		var document map[string]any
		if json.Unmarshal(out, &document) != nil {
			document = nil
		}
		if edit(op, n, document); document != nil {
			out, _ = json.Marshal(document)
		}
	}
	h := w.Header()
	maps.Copy(h, answer.Header())
	if answer.Code != http.StatusNoContent {
		h.Set("Content-Length", fmt.Sprint(len(out)))
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(out)
}

var reportLine = regexp.MustCompile(`(?m)^(REPORT |\{.*platform\.report).*$`)

// editTail lets a test change the REPORT in a log tail.
func editTail(h http.Header, sent func(h http.Header, id string, report *string)) {
	tail, _ := base64.StdEncoding.DecodeString(h.Get("X-Amz-Log-Result"))
	report := reportLine.FindString(string(tail))
	before := report
	sent(h, h.Get("X-Amzn-Requestid"), &report)
	if h.Get("X-Amz-Log-Result") != "" {
		h.Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString(bytes.Replace(tail, []byte(before), []byte(report), 1)))
	}
}

// Reply sends a JSON answer in one piece.
func Reply(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", fmt.Sprint(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// Refuse sends an error of AWS's.
func Refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("X-Amzn-Errortype", code)
	Reply(w, status, map[string]string{"Message": message, "__type": code})
}

// Refusing makes a Fault that refuses an operation, or all if it is empty.
func Refusing(operation string, status int, code, message string) Fault {
	return func(op string, _ int, w http.ResponseWriter, _ *http.Request) bool {
		switch {
		case operation != "" && op != operation:
			return false
		case op == "GetCallerIdentity": // answers in XML
			text := "<ErrorResponse><Error><Type>Sender</Type><Code>" + code + "</Code><Message>" + message + "</Message></Error></ErrorResponse>"
			w.Header().Set("Content-Length", fmt.Sprint(len(text)))
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		default:
			Refuse(w, status, code, message)
		}
		return true
	}
}
