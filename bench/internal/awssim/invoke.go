package awssim

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"coldbench/bench/runtimeapi"
)

// maxAsyncPayload is the largest event of an asynchronous invocation: 1 MB.
const maxAsyncPayload = 1 << 20

// retries are the further attempts at an asynchronous invocation that failed.
// Lambda waits a minute before the first and two before the second; here they
// follow at once.
const retries = 2

// invoke answers Invoke, dry runs included.
func (s *Server) invoke(c *call) reply {
	out := s.invocation(c)
	if out.outcome == noInvocation {
		out.outcome = wasRefused
	}
	return out
}

func (s *Server) invocation(c *call) reply {
	kind, payload := c.head.Get("X-Amz-Invocation-Type"), c.body
	if len(payload) == 0 {
		payload = []byte("{}")
	}
	switch {
	case kind == "Event" && len(payload) > maxAsyncPayload, len(payload) > runtimeapi.MaxPayload:
		return refusalf(413, "RequestTooLargeException", "%d byte payload is too large for the %s invocation type", len(payload), kindOf(kind))
	case kind != "" && kind != "RequestResponse" && kind != "Event" && kind != "DryRun":
		return refusalf(400, "InvalidParameterValueException", "1 validation error detected: Value '%s' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: [RequestResponse, Event, DryRun]", kind)
	}
	s.mu.Lock()
	f, v, bad := s.find(c.name, c.qualifier())
	if f == nil {
		s.mu.Unlock()
		return bad
	}
	if kind == "DryRun" {
		s.mu.Unlock()
		return reply{status: 204}
	}
	v = s.routed(f, v, c.qualifier())
	if !json.Valid(payload) {
		s.mu.Unlock()
		return refusal(400, "InvalidRequestContentException", "Could not parse request body into json: Could not parse payload into json")
	}
	if out, ok := s.ready(f, v); !ok {
		s.mu.Unlock()
		return out
	}
	ev := runtimeapi.Event{RequestID: c.id, Payload: payload, TraceID: c.head.Get("X-Amzn-Trace-Id"), TenantID: c.head.Get("X-Amz-Tenant-Id")}
	if text := c.head.Get("X-Amz-Client-Context"); text != "" {
		decoded, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			s.mu.Unlock()
			return refusal(400, "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object.")
		}
		ev.ClientContext = string(decoded)
	}
	if kind == "Event" {
		number := v.number
		s.work.Go(func() { s.later(f.name, number, ev) })
		s.mu.Unlock()
		return reply{status: 202, outcome: wasServed, header: map[string]string{"X-Amz-Executed-Version": number}}
	}
	e, bad := s.take(f, v)
	s.mu.Unlock()
	if e == nil {
		return bad
	}
	return s.run(c, e, ev)
}

// ready says whether a version can be invoked in its state, and why not.
func (s *Server) ready(f *function, v *version) (reply, bool) {
	switch {
	case v.state == "Inactive":
		// The first invocation fails and wakes the function.
		s.begin(v, v.cfg, 0)
		return refusal(409, "ResourceConflictException", "The operation cannot be performed at this time. The function is currently in the following state: Inactive"), false
	case v.serving == nil:
		return refusal(409, "ResourceConflictException", "The operation cannot be performed at this time. The function is currently in the following state: "+v.state), false
	}
	return reply{}, true
}

// run serves one invocation that is waited for.
func (s *Server) run(c *call, e *environment, ev runtimeapi.Event) reply {
	inv, err := e.invoke(s.ctx, ev)
	if err == nil && c.fault.cut {
		s.count("cut")
		s.chatter(e)
	}
	late := time.Duration(0)
	if err == nil && c.fault.late {
		s.count("late")
		late = c.fault.lately
	}
	tail := ""
	if e.log != nil {
		tail = e.log.end(late)
	}
	s.give(e, err != nil)
	if err != nil {
		return s.brokenReply(e, err)
	}
	out := reply{status: 200, outcome: wasServed, body: inv.Response, header: map[string]string{
		"Content-Type": "application/json", "X-Amz-Executed-Version": e.d.number,
	}}
	if inv.FunctionError != "" {
		out.header["X-Amz-Function-Error"] = inv.FunctionError
	}
	if c.head.Get("X-Amz-Log-Type") == "Tail" {
		if c.fault.noLog {
			s.count("nolog")
		} else {
			out.header["X-Amz-Log-Result"] = base64.StdEncoding.EncodeToString([]byte(tail))
		}
	}
	return out
}

// brokenReply answers an invocation that the engine could not serve.
func (s *Server) brokenReply(e *environment, err error) reply {
	switch {
	case s.ctx.Err() != nil:
		return refusal(503, "ServiceUnavailableException", "The rehearsal is over")
	case errors.Is(err, runtimeapi.ErrInvalidEntrypoint):
		return refusal(502, "InvalidRuntimeException", err.Error())
	}
	s.say(fmt.Sprintf("serving %s: %v", e.d.f.name, err))
	return refusal(500, "ServiceException", "the rehearsal could not run the function: "+err.Error())
}

// chatter is what an extension may write behind REPORT: more than a log tail
// holds.
func (s *Server) chatter(e *environment) {
	line := "extension: " + strings.Repeat("flushed telemetry ", 20)
	for n := 0; n <= tailBytes; n += len(line) {
		e.log.add(s.now(), line)
	}
}

// later runs an asynchronous invocation, which has one request ID through all
// of its attempts.
func (s *Server) later(name, number string, ev runtimeapi.Event) {
	for attempt := 0; attempt <= retries; {
		s.mu.Lock()
		f, v, _ := s.find(name, number)
		if f == nil || s.closed || v.serving == nil {
			s.mu.Unlock()
			return
		}
		e, _ := s.take(f, v)
		s.mu.Unlock()
		if e == nil { // throttled: it stays in the queue
			if sleep(s.ctx, 100*time.Millisecond) != nil {
				return
			}
			continue
		}
		inv, err := e.invoke(s.ctx, ev)
		if e.log != nil {
			e.log.end(0)
		}
		s.give(e, err != nil)
		if err != nil || inv.FunctionError == "" {
			return
		}
		if attempt++; attempt <= retries {
			s.mu.Lock()
			s.stats.Retries++
			s.mu.Unlock()
		}
	}
}

// count notes a fault.
func (s *Server) count(fault string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Faults[fault]++
}

func kindOf(invocationType string) string {
	if invocationType == "" {
		return "RequestResponse"
	}
	return invocationType
}
