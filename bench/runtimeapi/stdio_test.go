package runtimeapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

// stdioWorld is both ends of a connection, with toy processes for containers.
type stdioWorld struct {
	t      testing.TB
	client *StdioClient
	toy    *toy
	probe  *toyProbe
	served chan error
	hangUp func()

	// say replaces what images/start does on its connection; nil for the usual.
	say func(conn net.Conn)
	// refuse makes Launch fail.
	refuse error
	// vanish makes containers end before images/start connects.
	vanish bool

	mu      sync.Mutex
	running map[int]*toyProcess
	kills   int
	// output is what came of the function, with "END" where that ended.
	output string
}

// toyProbe sees what it is told to.
type toyProbe struct {
	mu          sync.Mutex
	attached    int
	throttled   time.Duration
	outOfMemory bool
	supervised  bool
}

func (p *toyProbe) Supervised()              { p.mu.Lock(); p.supervised = true; p.mu.Unlock() }
func (p *toyProbe) Attach()                  { p.mu.Lock(); p.attached++; p.mu.Unlock() }
func (p *toyProbe) MaxMemory() (int64, bool) { return 7 << 20, true }
func (p *toyProbe) Throttled() (time.Duration, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.throttled += time.Millisecond
	return p.throttled, true
}
func (p *toyProbe) OutOfMemory() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.outOfMemory }
func (p *toyProbe) Terminate()        {}
func (p *toyProbe) Kill()             {}
func (p *toyProbe) Detach()           { p.mu.Lock(); p.attached--; p.mu.Unlock() }

// newStdioWorld connects both ends; wrap may spoil what each of them reads.
func newStdioWorld(t testing.TB, run func(*toyProcess) Exit, wrap func(io.Reader) io.Reader) *stdioWorld {
	t.Helper()
	if wrap == nil {
		wrap = func(r io.Reader) io.Reader { return r }
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &stdioWorld{
		t: t, toy: &toy{run: run, api: listener.Addr().String()}, probe: &toyProbe{},
		served: make(chan error, 1), running: map[int]*toyProcess{},
	}
	toEmulator, fromBench := io.Pipe()
	toBench, fromEmulator := io.Pipe()
	server := StdioServer{Listener: listener, Probe: w.probe, StartDigest: "abc", Processes: true}
	go func() {
		err := server.Serve(wrap(toEmulator), fromEmulator)
		fromEmulator.Close()
		toEmulator.Close()
		w.served <- err
	}()
	w.client = NewStdioClient(wrap(toBench), fromBench, w)
	w.hangUp = sync.OnceFunc(func() { fromBench.Close() })
	t.Cleanup(func() {
		w.hangUp()
		select {
		case <-w.served:
		case <-time.After(20 * time.Second):
			t.Error("the emulator does not end with its connection")
		}
		<-w.client.Done()
	})
	return w
}

func (w *stdioWorld) Launch(ctx context.Context, l StdioLaunch) error {
	if w.refuse != nil {
		return w.refuse
	}
	p, _ := w.toy.Launch(ctx, l.Phase)
	process := p.(*toyProcess)
	w.mu.Lock()
	w.running[l.Process] = process
	w.mu.Unlock()
	go func() {
		if w.vanish {
			process.Kill()
			w.client.Exited(StdioExit{Process: l.Process, Exit: Exit{Code: 126}})
			return
		}
		go func() {
			<-process.Done()
			w.client.Exited(StdioExit{Process: l.Process, Exit: process.Exit()})
		}()
		conn, err := net.Dial("unix", l.Control)
		if err != nil {
			return // it was ended meanwhile
		}
		defer conn.Close()
		if w.say != nil {
			w.say(conn)
			return
		}
		fmt.Fprint(conn, "ready\n")
		if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || line != "go\n" {
			return
		}
		fmt.Fprintf(conn, "exec %d \n", Clock())
		process.Exec(ctx)
	}()
	return nil
}

func (w *stdioWorld) Kill(ctx context.Context, process int) error {
	w.mu.Lock()
	p := w.running[process]
	w.kills++
	w.mu.Unlock()
	if p != nil {
		p.Kill()
		<-p.Done()
	}
	return nil
}

func (w *stdioWorld) Output(text []byte, end bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.output += string(text)
	if end {
		w.output += "END"
	}
}

func (w *stdioWorld) written() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.output
}

func (w *stdioWorld) context() context.Context {
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	w.t.Cleanup(cancel)
	return ctx
}

var stdioFunction = Function{Name: "toy", MemoryMB: 128, Timeout: 3 * time.Second}

func (w *stdioWorld) ready() {
	w.t.Helper()
	if err := w.client.Provision(w.context(), stdioFunction); err != nil {
		w.t.Fatal(err)
	}
	in, err := w.client.Init(w.context())
	if err != nil || !in.Done || in.EndedNs <= in.StartedNs {
		w.t.Fatalf("init: %+v, %v", in, err)
	}
}

func TestStdioServesOneEnvironmentAfterAnother(t *testing.T) {
	w := newStdioWorld(t, echo, nil)
	hello, err := w.client.Hello(w.context())
	if err != nil || hello.StartDigest != "abc" || hello.API != w.toy.api || !hello.Processes {
		t.Fatalf("hello: %+v, %v", hello, err)
	}
	for range 3 {
		w.ready()
		for i := range 3 {
			payload := fmt.Sprintf(`{"n":%d}`, i)
			inv, err := w.client.Invoke(w.context(), Event{Payload: []byte(payload)})
			if err != nil || string(inv.Response) != payload || inv.Status != "success" {
				t.Fatalf("invocation: %+v, %v", inv, err)
			}
			if cold := strings.Contains(inv.Log, "Init Duration"); cold != (i == 0) || !strings.Contains(inv.Log, "Max Memory Used: 7 MB") {
				t.Errorf("invocation %d: log %q", i, inv.Log)
			}
		}
		if d, ok := w.client.Throttled(w.context()); !ok || d != time.Millisecond {
			t.Errorf("throttled: %v, %v; want what came since the environment was made, 1ms", d, ok)
		}
		if err := w.client.CloseEnvironment(w.context()); err != nil {
			t.Fatal(err)
		}
		if err := w.client.CloseEnvironment(w.context()); err != nil {
			t.Errorf("closing again: %v", err)
		}
	}
	if w.kills != 3 || w.probe.attached != 0 {
		t.Errorf("%d containers were ended, %d are watched; want 3 and 0", w.kills, w.probe.attached)
	}
}

func TestStdioCarriesSixMegabytesBothWays(t *testing.T) {
	w := newStdioWorld(t, echo, nil)
	w.ready()
	payload := []byte(`"` + strings.Repeat("x", 6<<20-2) + `"`)
	inv, err := w.client.Invoke(w.context(), Event{Payload: payload})
	if err != nil || !bytes.Equal(inv.Response, payload) {
		t.Fatalf("%d bytes came back, status %q, error %v", len(inv.Response), inv.Status, err)
	}
}

func TestStdioReadsTornLines(t *testing.T) {
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"a byte at a time": iotest.OneByteReader, "halves": iotest.HalfReader,
	} {
		t.Run(name, func(t *testing.T) {
			w := newStdioWorld(t, echo, wrap)
			w.ready()
			inv, err := w.client.Invoke(w.context(), Event{Payload: []byte(`"x"`)})
			if err != nil || string(inv.Response) != `"x"` {
				t.Fatalf("%+v, %v", inv, err)
			}
		})
	}
}

func TestStdioCrashIsFollowedByAFreshContainer(t *testing.T) {
	w := newStdioWorld(t, func(p *toyProcess) Exit {
		if p.number == 1 {
			p.next()
			return Exit{Code: 3}
		}
		return echo(p)
	}, nil)
	w.ready()
	inv, err := w.client.Invoke(w.context(), Event{Payload: []byte(`1`)})
	if err != nil || inv.Status != "error" || inv.ErrorType != "Runtime.ExitError" || inv.Exit == nil || inv.Exit.Code != 3 {
		t.Fatalf("crash: %+v, %v", inv, err)
	}
	inv, err = w.client.Invoke(w.context(), Event{Payload: []byte(`2`)})
	if err != nil || inv.Status != "success" || !inv.InitInside || string(inv.Response) != "2" {
		t.Fatalf("after it: %+v, %v", inv, err)
	}
	if got := w.toy.phases(); len(got) != 2 || got[0] != PhaseInit || got[1] != PhaseInvoke {
		t.Errorf("launched %v", got)
	}
}

func TestStdioTellsOutOfMemoryFromACrash(t *testing.T) {
	w := newStdioWorld(t, func(p *toyProcess) Exit {
		p.next()
		return Exit{Code: 137, Signal: 9}
	}, nil)
	w.ready()
	w.probe.mu.Lock()
	w.probe.outOfMemory = true
	w.probe.mu.Unlock()
	inv, err := w.client.Invoke(w.context(), Event{Payload: []byte(`1`)})
	if err != nil || inv.ErrorType != "Runtime.OutOfMemory" || !inv.Exit.OutOfMemory {
		t.Fatalf("%+v, %v", inv, err)
	}
}

func TestStdioStartThatMisbehaves(t *testing.T) {
	for name, c := range map[string]struct {
		say  func(conn net.Conn)
		init bool   // whether init, not provision, is to fail
		want string // in the error, or the error type of init
	}{
		"says nothing":      {func(c net.Conn) {}, false, "images/start"},
		"says nonsense":     {func(c net.Conn) { fmt.Fprint(c, "hello\n") }, false, `said "hello" instead of ready`},
		"fails at once":     {func(c net.Conn) { fmt.Fprint(c, "error 1 mounting: no\n") }, false, "images/start: mounting: no"},
		"a torn line":       {func(c net.Conn) { fmt.Fprint(c, "rea") }, false, "unexpected EOF"},
		"ends after ready":  {func(c net.Conn) { fmt.Fprint(c, "ready\n") }, true, ""},
		"no clock":          {func(c net.Conn) { fmt.Fprint(c, "ready\nexec x \n") }, true, "not a clock reading"},
		"no entrypoint":     {func(c net.Conn) { fmt.Fprint(c, "ready\nerror 2 /x: no such file\n") }, true, "Runtime.InvalidEntrypoint"},
		"execve that fails": {func(c net.Conn) { fmt.Fprint(c, "ready\nexec 5 \nerror 8 /x: exec format error\n") }, true, "Runtime.InvalidEntrypoint"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newStdioWorld(t, echo, nil)
			w.say = c.say
			err := w.client.Provision(w.context(), stdioFunction)
			var in Init
			if err == nil {
				if !c.init {
					t.Fatal("provisioned")
				}
				in, err = w.client.Init(w.context())
			}
			if in.Done || in.ErrorType != c.want && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("init %+v, error %v; want %q", in, err, c.want)
			}
			if err := w.client.CloseEnvironment(w.context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestStdioContainerThatCannotBeMade(t *testing.T) {
	w := newStdioWorld(t, echo, nil)
	w.refuse = errors.New("no space left on device")
	if err := w.client.Provision(w.context(), stdioFunction); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("refused: %v", err)
	}
	w.refuse, w.vanish = nil, true
	if err := w.client.Provision(w.context(), stdioFunction); err == nil || !strings.Contains(err.Error(), "exit status 126") {
		t.Errorf("vanished: %v", err)
	}
	w.vanish = false
	w.ready() // the connection is as good as before
}

func TestStdioKeepsTheKindsOfErrors(t *testing.T) {
	w := newStdioWorld(t, echo, nil)
	w.ready()
	_, err := w.client.Invoke(w.context(), Event{Payload: bytes.Repeat([]byte("x"), 7<<20)})
	if !errors.Is(err, ErrPayloadTooLarge) {
		t.Errorf("%v is not ErrPayloadTooLarge", err)
	}
	if err := w.client.CloseEnvironment(w.context()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.client.Init(w.context()); err == nil {
		t.Error("init without an environment went well")
	}
}

func TestStdioCallEndsWithItsContext(t *testing.T) {
	w := newStdioWorld(t, func(p *toyProcess) Exit {
		<-p.ctx.Done()
		return Exit{Signal: 9}
	}, nil)
	if err := w.client.Provision(w.context(), stdioFunction); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(w.context())
	cause := errors.New("enough")
	time.AfterFunc(10*time.Millisecond, func() { cancel(cause) })
	if _, err := w.client.Init(ctx); !errors.Is(err, cause) {
		t.Errorf("init: %v", err)
	}
	if err := w.client.CloseEnvironment(w.context()); err != nil {
		t.Error(err)
	}
	if w.kills == 0 {
		t.Error("the container was not ended")
	}
}

func TestStdioStuckConnectionDoesNotHoldACaller(t *testing.T) {
	stuck, release := io.Pipe() // nobody reads what the client writes
	r, end := io.Pipe()
	client := NewStdioClient(r, release, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := client.Hello(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("hello: %v", err)
	}
	end.Close()
	stuck.Close()
	<-client.Done()
}

// TestStdioEndAtAnyByte cuts a conversation everywhere: whoever waits is told,
// and nothing goes on running.
func TestStdioEndAtAnyByte(t *testing.T) {
	var script bytes.Buffer
	for _, rec := range []stdioRecord{
		{ID: 1, Body: json.RawMessage(`{"api":"127.0.0.1:9001"}`)},
		{ID: 7, Call: callLaunch, Body: json.RawMessage(`{"process":1,"phase":"init"}`)},
		{ID: 7, Cancel: true},
		{ID: 8, Call: callKill, Body: json.RawMessage(`{"process":1}`)},
		{ID: 9, Call: "unknown"},
		{ID: 99, Error: "nobody asked"},
	} {
		line, err := json.Marshal(rec)
		if err != nil {
			t.Fatal(err)
		}
		script.Write(append(line, '\n'))
	}
	before := runtime.NumGoroutine()
	for cut := range script.Len() + 1 {
		host := &idleHost{}
		client := NewStdioClient(bytes.NewReader(script.Bytes()[:cut]), io.Discard, host)
		<-client.Done()
		whole := cut == 0 || script.Bytes()[cut-1] == '\n'
		if err := client.Err(); whole != (err == nil) || !whole && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if _, err := client.Invoke(t.Context(), Event{}); !errors.Is(err, ErrStdioClosed) {
			t.Fatalf("cut at %d: a call after the end: %v", cut, err)
		}
		if host.launching() {
			t.Fatalf("cut at %d: a launch goes on", cut)
		}
	}
	settle(t, before)
}

// idleHost launches until it is told to stop.
type idleHost struct {
	mu   sync.Mutex
	open int
}

func (h *idleHost) Launch(ctx context.Context, _ StdioLaunch) error {
	h.mu.Lock()
	h.open++
	h.mu.Unlock()
	<-ctx.Done()
	h.mu.Lock()
	h.open--
	h.mu.Unlock()
	return ctx.Err()
}
func (h *idleHost) Output([]byte, bool)             {}
func (h *idleHost) Kill(context.Context, int) error { return nil }
func (h *idleHost) launching() bool                 { h.mu.Lock(); defer h.mu.Unlock(); return h.open != 0 }

// settle waits until no more goroutines run than before.
func settle(t testing.TB, before int) {
	t.Helper()
	for range 200 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	buf := make([]byte, 1<<16)
	t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
}

func TestStdioHangUpAtAnyMoment(t *testing.T) {
	before := runtime.NumGoroutine()
	for moment := range 6 {
		t.Run(fmt.Sprint(moment), func(t *testing.T) {
			w := newStdioWorld(t, func(p *toyProcess) Exit {
				if moment == 2 {
					<-p.ctx.Done() // never asks for an event
				}
				p.next()
				<-p.ctx.Done() // never answers
				return Exit{Signal: 9}
			}, nil)
			if moment == 1 {
				w.say = func(c net.Conn) { io.Copy(io.Discard, c) } // never ready
			}
			ended := make(chan error, 1)
			go func() {
				ended <- func() error {
					if moment == 0 {
						return ErrStdioClosed
					}
					if err := w.client.Provision(w.context(), stdioFunction); err != nil {
						return err
					}
					if _, err := w.client.Init(w.context()); err != nil {
						return err
					}
					_, err := w.client.Invoke(w.context(), Event{Payload: []byte(`1`)})
					return err
				}()
			}()
			time.Sleep(time.Duration(moment*10) * time.Millisecond)
			w.hangUp()
			if err := <-ended; err == nil || errors.Is(err, context.Canceled) {
				t.Errorf("the caller was told: %v", err)
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			for _, p := range w.running {
				p.Kill() // as the end of the PID namespace does
			}
		})
	}
	settle(t, before)
}

func TestStdioGarbageEndsTheConnection(t *testing.T) {
	client := NewStdioClient(strings.NewReader("panic: runtime error\n"), io.Discard, nil)
	<-client.Done()
	if err := client.Err(); err == nil || !strings.Contains(err.Error(), "panic: runtime error") {
		t.Errorf("%v", err)
	}
	if _, err := client.Hello(t.Context()); !errors.Is(err, ErrStdioClosed) || !strings.Contains(err.Error(), "panic") {
		t.Errorf("a call after it: %v", err)
	}
}

func TestStdioLineIsBounded(t *testing.T) {
	r := bufio.NewReader(io.LimitReader(repeat('x'), maxStdioRecord*2))
	if line, err := readStdioLine(r); err == nil || err == io.EOF || len(line) != 0 {
		t.Errorf("%d bytes, %v", len(line), err)
	}
}

type repeat byte

func (b repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}

func FuzzParseStarted(f *testing.F) {
	for _, s := range []string{"exec 12 ", "exec 12 a/b", "exec 12", "exec 0 ", "exec -1 ", "ready", "", "exec 1 a b", "exec 99999999999999999999 "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		s, err := parseStarted(line)
		if err != nil {
			if s.ClockNs != 0 || s.Extensions != nil {
				t.Errorf("%q: a value beside an error: %+v", line, s)
			}
			return
		}
		if s.ClockNs <= 0 {
			t.Errorf("%q: clock %d", line, s.ClockNs)
		}
		again, err := parseStarted(fmt.Sprintf("exec %d %s", s.ClockNs, strings.Join(s.Extensions, "/")))
		if err != nil || again.ClockNs != s.ClockNs || len(again.Extensions) != len(s.Extensions) {
			t.Errorf("%q: printed and parsed again: %+v, %v", line, again, err)
		}
	})
}
