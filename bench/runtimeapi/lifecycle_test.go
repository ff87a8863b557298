package runtimeapi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestNoGoroutinesAreLeft runs environments through good and bad and counts
// goroutines before and after.
func TestNoGoroutinesAreLeft(t *testing.T) {
	goroutines := func(when string, want int) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > want; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				buf := make([]byte, 1<<20)
				t.Fatalf("%s: %d goroutines, %d before\n%s", when, runtime.NumGoroutine(), want, buf[:runtime.Stack(buf, true)])
			}
		}
	}
	before := runtime.NumGoroutine()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(ln)
	// A connection that is opened and says nothing, one that says half a
	// request, both never closed by the client.
	for _, text := range []string{"", "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost"} {
		for _, when := range []string{"idle", "running"} {
			l := &toy{api: s.Addr(), run: echo}
			e, err := s.NewEnvironment(Function{MemoryMB: 128}, l)
			if err != nil {
				t.Fatal(err)
			}
			if when == "running" {
				mustInit(t, e)
			}
			c, err := net.Dial("tcp", s.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			fmt.Fprint(c, text)
			if when == "running" {
				invoke(t, e, `1`)
				l.run = func(p *toyProcess) Exit { return Exit{Code: 1} }
			}
			if err := errors.Join(e.Close(), e.Close()); err != nil {
				t.Fatal(err)
			}
			// The server's own, which accepts, is left.
			goroutines("after an environment", before+1)
		}
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	goroutines("after the server", before)
}

// TestCancel cancels each call while it waits: it returns, and the environment
// can be used again and closed.
func TestCancel(t *testing.T) {
	hang := func(p *toyProcess) Exit { <-p.ctx.Done(); return Exit{Signal: 9} }
	t.Run("init", func(t *testing.T) {
		e := start(t, Function{}, &toy{run: hang})
		if err := e.Provision(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if _, err := e.Init(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("invoke", func(t *testing.T) {
		l := &toy{}
		l.run = func(p *toyProcess) Exit {
			if p.number == 1 {
				p.next()
				return hang(p)
			}
			return echo(p)
		}
		e := ready(t, Function{Timeout: time.Minute}, l)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if _, err := e.Invoke(ctx, Event{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if _, err := e.Invoke(ctx, Event{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a context that has ended: got %v", err)
		}
		if inv := invoke(t, e, `1`); inv.Status != "success" || !inv.InitInside {
			t.Errorf("afterwards: %+v", inv)
		}
	})
	t.Run("inside", func(t *testing.T) {
		l := &toy{}
		l.run = func(p *toyProcess) Exit {
			if p.number == 1 {
				return Exit{Code: 1}
			}
			return hang(p)
		}
		e := start(t, Function{Timeout: time.Minute}, l)
		mustInit(t, e)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if _, err := e.Invoke(ctx, Event{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

// TestCloseWhileBusy closes an environment while a call waits in another
// goroutine.
func TestCloseWhileBusy(t *testing.T) {
	for _, when := range []string{"init", "invoke"} {
		t.Run(when, func(t *testing.T) {
			began := make(chan struct{})
			e := start(t, Function{Timeout: time.Minute}, &toy{run: func(p *toyProcess) Exit {
				if when == "invoke" {
					p.next()
				}
				close(began)
				<-p.ctx.Done()
				return Exit{Signal: 9}
			}})
			got := make(chan error, 1)
			go func() {
				_, err := e.Init(t.Context())
				if when == "invoke" && err == nil {
					_, err = e.Invoke(t.Context(), Event{})
				}
				got <- err
			}()
			<-began
			if err := e.Close(); err != nil {
				t.Error(err)
			}
			if err := <-got; !errors.Is(err, ErrClosed) {
				t.Errorf("got %v", err)
			}
			if _, err := e.Invoke(t.Context(), Event{}); !errors.Is(err, ErrClosed) {
				t.Errorf("after Close: %v", err)
			}
		})
	}
}

// TestOrder refuses what comes in another order, and a second environment
// beside an open one.
func TestOrder(t *testing.T) {
	e := start(t, Function{}, &toy{run: echo})
	if _, err := e.Invoke(t.Context(), Event{}); err == nil {
		t.Error("an invocation before init")
	}
	mustInit(t, e)
	if _, err := e.Init(t.Context()); err == nil {
		t.Error("a second init")
	}
	if err := e.Provision(t.Context()); err == nil {
		t.Error("provisioned twice")
	}
	if _, err := e.server.NewEnvironment(Function{MemoryMB: 1}, &toy{}); err == nil {
		t.Error("a second environment")
	}
	if _, err := e.Invoke(t.Context(), Event{Payload: make([]byte, MaxPayload+1)}); !errors.Is(err, ErrPayloadTooLarge) {
		t.Errorf("an event too large: %v", err)
	}
	if inv := invoke(t, e, `"`+strings.Repeat("x", MaxPayload-2)+`"`); inv.Status != "success" || len(inv.Response) != MaxPayload {
		t.Errorf("the largest event: %s %s, %d bytes", inv.Status, inv.ErrorType, len(inv.Response))
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	for _, f := range []Function{{}, {MemoryMB: -1}, {MemoryMB: 1, Timeout: -1}, {MemoryMB: 1, InitTimeout: -1}} {
		if _, err := e.server.NewEnvironment(f, &toy{}); err == nil {
			t.Errorf("an environment of %+v", f)
		}
	}
	if _, err := e.server.NewEnvironment(Function{MemoryMB: 1}, nil); err == nil {
		t.Error("an environment without a launcher")
	}
	next, err := e.server.NewEnvironment(Function{MemoryMB: 1}, &toy{})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := e.server.Close(); err != nil {
		t.Fatal(err)
	}
	if err := next.Provision(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("after the server was closed: %v", err)
	}
	if _, err := e.server.NewEnvironment(Function{MemoryMB: 1}, &toy{}); !errors.Is(err, ErrClosed) {
		t.Errorf("after the server was closed: %v", err)
	}
}

// TestLauncherFails hands on the launcher's errors; the environment can be
// closed.
func TestLauncherFails(t *testing.T) {
	broken := errors.New("no room")
	e := start(t, Function{}, &toy{run: echo, execError: broken})
	if err := e.Provision(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Init(t.Context()); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if _, err := e.Invoke(t.Context(), Event{}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// TestEarlierProcess lets a process that was given up go on asking: nothing of
// it reaches its successor.
func TestEarlierProcess(t *testing.T) {
	l := &toy{}
	var ghost sync.WaitGroup
	given, stop := make(chan struct{}), make(chan struct{})
	l.run = func(p *toyProcess) Exit {
		if p.number > 1 {
			return echo(p)
		}
		id, _ := p.next()
		ghost.Go(func() {
			// With connections of before and new ones, outliving its process.
			<-given
			g := &toyProcess{toy: p.toy, ctx: context.Background(), api: p.api, client: p.client}
			for {
				select {
				case <-stop:
					return
				default:
				}
				if a := g.respond(id, `"ghost"`); a.status == 202 {
					panic("a response of a process that was given up was accepted")
				}
			}
		})
		return Exit{Code: 1}
	}
	e := ready(t, Function{Timeout: time.Minute}, l)
	inv := invoke(t, e, `0`)
	if inv.Status != "error" {
		t.Errorf("%+v", inv)
	}
	close(given)
	for i := range 50 {
		want := fmt.Sprint(i)
		if inv := invoke(t, e, want); string(inv.Response) != want || inv.Status != "success" {
			t.Fatalf("%d: %+v", i, inv)
		}
	}
	close(stop)
	ghost.Wait()
}

// TestMisbehaviour sends what no runtime should send while a well-behaved one
// works: it goes on working.
func TestMisbehaviour(t *testing.T) {
	l := &toy{run: echo}
	e := ready(t, Function{}, l)
	send := func(name, text string, answers ...string) {
		t.Run(name, func(t *testing.T) {
			c, err := net.Dial("tcp", l.api)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(10 * time.Second))
			fmt.Fprint(c, text)
			r := bufio.NewReader(c)
			for _, want := range answers {
				resp, err := http.ReadResponse(r, nil)
				if err != nil {
					t.Fatalf("waiting for %s: %v", want, err)
				}
				b := new(strings.Builder)
				if _, err := bufio.NewReader(resp.Body).WriteTo(b); err != nil {
					t.Fatal(err)
				}
				if got := fmt.Sprint(resp.StatusCode); got != want {
					t.Errorf("got %s %q, want %s", got, b, want)
				}
			}
			if inv := invoke(t, e, `"`+name+`"`); inv.Status != "success" || string(inv.Response) != `"`+name+`"` || inv.InitInside {
				t.Errorf("%+v", inv)
			}
		})
	}
	const get, post = "GET /2018-06-01/ping HTTP/1.1\r\nHost: x\r\n", "POST /2018-06-01/runtime/invocation/x/response HTTP/1.1\r\nHost: x\r\n"
	send("garbage", "\x00\xff\x16\x03\x01 what\r\n\r\n", "400")
	send("no version", "GET /\r\n\r\n", "400")
	send("huge header", get+"X: "+strings.Repeat("x", 3<<20)+"\r\n\r\n", "431")
	send("large header", get+"X: "+strings.Repeat("x", 1<<20)+"\r\n\r\n", "200")
	send("pipelined", get+"\r\n"+get+"\r\n"+post+"Content-Length: 1\r\n\r\n1"+get+"\r\n", "200", "200", "400", "200")
	send("half a request", get)
	send("half a body", post+"Content-Length: 10\r\n\r\n1") // answered once it is whole
	send("bad chunk", post+"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "400")
	send("bad length", post+"Content-Length: -1\r\n\r\n", "400")
	send("odd path", "GET /2018-06-01/runtime/invocation/%2e%2e/next HTTP/1.1\r\nHost: x\r\n\r\n", "404")
	send("empty id", "POST /2018-06-01/runtime/invocation//response HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "400")
	t.Run("many connections", func(t *testing.T) {
		for range 200 {
			c, err := net.Dial("tcp", l.api)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
		}
		invoke(t, e, `1`)
	})
}

// TestManyLoops serves a runtime whose loops all ask for events at once, and
// one that loses the connection that its event came on.
func TestManyLoops(t *testing.T) {
	l := &toy{run: func(p *toyProcess) Exit {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { echo(p) })
		}
		wg.Wait()
		return Exit{Signal: 9}
	}}
	e := ready(t, Function{Timeout: time.Minute}, l)
	for i := range 100 {
		want := fmt.Sprint(i)
		if inv := invoke(t, e, want); string(inv.Response) != want || inv.Status != "success" || inv.InitInside {
			t.Fatalf("%d: %+v", i, inv)
		}
	}
}

func TestLostConnection(t *testing.T) {
	l := &toy{run: func(p *toyProcess) Exit {
		return p.loop(func(id string, a answer) {
			p.client.CloseIdleConnections()
			again, b := p.next()
			if again != id || a.body != b.body {
				panic(fmt.Sprint("asked again and got ", again, b))
			}
			p.respond(id, b.body)
		})
	}}
	e := ready(t, Function{Timeout: time.Minute}, l)
	for i := range 3 {
		if inv := invoke(t, e, fmt.Sprint(i)); inv.Status != "success" {
			t.Fatalf("%+v", inv)
		}
	}
}

// TestHangsInBody ends a runtime that stops in the middle of its answer at the
// function's timeout.
func TestHangsInBody(t *testing.T) {
	e := ready(t, Function{Timeout: 100 * time.Millisecond}, &toy{run: func(p *toyProcess) Exit {
		if p.number > 1 {
			return echo(p)
		}
		id, _ := p.next()
		c, err := net.Dial("tcp", strings.TrimPrefix(p.api, "http://"))
		if err != nil {
			panic(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "POST %sinvocation/%s/response HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf", base, id)
		<-p.ctx.Done()
		return Exit{Signal: 9}
	}})
	if inv := invoke(t, e, `1`); inv.Status != "timeout" || inv.FunctionError != "Unhandled" {
		t.Errorf("%+v", inv)
	}
	if inv := invoke(t, e, `2`); inv.Status != "success" {
		t.Errorf("%+v", inv)
	}
}

// TestOnLog hands over each line when it is printed.
func TestOnLog(t *testing.T) {
	var got []string
	e := start(t, Function{}, &toy{run: func(p *toyProcess) Exit {
		if p.number == 1 {
			return Exit{Code: 1}
		}
		return echo(p)
	}})
	e.OnLog(func(lines string) { got = append(got, lines) })
	in := mustInit(t, e)
	inv := invoke(t, e, `1`)
	if strings.Join(got, "") != in.Log+inv.Log || len(got) != 3 || !strings.HasPrefix(got[1], "START ") {
		t.Errorf("got %q, want %q", got, in.Log+inv.Log)
	}
}

// TestHandOut reads the clock when the event leaves, not when it is ready to: a
// runtime that lost its connection asks for it later.
func TestHandOut(t *testing.T) {
	var asked atomic.Int64
	hung, invoked := make(chan struct{}), make(chan struct{})
	e := ready(t, Function{Timeout: time.Minute}, &toy{run: func(p *toyProcess) Exit {
		c, err := net.Dial("tcp", strings.TrimPrefix(p.api, "http://"))
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(c, "GET %sinvocation/next HTTP/1.1\r\nHost: x\r\n\r\n", base)
		<-hung
		c.Close()
		<-invoked
		time.Sleep(20 * time.Millisecond)
		asked.Store(Clock())
		return echo(p)
	}})
	close(hung)
	// The server has to have seen the end of the connection.
	for s := e.sess; ; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		n := len(s.conns)
		s.mu.Unlock()
		if n == 0 {
			break
		}
	}
	e.OnLog(func(lines string) {
		if strings.HasPrefix(lines, "START") {
			close(invoked)
		}
	})
	inv := invoke(t, e, `1`)
	if inv.Status != "success" || inv.HandedOutNs < asked.Load() || inv.EndedNs < inv.HandedOutNs {
		t.Errorf("asked at %d: %+v", asked.Load(), inv)
	}
}
