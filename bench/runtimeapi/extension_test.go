package runtimeapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
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

// extensionsOf are the external extensions of a toy.
func extensionsOf(name string, run func(p *toyProcess) Exit) map[string]func(p *toyProcess) Exit {
	return map[string]func(p *toyProcess) Exit{name: run}
}

// events registers an extension and takes its events until it is told no more.
func events(name string, take func(n int, body string), kinds ...string) func(p *toyProcess) Exit {
	return func(p *toyProcess) Exit {
		a := p.register(name, kinds...)
		if a.status != 200 {
			return Exit{Code: 90}
		}
		for n := 1; ; n++ {
			e := p.event(a.header.Get("Lambda-Extension-Identifier"))
			if e.status != 200 {
				return Exit{Signal: 9}
			}
			take(n, e.body)
		}
	}
}

// with runs an internal extension beside the runtime and waits for both.
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
	slow := func(p *toyProcess) Exit {
		a := p.register("slow", "INVOKE", "SHUTDOWN")
		id := a.header.Get("Lambda-Extension-Identifier")
		time.Sleep(before)
		for {
			a := p.event(id)
			if a.status != 200 {
				return Exit{Signal: 9}
			}
			mu.Lock()
			events = append(events, a.body)
			mu.Unlock()
			time.Sleep(after)
		}
	}
	l := &toy{run: echo, extensions: extensionsOf("slow", slow)}
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

// TestRuntimeWaitsForRegistration: the runtime starts when the last extension
// has registered, and init runs from the start of the first.
func TestRuntimeWaitsForRegistration(t *testing.T) {
	var registered atomic.Int64
	late := func(p *toyProcess) Exit {
		time.Sleep(30 * time.Millisecond)
		registered.Store(Clock())
		return events("late", func(int, string) {})(p)
	}
	l := &toy{extensions: map[string]func(p *toyProcess) Exit{"early": events("early", func(int, string) {}), "late": late}}
	l.run = func(p *toyProcess) Exit {
		time.Sleep(30 * time.Millisecond)
		return echo(p)
	}
	e := start(t, Function{}, l)
	in := mustInit(t, e)
	if !in.Done || in.EndedNs-in.StartedNs < int64(60*time.Millisecond) {
		t.Errorf("init lasted %v: %+v", time.Duration(in.EndedNs-in.StartedNs), in)
	}
	if ran := l.processes[0].ranNs.Load(); ran < registered.Load() || in.RegisteredNs < registered.Load() || ran < in.RegisteredNs {
		t.Errorf("registering at %d, registered at %d, runtime started at %d", registered.Load(), in.RegisteredNs, ran)
	}
	if inv := invoke(t, e, `1`); inv.Status != "success" {
		t.Errorf("%+v", inv)
	}
}

// TestExtensionThatNeverRegisters, or does so under a name that is not its
// file's, keeps the runtime from starting: init runs into its limit.
func TestExtensionThatNeverRegisters(t *testing.T) {
	for name, run := range map[string]func(p *toyProcess) Exit{
		"never":         func(p *toyProcess) Exit { <-p.ctx.Done(); return Exit{Signal: 9} },
		"another name":  events("outer.sh", func(int, string) {}, "INVOKE"),
		"twice refused": func(p *toyProcess) Exit { p.register("outer.sh", "SHUTDOWN"); <-p.ctx.Done(); return Exit{} },
	} {
		t.Run(name, func(t *testing.T) {
			l := &toy{run: echo, extensions: extensionsOf("outer", run)}
			e := start(t, Function{InitTimeout: 100 * time.Millisecond, Timeout: 100 * time.Millisecond}, l)
			if in := mustInit(t, e); in.Done || in.Status != "timeout" || in.RegisteredNs != 0 {
				t.Errorf("%+v", in)
			}
			if inv := invoke(t, e, `1`); inv.Status != "timeout" || !inv.InitFailed {
				t.Errorf("%+v", inv)
			}
			for _, p := range l.processes {
				if p.ranNs.Load() != 0 {
					t.Error("the runtime was started")
				}
			}
		})
	}
}

// TestExtensionCrash: an extension that ends by itself ends what is going on at
// once, whatever its status. The limits are minutes away.
func TestExtensionCrash(t *testing.T) {
	for _, c := range []struct {
		exit Exit
		text string
	}{
		{Exit{Code: 7}, "exit status 7"},
		{Exit{}, "exit code 0"},
		{Exit{Code: 137, Signal: 9}, "signal: killed"},
	} {
		check := func(t *testing.T, inv Invocation) {
			t.Helper()
			want := fmt.Sprintf(`{"errorType":"Extension.Crash","errorMessage":"RequestId: %s Error: %s"}`, inv.RequestID, c.text)
			if inv.Status != "error" || string(inv.Response) != want || inv.Exit == nil || *inv.Exit != c.exit {
				t.Errorf("%+v, answer %s, want %s", inv, inv.Response, want)
			}
			if last := lines(inv.Log)[len(lines(inv.Log))-1]; !strings.HasSuffix(last, "\tStatus: error\tError Type: Extension.Crash") {
				t.Errorf("REPORT %q", last)
			}
		}
		for _, when := range []string{"before registering", "before the first event"} {
			t.Run(c.text+" "+when, func(t *testing.T) {
				l := &toy{run: func(p *toyProcess) Exit { <-p.ctx.Done(); return Exit{Signal: 9} }}
				l.extensions = extensionsOf("outer", func(p *toyProcess) Exit {
					if when != "before registering" {
						p.register("outer", "INVOKE")
					}
					return c.exit
				})
				e := start(t, Function{}, l)
				in := mustInit(t, e)
				if in.Done || in.Status != "error" || in.ErrorType != "Extension.Crash" || !strings.HasSuffix(in.Log, "Phase: init\tStatus: error\tError Type: Extension.Crash\n") {
					t.Errorf("%+v", in)
				}
				inv := invoke(t, e, `1`)
				check(t, inv)
				if !inv.InitFailed || !strings.Contains(lines(inv.Log)[0], "Phase: invoke\tStatus: error\tError Type: Extension.Crash") {
					t.Errorf("%+v", inv)
				}
			})
		}
		t.Run(c.text+" in an invocation", func(t *testing.T) {
			crash := make(chan struct{})
			l := &toy{run: func(p *toyProcess) Exit { p.next(); close(crash); <-p.ctx.Done(); return Exit{Signal: 9} }}
			l.extensions = extensionsOf("outer", func(p *toyProcess) Exit {
				go events("outer", func(int, string) {}, "INVOKE")(p)
				<-crash
				return c.exit
			})
			e := ready(t, Function{}, l)
			check(t, invoke(t, e, `1`))
		})
		t.Run(c.text+" between invocations", func(t *testing.T) {
			crash := make(chan struct{})
			l := &toy{run: echo}
			l.extensions = extensionsOf("outer", func(p *toyProcess) Exit {
				go events("outer", func(int, string) {})(p)
				if p.number > 1 {
					<-p.ctx.Done()
				}
				<-crash
				return c.exit
			})
			e := ready(t, Function{}, l)
			if inv := invoke(t, e, `1`); inv.Status != "success" {
				t.Errorf("%+v", inv)
			}
			close(crash)
			l.processes[0].outside.Wait()
			for broken := false; !broken; time.Sleep(time.Millisecond) {
				e.sess.mu.Lock()
				broken = e.sess.broken != nil
				e.sess.mu.Unlock()
			}
			check(t, invoke(t, e, `1`))
			if inv := invoke(t, e, `1`); inv.Status != "success" || !inv.InitInside {
				t.Errorf("the one after it: %+v", inv)
			}
		})
	}
}

// TestExtensionCrashAfterTheAnswer: the caller has the answer, and the invocation
// has failed.
func TestExtensionCrashAfterTheAnswer(t *testing.T) {
	crash := make(chan struct{})
	l := &toy{run: func(p *toyProcess) Exit {
		id, _ := p.next()
		p.respond(id, `"answer"`)
		close(crash)
		<-p.ctx.Done()
		return Exit{Signal: 9}
	}}
	l.extensions = extensionsOf("outer", func(p *toyProcess) Exit {
		go events("outer", func(int, string) {})(p)
		<-crash
		return Exit{Code: 7}
	})
	inv := invoke(t, ready(t, Function{}, l), `1`)
	if inv.Status != "error" || inv.ErrorType != "Extension.Crash" || inv.Exit == nil || inv.Exit.Code != 7 {
		t.Errorf("%+v", inv)
	}
	if string(inv.Response) != `"answer"` || inv.FunctionError != "" {
		t.Errorf("answer %s, error %q", inv.Response, inv.FunctionError)
	}
}

// TestExtensionLaunchError: a file of /opt/extensions that can't be executed
// fails init, as real logs of Lambda have it
// (aws-samples/aws-lambda-extensions #38).
func TestExtensionLaunchError(t *testing.T) {
	const text = "fork/exec /opt/extensions/outer: permission denied"
	f := ExtensionEnd{Name: "outer", LaunchError: text}.fault()
	if f.errorType != "Extension.LaunchError" || f.text != text || f.exit != nil {
		t.Errorf("%+v", f)
	}
	l := &toy{run: echo, extensions: map[string]func(p *toyProcess) Exit{}}
	for i := range 11 {
		name := fmt.Sprint("outer", i)
		l.extensions[name] = events(name, func(int, string) {})
	}
	e := start(t, Function{}, l)
	if in := mustInit(t, e); in.ErrorType != "Extension.LaunchError" {
		t.Errorf("eleven extensions: %+v", in)
	}
}

// TestShutdownOrder: the runtime is asked to end, and killed when it does not,
// before the extensions are told; the environment waits for the end of those
// that subscribed.
func TestShutdownOrder(t *testing.T) {
	for _, ignores := range []bool{false, true} {
		l := &toy{run: echo, ignoresTerm: ignores}
		l.extensions = extensionsOf("outer", func(p *toyProcess) Exit {
			id := p.register("outer", "SHUTDOWN").header.Get("Lambda-Extension-Identifier")
			a := p.event(id)
			if !strings.HasPrefix(a.body, `{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":`) {
				p.note(a.body)
			}
			p.note("told")
			p.client.CloseIdleConnections() // what it still does needs no connection
			time.Sleep(100 * time.Millisecond)
			p.note("flushed")
			return Exit{}
		})
		e := ready(t, Function{}, l)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		want := "term told flushed"
		if ignores {
			want = "term kill told flushed"
		}
		if got := strings.Join(l.notes, " "); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// TestShutdownWithoutRuntime: nobody waits for a runtime that was not started.
func TestShutdownWithoutRuntime(t *testing.T) {
	l := &toy{runError: fmt.Errorf("%w: executing /x: no such file or directory", ErrInvalidEntrypoint)}
	l.extensions = extensionsOf("outer", func(p *toyProcess) Exit {
		id := p.register("outer", "SHUTDOWN").header.Get("Lambda-Extension-Identifier")
		if a := p.event(id); strings.Contains(a.body, `"shutdownReason":"failure"`) {
			p.note("told")
		}
		return Exit{}
	})
	in := mustInit(t, start(t, Function{}, l))
	if in.Done || in.ErrorType != "Runtime.InvalidEntrypoint" || in.RegisteredNs == 0 {
		t.Errorf("init %+v", in)
	}
	if got := strings.Join(l.notes, " "); got != "told" {
		t.Errorf("notes %q: want only the extension's", got)
	}
}

// TestShutdownLimit: an extension that does not end is killed after 2 s, with
// everything else.
func TestShutdownLimit(t *testing.T) {
	l := &toy{run: echo}
	l.extensions = extensionsOf("outer", func(p *toyProcess) Exit {
		id := p.register("outer", "SHUTDOWN").header.Get("Lambda-Extension-Identifier")
		p.event(id)
		<-p.ctx.Done()
		return Exit{Signal: 9}
	})
	e := ready(t, Function{}, l)
	began := time.Now()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(began); d < shutdownExternal {
		t.Errorf("killed after %v", d)
	}
}

// TestExtensionProtocol compares statuses and bodies.
func TestExtensionProtocol(t *testing.T) {
	failed := make(chan string, 64)
	l := &toy{}
	registered, told := make(chan string, 1), make(chan answer, 1)
	l.extensions = extensionsOf("outer", func(p *toyProcess) Exit {
		told <- p.register("other", "SHUTDOWN")
		a := p.do("POST", extBase+"register", `{"events":["INVOKE","SHUTDOWN"]}`, "Lambda-Extension-Name", "outer", "Lambda-Extension-Accept-Feature", "other, accountId")
		told <- a
		registered <- a.header.Get("Lambda-Extension-Identifier")
		<-p.ctx.Done()
		return Exit{Signal: 9}
	})
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
		check("external under another name", <-told, 403, doc("Extension.InvalidEventType", "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"))
		check("register", <-told, 200, "{\"functionName\":\"toy\",\"functionVersion\":\"$LATEST\",\"handler\":\"\",\"accountId\":\"012345678912\"}\n")
		outer := <-registered
		check("no name", p.do("POST", extBase+"register", "{}"), 403, doc("Extension.InvalidExtensionName", "Empty extension name"))
		check("no JSON", p.do("POST", extBase+"register", "", "Lambda-Extension-Name", "x"), 403, doc("InvalidRequestFormat", "unexpected end of JSON input"))
		check("odd event", p.register("x", "RESTORE"), 403, doc("Extension.InvalidEventType", "RESTORE: ErrorInvalidEventType"))
		check("internal shutdown", p.register("x", "SHUTDOWN"), 403, doc("Extension.InvalidEventType", "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"))
		check("no identifier", p.do("GET", extBase+"event/next", ""), 403, doc("Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"))
		check("bad identifier", p.event("x"), 403, doc("Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier"))
		check("unknown identifier", p.event("8476a536-e9f4-11e8-9739-2dfe598c3fcd"), 403, doc("Extension.UnknownExtensionIdentifier", "Unknown extension 8476a536-e9f4-11e8-9739-2dfe598c3fcd"))

		check("twice", p.register("outer"), 403, doc("Extension.InvalidExtensionState", "State transition from Registered to Registered failed for extension outer. Error: State transition is not allowed"))
		var ids []string
		for i := range 9 {
			a := p.register(fmt.Sprint("inner", i))
			if a.status != 200 {
				failed <- fmt.Sprint("inner ", i, a)
			}
			ids = append(ids, a.header.Get("Lambda-Extension-Identifier"))
			if i == 0 {
				check("twice, internal", p.register("inner0"), 403, doc("Extension.InvalidExtensionState", "Extension with this name already registered"))
			}
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

// TestExtensionInitError fails init with the extension's error.
func TestExtensionInitError(t *testing.T) {
	l := &toy{run: echo}
	l.extensions = extensionsOf("outer", func(p *toyProcess) Exit {
		id := p.register("outer", "INVOKE").header.Get("Lambda-Extension-Identifier")
		if p.number == 1 {
			p.do("POST", extBase+"init/error", "{}", "Lambda-Extension-Identifier", id, "Lambda-Extension-Function-Error-Type", "Extension.Bad")
			return Exit{Code: 1}
		}
		for p.event(id).status == 200 {
		}
		return Exit{Signal: 9}
	})
	e := start(t, Function{}, l)
	if in := mustInit(t, e); in.Done || in.ErrorType != "Extension.InitError" {
		t.Errorf("%+v", in)
	}
	if inv := invoke(t, e, `1`); inv.Status != "success" || !inv.InitInside {
		t.Errorf("%+v", inv)
	}
}

// TestExtensionThatEndsBeforeItsReportIsDealtWith keeps the type of the report.
func TestExtensionThatEndsBeforeItsReportIsDealtWith(t *testing.T) {
	s := newSession(&Function{})
	s.extensions = []*extension{{name: "outer", external: true, gone: true, gaveUp: "Extension.InitError"}}
	s.extensionEnded(ExtensionEnd{Name: "outer", Exit: Exit{Code: 1}})
	if f := s.initError; f == nil || f.errorType != "Extension.InitError" || f.text != "exit status 1" {
		t.Errorf("%+v", f)
	}
}
