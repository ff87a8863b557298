package runtimeapi

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// errorTypeOf returns a header's error type, or the unknown one of its category if Lambda
// does not accept it: "Runtime." or "Function.", a capital letter, one more letter.
func errorTypeOf(header string) string {
	category, reason, _ := strings.Cut(header, ".")
	if category != "Runtime" && category != "Function" {
		return "Function.Unknown"
	}
	if len(reason) < 2 || reason[0] < 'A' || reason[0] > 'Z' {
		return category + ".Unknown"
	}
	for i := range len(reason) {
		if c := reason[i] | 0x20; c < 'a' || c > 'z' {
			return category + ".Unknown"
		}
	}
	return header
}

// forbidden answers a request that the runtime's state does not allow.
func forbidden(w http.ResponseWriter, from, to state) {
	refuse(w, http.StatusForbidden, "InvalidStateTransition", transitionText(string(from), string(to), "runtime"))
}

// serveNext answers GET /runtime/invocation/next. The first one ends the runtime's init,
// a later one its part in the invocation.
//
// A second one beside one that waits, waits too: the next event goes to either. One that
// comes while an event is out waits as well, for a runtime with several loops has one
// that asks late; it gets that event again if its connection is lost.
func (s *session) serveNext(w http.ResponseWriter, r *http.Request, arrival int64, _ string) {
	c := connOf(r)
	var out *exchange
	var lost <-chan struct{}
	s.mu.Lock()
	switch s.state {
	case stateStarted:
		s.state, s.readyNs = stateReady, arrival
		s.tryInit()
	case stateResponseSent:
		s.state = stateReady
		if x := s.cur; x != nil {
			s.arrived(x, max(arrival, x.handedOutNs.Load()))
		}
	case stateRunning:
		if out = s.cur; out != nil {
			lost = out.conn.gone
		}
	case stateResponse, stateErrorReply:
		if s.cur != nil {
			s.cur.early = true
		}
	case stateInitError:
		s.mu.Unlock()
		forbidden(w, stateInitError, stateReady)
		return
	}
	s.mu.Unlock()

	for {
		var x *exchange
		select {
		case x = <-s.mail:
		case <-lost:
			x, lost = out, nil
			if !s.again(x, c) {
				continue
			}
		case <-s.over:
			w.Header()["Connection"] = []string{"close"}
			refuse(w, http.StatusForbidden, "InvalidStateTransition", "the process was ended")
			return
		case <-r.Context().Done():
			return
		}
		if x != out {
			if r.Context().Err() != nil {
				// Whoever asked is gone; the event is for the next who asks.
				s.mail <- x
				return
			}
			s.mu.Lock()
			if s.cur == x {
				s.state, x.conn = stateRunning, c
			}
			s.mu.Unlock()
		}
		s.writeEvent(w, c, x)
		return
	}
}

// again takes over an unanswered event whose connection was lost, for one who waits.
func (s *session) again(x *exchange, c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cur != x || s.state != stateRunning || !x.conn.closed.Load() {
		return false
	}
	x.conn = c
	return true
}

// writeEvent writes the event with its headers, without empty ones.
func (s *session) writeEvent(w http.ResponseWriter, c *conn, x *exchange) {
	h := w.Header()
	h["Content-Type"] = contentJSON
	h["Content-Length"] = []string{strconv.Itoa(len(x.event.Payload))}
	h["Lambda-Runtime-Aws-Request-Id"] = []string{x.id}
	h["Lambda-Runtime-Deadline-Ms"] = []string{strconv.FormatInt(x.deadlineMs, 10)}
	h["Lambda-Runtime-Invoked-Function-Arn"] = s.arn
	set := func(key, value string) {
		if value != "" {
			h[key] = []string{value}
		}
	}
	set("Lambda-Runtime-Trace-Id", x.event.TraceID)
	set("Lambda-Runtime-Client-Context", x.event.ClientContext)
	set("Lambda-Runtime-Cognito-Identity", x.event.Identity)
	set("Lambda-Runtime-Aws-Tenant-Id", x.event.TenantID)
	c.departing.Store(x)
	_, _ = w.Write(x.event.Payload)
}

// claim begins to read the runtime's answer, or returns nil after refusing the request.
func (s *session) claim(w http.ResponseWriter, id string, to state) *exchange {
	s.mu.Lock()
	x := s.cur
	if x == nil || x.id != id || x.conn == nil {
		s.mu.Unlock()
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return nil
	}
	if s.state != stateRunning {
		from := s.state
		s.mu.Unlock()
		forbidden(w, from, to)
		return nil
	}
	s.state = to
	s.posts++
	s.mu.Unlock()
	return x
}

// settle ends the reading of an answer, which fill enters unless the invocation is over.
func (s *session) settle(x *exchange, fill func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.posts--
	s.noteChange()
	if s.cur != x {
		return
	}
	s.state = stateResponseSent
	x.answered = true
	fill()
	if x.early {
		s.state = stateReady
		s.arrived(x, Clock())
	}
}

// serveResponse answers POST /runtime/invocation/ID/response, buffered or streamed, both
// of at most MaxPayload: a synchronous caller gets one document.
func (s *session) serveResponse(w http.ResponseWriter, r *http.Request, _ int64, id string) {
	x := s.claim(w, id, stateResponse)
	if x == nil {
		return
	}
	if mode := r.Header.Get("Lambda-Runtime-Function-Response-Mode"); mode != "" && mode != "streaming" {
		s.settle(x, func() {
			x.reject = &fault{errorType: "Runtime.InvalidResponseModeHeader", text: "invalid function response mode"}
		})
		refuse(w, http.StatusBadRequest, "InvalidFunctionResponseMode", "Invalid function response mode")
		return
	}
	body, size, err := readBody(r)
	s.settle(x, func() {
		switch {
		case err != nil:
			x.reject = &fault{errorType: "Runtime.TruncatedResponse", text: "the response was cut off"}
		case size > MaxPayload:
			x.reject = &fault{errorType: "Function.ResponseSizeTooLarge", text: fmt.Sprintf(
				"Response payload size (%d bytes) exceeded maximum allowed payload size (%d bytes).", size, MaxPayload)}
		default:
			// Trailers are there once the body was read to its end.
			x.response, x.contentType, x.failure = body, r.Header.Get("Content-Type"), trailed(r)
		}
	})
	answerBody(w, size, err)
}

// answerBody answers a post by what readBody returned.
func answerBody(w http.ResponseWriter, size int64, err error) {
	switch {
	case err != nil:
		refuse(w, http.StatusBadRequest, "TruncatedHTTPRequest", "HTTP request detected as truncated")
	case size > MaxPayload:
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge",
			fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", MaxPayload))
	default:
		accepted(w)
	}
}

// trailed returns the error that a stream ended with, nil for none.
func trailed(r *http.Request) *fault {
	t := r.Trailer.Get("Lambda-Runtime-Function-Error-Type")
	if t == "" {
		return nil
	}
	f := &fault{errorType: errorTypeOf(t)}
	raw := r.Trailer.Get("Lambda-Runtime-Function-Error-Body")
	if body, err := base64.StdEncoding.DecodeString(raw); err == nil {
		f.body = body
	} else {
		f.body = []byte(raw)
	}
	return f
}

// serveError answers POST /runtime/invocation/ID/error.
func (s *session) serveError(w http.ResponseWriter, r *http.Request, _ int64, id string) {
	x := s.claim(w, id, stateErrorReply)
	if x == nil {
		return
	}
	body, size, err := readBody(r)
	if err != nil || size > MaxPayload {
		body = nil
	}
	f := &fault{errorType: errorTypeOf(r.Header.Get("Lambda-Runtime-Function-Error-Type")), body: body}
	s.settle(x, func() { x.failure, x.contentType = f, "application/json" })
	answerBody(w, size, err)
}

// serveInitError answers POST /runtime/init/error, allowed before the first /next only.
func (s *session) serveInitError(w http.ResponseWriter, r *http.Request, arrival int64, _ string) {
	body, size, err := readBody(r)
	if err != nil || size > MaxPayload {
		body = nil
	}
	s.mu.Lock()
	if s.state != stateStarted {
		from := s.state
		s.mu.Unlock()
		forbidden(w, from, stateInitError)
		return
	}
	s.state = stateInitError
	f := &fault{errorType: errorTypeOf(r.Header.Get("Lambda-Runtime-Function-Error-Type")), body: body, text: "the runtime reported an error in init"}
	// Before the answer, which may be the last thing that the process waits
	// for: its report counts, not its end.
	s.failInit(arrival, f)
	s.mu.Unlock()
	accepted(w)
}

// readBody reads a request to its end, as a runtime that sends chunks expects, and returns
// the first MaxPayload bytes and the length.
func readBody(r *http.Request) ([]byte, int64, error) {
	buf := make([]byte, 0, bufferSize(r.ContentLength))
	for len(buf) <= MaxPayload {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			return buf, int64(len(buf)), nil
		}
		if err != nil {
			return buf, int64(len(buf)), err
		}
	}
	more, err := io.Copy(io.Discard, r.Body)
	return buf[:MaxPayload], int64(len(buf)) + more, err
}

// bufferSize makes room for an allowed length and one byte, which saves growing at the end.
func bufferSize(length int64) int {
	switch {
	case length < 0:
		return 512
	case length <= MaxPayload:
		return int(length) + 1
	}
	return MaxPayload + 1
}

// deadline returns the unix milliseconds at which the function's time is up.
func deadline(left time.Duration) int64 { return time.Now().Add(left).UnixMilli() }
