package runtimeapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

const extBase = "/2020-01-01/extension/"

func (p *toyProcess) register(name string, events ...string) answer {
	b, _ := json.Marshal(map[string]any{"events": events})
	return p.do("POST", extBase+"register", string(b), "Lambda-Extension-Name", name)
}

func (p *toyProcess) event(id string) answer {
	return p.do("GET", extBase+"event/next", "", "Lambda-Extension-Identifier", id)
}

// with runs an extension beside the runtime and waits for both.
func with(runtime func(p *toyProcess) Exit, extensions ...func(p *toyProcess)) func(p *toyProcess) Exit {
	return func(p *toyProcess) Exit {
		var wg sync.WaitGroup
		for _, x := range extensions {
			wg.Go(func() { x(p) })
		}
		defer wg.Wait()
		return runtime(p)
	}
}

// TestExtensionLengthens is the law: an extension that takes 30 ms before its
// first /event/next and 20 ms after each INVOKE lengthens init and invocation
// by that.
func TestExtensionLengthens(t *testing.T) {
	const before, after = 30 * time.Millisecond, 20 * time.Millisecond
	var mu sync.Mutex
	var events []string
	slow := func(p *toyProcess) {
		a := p.register("slow", "INVOKE", "SHUTDOWN")
		id := a.header.Get("Lambda-Extension-Identifier")
		time.Sleep(before)
		for {
			a := p.event(id)
			if a.status != 200 {
				return
			}
			mu.Lock()
			events = append(events, a.body)
			mu.Unlock()
			time.Sleep(after)
		}
	}
	l := &toy{run: with(echo, slow), extensions: []string{"slow"}}
	e := start(t, Function{Name: "f"}, l)
	in := mustInit(t, e)
	if got := time.Duration(in.EndedNs - in.StartedNs); !in.Done || got < before {
		t.Errorf("init lasted %v: %+v", got, in)
	}
	for range 3 {
		inv := invoke(t, e, `1`)
		if got := time.Duration(inv.EndedNs - inv.HandedOutNs); got < after || inv.Status != "success" {
			t.Errorf("an invocation lasted %v: %+v", got, inv)
		}
		var ev struct {
			EventType, RequestID, InvokedFunctionArn string
			DeadlineMs                               int64
		}
		mu.Lock()
		n, last := len(events), ""
		if n > 0 {
			last = events[n-1]
		}
		mu.Unlock()
		if err := json.Unmarshal([]byte(last), &ev); err != nil {
			t.Fatalf("after %d events: %v", n, err)
		}
		if ev.EventType != "INVOKE" || ev.RequestID != inv.RequestID || ev.DeadlineMs == 0 || ev.InvokedFunctionArn != "arn:aws:lambda:us-east-1:012345678912:function:f" {
			t.Errorf("event %+v", ev)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if last := events[len(events)-1]; !strings.HasPrefix(last, `{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":`) {
		t.Errorf("the last event is %s", last)
	}
}

// TestInternalExtension waits in init for an extension that is no program of
// its own, and not in invocations that it is not subscribed to.
func TestInternalExtension(t *testing.T) {
	const before = 30 * time.Millisecond
	l := &toy{}
	l.run = func(p *toyProcess) Exit {
		a := p.register("inner")
		if a.status != 200 || a.body != "{\"functionName\":\"toy\",\"functionVersion\":\"$LATEST\",\"handler\":\"h\"}\n" {
			return Exit{Code: 9}
		}
		id := a.header.Get("Lambda-Extension-Identifier")
		return with(echo, func(p *toyProcess) {
			time.Sleep(before)
			p.event(id)
		})(p)
	}
	e := start(t, Function{Handler: "h"}, l)
	in := mustInit(t, e)
	if got := time.Duration(in.EndedNs - in.StartedNs); !in.Done || got < before {
		t.Errorf("init lasted %v: %+v", got, in)
	}
	for range 2 {
		if inv := invoke(t, e, `1`); inv.Status != "success" {
			t.Errorf("%+v", inv)
		}
	}
}

// TestMissingExtension does not end init before an extension that was launched
// has registered.
func TestMissingExtension(t *testing.T) {
	e := start(t, Function{InitTimeout: 100 * time.Millisecond}, &toy{run: echo, extensions: []string{"never"}})
	if in := mustInit(t, e); in.Done || in.Status != "timeout" {
		t.Errorf("%+v", in)
	}
}

// TestExtensionProtocol compares statuses and bodies.
func TestExtensionProtocol(t *testing.T) {
	failed := make(chan string, 64)
	l := &toy{extensions: []string{"outer"}}
	l.run = func(p *toyProcess) Exit {
		defer close(failed)
		check := func(what string, a answer, status int, body string) {
			if a.status != status || a.body != body {
				failed <- fmt.Sprintf("%s: got %d %q, want %d %q", what, a.status, a.body, status, body)
			}
		}
		doc := func(errorType, message string) string {
			return fmt.Sprintf("{\"errorMessage\":%q,\"errorType\":%q}\n", message, errorType)
		}
		// Until the execve is reported every name may be an external one's.
		for !p.executed() {
			time.Sleep(time.Millisecond)
		}
		check("no name", p.do("POST", extBase+"register", "{}"), 403, doc("Extension.InvalidExtensionName", "Empty extension name"))
		check("no JSON", p.do("POST", extBase+"register", "", "Lambda-Extension-Name", "x"), 403, doc("InvalidRequestFormat", "unexpected end of JSON input"))
		check("odd event", p.register("x", "RESTORE"), 403, doc("Extension.InvalidEventType", "RESTORE: invalid event type"))
		check("internal shutdown", p.register("x", "SHUTDOWN"), 403, doc("Extension.InvalidEventType", "SHUTDOWN: event is not allowed for an internal extension"))
		check("no identifier", p.do("GET", extBase+"event/next", ""), 403, doc("Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"))
		check("bad identifier", p.event("x"), 403, doc("Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier"))
		check("unknown identifier", p.event("8476a536-e9f4-11e8-9739-2dfe598c3fcd"), 403, doc("Extension.UnknownExtensionIdentifier", "Unknown extension 8476a536-e9f4-11e8-9739-2dfe598c3fcd"))

		a := p.do("POST", extBase+"register", `{"events":["INVOKE","SHUTDOWN"]}`, "Lambda-Extension-Name", "outer", "Lambda-Extension-Accept-Feature", "other, accountId")
		check("register", a, 200, "{\"functionName\":\"toy\",\"functionVersion\":\"$LATEST\",\"handler\":\"\",\"accountId\":\"012345678912\"}\n")
		outer := a.header.Get("Lambda-Extension-Identifier")
		check("twice", p.register("outer"), 403, doc("Extension.InvalidExtensionState", "Extension with this name already registered"))
		var ids []string
		for i := range 9 {
			a := p.register(fmt.Sprint("inner", i))
			if a.status != 200 {
				failed <- fmt.Sprint("inner ", i, a)
			}
			ids = append(ids, a.header.Get("Lambda-Extension-Identifier"))
		}
		check("eleventh", p.register("one more"), 403, doc("Extension.TooManyExtensions", "Extension limit (10) reached"))
		check("error without a type", p.do("POST", extBase+"exit/error", "{}", "Lambda-Extension-Identifier", ids[0]), 403, doc("Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found"))
		for _, id := range append(ids, outer) {
			go p.event(id)
		}
		id, _ := p.next()
		check("late", p.register("late"), 403, doc("Extension.RegistrationClosed", "Extension registration closed already"))
		check("init error when ready", p.do("POST", extBase+"init/error", "{}", "Lambda-Extension-Identifier", ids[0], "Lambda-Extension-Function-Error-Type", "Extension.X"), 403,
			doc("Extension.InvalidExtensionState", "State transition from Ready to InitError failed for extension "+ids[0]+". Error: State transition is not allowed"))
		p.respond(id, `1`)
		// It may be killed before it has read the answer.
		if a := p.do("POST", extBase+"exit/error", "{}", "Lambda-Extension-Identifier", outer, "Lambda-Extension-Function-Error-Type", "Extension.X"); a.status != 0 {
			check("exit error", a, 202, statusOK)
		}
		<-p.ctx.Done()
		return Exit{Signal: 9}
	}
	e := ready(t, Function{}, l)
	inv := invoke(t, e, `1`)
	if inv.Status != "error" || inv.ErrorType != "Extension.ExitError" {
		t.Errorf("an extension gave up: %+v", inv)
	}
	for f := range failed {
		t.Error(f)
	}
}

// executed says whether the session knows what was launched.
func (p *toyProcess) executed() bool {
	s := p.env.server.current.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.executed
}

// TestExtensionInitError fails init with the extension's error.
func TestExtensionInitError(t *testing.T) {
	l := &toy{extensions: []string{"outer"}}
	l.run = with(echo, func(p *toyProcess) {
		id := p.register("outer", "INVOKE").header.Get("Lambda-Extension-Identifier")
		if p.number == 1 {
			p.do("POST", extBase+"init/error", "{}", "Lambda-Extension-Identifier", id, "Lambda-Extension-Function-Error-Type", "Extension.Bad")
			return
		}
		for p.event(id).status == 200 {
		}
	})
	e := start(t, Function{}, l)
	if in := mustInit(t, e); in.Done || in.ErrorType != "Extension.InitError" {
		t.Errorf("%+v", in)
	}
	if inv := invoke(t, e, `1`); inv.Status != "success" || !inv.InitInside {
		t.Errorf("%+v", inv)
	}
}
