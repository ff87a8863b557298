package runtimeapi

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	invalidID   = "{\"errorMessage\":\"Invalid request ID\",\"errorType\":\"InvalidRequestID\"}\n"
	notAllowed  = "{\"errorMessage\":\"State transition from %s to %s failed for runtime. Error: State transition is not allowed\",\"errorType\":\"InvalidStateTransition\"}\n"
	statusOK    = "{\"status\":\"OK\"}\n"
	jsonContent = "application/json"
)

// TestProtocol asks for everything that a runtime may and may not ask for, and
// compares statuses and bodies.
func TestProtocol(t *testing.T) {
	type call struct {
		what string
		answer
		status      int
		body        string
		contentType string
	}
	calls := make(chan call, 64)
	l := &toy{}
	l.run = func(p *toyProcess) Exit {
		check := func(what string, a answer, status int, body, contentType string) {
			calls <- call{what, a, status, body, contentType}
		}
		check("ping", p.do("GET", "/2018-06-01/ping", ""), 200, "pong", "text/plain; charset=utf-8")
		check("no route", p.do("GET", "/2018-06-01/runtime/nothing", ""), 404, "404 page not found\n", "text/plain; charset=utf-8")
		check("no route below an id", p.do("POST", base+"invocation/x/nothing", ""), 404, "404 page not found\n", "text/plain; charset=utf-8")
		check("restore", p.do("GET", base+"restore/next", ""), 404, "404 page not found\n", "text/plain; charset=utf-8")
		check("post to next", p.do("POST", base+"invocation/next", ""), 405, "", "")
		check("get of init/error", p.do("GET", base+"init/error", ""), 405, "", "")
		check("response before next", p.respond("x", "1"), 400, invalidID, jsonContent)
		check("logs", p.do("PUT", "/2020-08-15/logs", "{}"), 202, "{\"errorMessage\":\"Logs API is not supported\",\"errorType\":\"Logs.NotSupported\"}\n", jsonContent)
		check("telemetry", p.do("PUT", "/2022-07-01/telemetry", "{}"), 202, "{\"errorMessage\":\"Telemetry API is not supported\",\"errorType\":\"Telemetry.NotSupported\"}\n", jsonContent)

		id, a := p.next()
		check("next", a, 200, `{"n":1}`, jsonContent)
		check("init/error after next", p.do("POST", base+"init/error", "{}"), 403, fmt.Sprintf(notAllowed, "Running", "InitError"), jsonContent)
		check("response to another id", p.respond("8476a536-e9f4-11e8-9739-2dfe598c3fcd", "1"), 400, invalidID, jsonContent)
		check("error to another id", p.do("POST", base+"invocation/x/error", "{}"), 400, invalidID, jsonContent)
		check("response", p.respond(id, `"first"`), 202, statusOK, jsonContent)
		check("second response", p.respond(id, `"second"`), 403, fmt.Sprintf(notAllowed, "RuntimeResponseSentState", "InvocationResponse"), jsonContent)
		check("error after response", p.do("POST", base+"invocation/"+id+"/error", "{}"), 403, fmt.Sprintf(notAllowed, "RuntimeResponseSentState", "InvocationErrorResponse"), jsonContent)

		next, a := p.next()
		check("next with everything", a, 200, `2`, jsonContent)
		check("response to the one before", p.respond(id, "1"), 400, invalidID, jsonContent)
		check("error", p.do("POST", base+"invocation/"+next+"/error", `{}`), 202, statusOK, jsonContent)
		check("response after error", p.respond(next, `1`), 403, fmt.Sprintf(notAllowed, "RuntimeResponseSentState", "InvocationResponse"), jsonContent)
		close(calls)
		p.next()
		return Exit{Signal: 9}
	}
	e := ready(t, Function{Name: "f", Timeout: 7 * time.Second}, l)
	before := time.Now()
	first := invoke(t, e, `{"n":1}`)
	if string(first.Response) != `"first"` {
		t.Errorf("response %s", first.Response)
	}
	if _, err := e.Invoke(t.Context(), Event{
		RequestID: "8476a536-e9f4-11e8-9739-2dfe598c3fcd", Payload: []byte(`2`), ClientContext: `{"client":{}}`,
		Identity: `{"cognitoIdentityId":"i"}`, TraceID: "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1", TenantID: "tenant",
	}); err != nil {
		t.Fatal(err)
	}
	after := time.Now()
	n := 0
	for c := range calls {
		n++
		if c.answer.status != c.status || c.answer.body != c.body || c.header.Get("Content-Type") != c.contentType {
			t.Errorf("%s: got %d %q %q\nwant %d %q %q", c.what, c.answer.status, c.answer.body, c.header.Get("Content-Type"), c.status, c.body, c.contentType)
		}
		if c.what != "next" && c.what != "next with everything" {
			continue
		}
		want := map[string]string{
			"Lambda-Runtime-Aws-Request-Id":       first.RequestID,
			"Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:012345678912:function:f",
		}
		if c.what != "next" {
			want["Lambda-Runtime-Aws-Request-Id"] = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
			want["Lambda-Runtime-Trace-Id"] = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1"
			want["Lambda-Runtime-Client-Context"] = `{"client":{}}`
			want["Lambda-Runtime-Cognito-Identity"] = `{"cognitoIdentityId":"i"}`
			want["Lambda-Runtime-Aws-Tenant-Id"] = "tenant"
		}
		for k, v := range want {
			if got := c.header.Get(k); got != v {
				t.Errorf("%s: %s is %q, want %q", c.what, k, got, v)
			}
		}
		ms, err := strconv.ParseInt(c.header.Get("Lambda-Runtime-Deadline-Ms"), 10, 64)
		if err != nil || ms < before.Add(7*time.Second).UnixMilli() || ms > after.Add(7*time.Second).UnixMilli() {
			t.Errorf("%s: deadline %d, %v", c.what, ms, err)
		}
		for k := range c.header {
			if _, ok := want[k]; !ok && strings.HasPrefix(k, "Lambda-") && k != "Lambda-Runtime-Deadline-Ms" {
				t.Errorf("%s: header %s ought not to be there", c.what, k)
			}
		}
	}
	if n != 20 {
		t.Errorf("%d calls were checked, want 20", n)
	}
}

// TestNextAfterInitError refuses /next to a runtime that has given up.
func TestNextAfterInitError(t *testing.T) {
	got := make(chan answer, 1)
	e := start(t, Function{}, &toy{run: func(p *toyProcess) Exit {
		p.do("POST", base+"init/error", "{}")
		_, a := p.next()
		got <- a
		return Exit{Code: 1}
	}})
	if in := mustInit(t, e); in.Done || in.ErrorType != "Function.Unknown" {
		t.Errorf("init %+v", in)
	}
	if a := <-got; a.status != 403 || a.body != fmt.Sprintf(notAllowed, "InitError", "Ready") {
		t.Errorf("got %+v", a)
	}
}

func TestErrorTypeOf(t *testing.T) {
	for header, want := range map[string]string{
		"":                         "Function.Unknown",
		"Runtime.ExitError":        "Runtime.ExitError",
		"Function.MyError":         "Function.MyError",
		"Runtime.":                 "Runtime.Unknown",
		"Runtime.x":                "Runtime.Unknown",
		"Runtime.Error1":           "Runtime.Unknown",
		"Function.a b":             "Function.Unknown",
		"Function":                 "Function.Unknown",
		"errors.errorString":       "Function.Unknown",
		"Runtime.X":                "Runtime.Unknown",
		"Runtime.Two.Points":       "Runtime.Unknown",
		"Extension.Crash":          "Function.Unknown",
		" Runtime.ExitError":       "Function.Unknown",
		"Runtime.ExitError\x00":    "Runtime.Unknown",
		"Function.\u00c4rger":      "Function.Unknown",
		"Function.ResponseTooLong": "Function.ResponseTooLong",
	} {
		if got := errorTypeOf(header); got != want {
			t.Errorf("%q: got %q, want %q", header, got, want)
		}
	}
}
