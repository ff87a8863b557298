package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"coldbench/bench/runtimeapi"
)

// invoker is what takes an event: an execution environment.
type invoker interface {
	Invoke(context.Context, runtimeapi.Event) (runtimeapi.Invocation, error)
}

// front is the part of Lambda's Invoke API that the emulator has.
type front struct {
	env      invoker
	function runtimeapi.Function
	out      *output
	stderr   io.Writer
	// turn is held by the invocation that runs: the others queue for it.
	turn chan struct{}
}

// newFront makes a front that is shut until open is called.
func newFront(env invoker, f runtimeapi.Function, out *output, stderr io.Writer) *front {
	return &front{env: env, function: f, out: out, stderr: stderr, turn: make(chan struct{}, 1)}
}

// open lets the first invocation in.
func (f *front) open() { f.turn <- struct{}{} }

// ServeHTTP invokes the function. As in AWS's emulator any method will do.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/2015-03-31/functions/function/invocations",
		"/2015-03-31/functions/" + f.function.Name + "/invocations":
	default:
		http.NotFound(w, r)
		return
	}
	payload, err := io.ReadAll(io.LimitReader(r.Body, runtimeapi.MaxPayload+1))
	if err != nil {
		fail(w, http.StatusBadRequest, "InvalidRequestContentException", "the request was cut off")
		return
	}
	if len(payload) > runtimeapi.MaxPayload {
		fail(w, http.StatusRequestEntityTooLarge, "RequestTooLargeException",
			fmt.Sprintf("Request must be smaller than %d bytes for the InvokeFunction operation", runtimeapi.MaxPayload))
		return
	}
	if len(payload) == 0 {
		payload = []byte("{}")
	}
	cc, err := base64.StdEncoding.DecodeString(r.Header.Get("X-Amz-Client-Context"))
	if err != nil || len(cc) > 0 && !json.Valid(cc) {
		fail(w, http.StatusBadRequest, "InvalidRequestContentException", "X-Amz-Client-Context is not JSON in base64")
		return
	}
	e := runtimeapi.Event{
		RequestID:     runtimeapi.NewRequestID(),
		Payload:       payload,
		ClientContext: string(cc),
		TraceID:       r.Header.Get("X-Amzn-Trace-Id"),
		TenantID:      r.Header.Get("X-Amz-Tenant-Id"),
	}
	// Keys as AWS writes them.
	w.Header()["x-amzn-RequestId"] = []string{e.RequestID}
	switch kind := r.Header.Get("X-Amz-Invocation-Type"); kind {
	case "", "RequestResponse":
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
		return
	case "Event":
		// Nobody waits for it; it has its turn like any other.
		go f.invoke(context.WithoutCancel(r.Context()), e)
		w.WriteHeader(http.StatusAccepted)
		return
	default:
		fail(w, http.StatusBadRequest, "InvalidParameterValueException", "X-Amz-Invocation-Type is none of RequestResponse, Event, DryRun")
		return
	}
	inv, tail, err := f.invoke(r.Context(), e)
	if err != nil {
		if r.Context().Err() == nil {
			if !errors.Is(err, runtimeapi.ErrClosed) {
				fmt.Fprintf(f.stderr, "rie: %v\n", err)
			}
			fail(w, http.StatusInternalServerError, "ServiceException", err.Error())
		}
		return
	}
	h := w.Header()
	h.Set("X-Amz-Executed-Version", f.function.Version)
	if inv.FunctionError != "" {
		h.Set("X-Amz-Function-Error", inv.FunctionError)
	}
	if r.Header.Get("X-Amz-Log-Type") == "Tail" {
		h.Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString(tail))
	}
	h.Set("Content-Type", cmp.Or(inv.ContentType, "application/json"))
	h.Set("Content-Length", strconv.Itoa(len(inv.Response)))
	_, _ = w.Write(inv.Response)
}

// invoke waits for its turn, as long as ctx lasts. An invocation that has begun goes on
// when its caller has gone, as on Lambda.
func (f *front) invoke(ctx context.Context, e runtimeapi.Event) (runtimeapi.Invocation, []byte, error) {
	select {
	case <-f.turn:
	case <-ctx.Done():
		return runtimeapi.Invocation{}, nil, ctx.Err()
	}
	defer func() { f.turn <- struct{}{} }()
	inv, err := f.env.Invoke(context.WithoutCancel(ctx), e)
	return inv, f.out.end(), err
}

// fail answers with an error of the service, in the form that AWS's SDKs read.
func fail(w http.ResponseWriter, status int, code, message string) {
	body, _ := json.Marshal(struct {
		Type    string `json:"Type"`
		Message string `json:"message"`
	}{"User", message})
	h := w.Header()
	h["x-amzn-ErrorType"] = []string{code}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
