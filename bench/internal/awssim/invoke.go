package awssim

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/runtimeapi"
)

const maxAsyncPayload = 1 << 20

// retries are the further attempts at an asynchronous invocation that failed.
// Lambda waits a minute before the first and two before the second; here they
// follow at once.
const retries = 2

func (s *Server) invoke(c *call) reply {
	var out reply
	if e, ev, err := s.admit(c); err != nil {
		out = refused(err)
	} else {
		out = s.run(c, e, ev)
	}
	if out.outcome == noInvocation {
		out.outcome = wasRefused
	}
	return out
}

// admit finds the environment that serves an invocation. The error is the answer.
func (s *Server) admit(c *call) (*environment, runtimeapi.Event, error) {
	kind, ev := c.head.Get("X-Amz-Invocation-Type"), runtimeapi.Event{
		RequestID: c.id, Payload: c.body, TraceID: c.head.Get("X-Amzn-Trace-Id"), TenantID: c.head.Get("X-Amz-Tenant-Id"),
	}
	if len(ev.Payload) == 0 {
		ev.Payload = []byte("{}")
	}
	switch n := len(ev.Payload); {
	case kind == "Event" && n > maxAsyncPayload, n > runtimeapi.MaxPayload:
		return nil, ev, refusalf(413, "RequestTooLargeException", "%d byte payload is too large for the %s invocation type", n, cmp.Or(kind, "RequestResponse"))
	case kind != "" && kind != "RequestResponse" && kind != "Event" && kind != "DryRun":
		return nil, ev, complain("1 validation error detected: Value '%s' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: [RequestResponse, Event, DryRun]", kind)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, v, err := s.find(c.name, c.qualifier())
	if err != nil {
		return nil, ev, err
	}
	if kind == "DryRun" {
		return nil, ev, reply{status: 204}
	}
	v = s.routed(f, v, c.qualifier())
	if !json.Valid(ev.Payload) {
		return nil, ev, refusal(400, "InvalidRequestContentException", "Could not parse request body into json: Could not parse payload into json")
	}
	if v.state == "Inactive" || v.serving == nil {
		state := v.state
		if state == "Inactive" {
			s.begin(v, v.cfg, 0) // the first invocation fails and wakes the function
		}
		return nil, ev, refusal(409, "ResourceConflictException", "The operation cannot be performed at this time. The function is currently in the following state: "+state)
	}
	text, err := base64.StdEncoding.DecodeString(c.head.Get("X-Amz-Client-Context"))
	if err != nil {
		return nil, ev, refusal(400, "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object.")
	}
	ev.ClientContext = string(text)
	if kind == "Event" {
		s.work.Go(func() { s.later(f.name, v.number, ev) })
		return nil, ev, reply{status: 202, outcome: wasServed, header: map[string]string{"X-Amz-Executed-Version": v.number}}
	}
	e, err := s.take(f, v)
	return e, ev, err
}

func (s *Server) run(c *call, e *environment, ev runtimeapi.Event) reply {
	inv, err := e.invoke(s.ctx, ev)
	late := time.Duration(0)
	if err == nil && c.fault.late {
		s.count("late")
		late = c.fault.lately
	}
	if err == nil && c.fault.cut {
		s.count("cut")
		// What an extension may write behind REPORT.
		e.log.add(s.now(), strings.Repeat("extension: flushed telemetry ", tailBytes/20))
	}
	tail := e.log.end(late)
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

// later runs an asynchronous invocation. All attempts have one request ID.
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
			if (coldstart.Wall{}).Sleep(s.ctx, 100*time.Millisecond) != nil {
				return
			}
			continue
		}
		inv, err := e.invoke(s.ctx, ev)
		e.log.end(0)
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

func (s *Server) count(fault string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Faults[fault]++
}
