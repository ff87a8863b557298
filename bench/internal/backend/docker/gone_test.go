package docker

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/runtimeapi"
)

// gate stands between the client and the engine and can be shut.
type gate struct {
	listener net.Listener
	mu       sync.Mutex
	conns    map[net.Conn]bool
	shut     bool
}

func newGate(t *testing.T, socket string) *gate {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gate.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{listener: l, conns: map[net.Conn]bool{}}
	go func() {
		for {
			a, err := l.Accept()
			if err != nil {
				return
			}
			b, err := net.Dial("unix", socket)
			if err != nil {
				a.Close()
				continue
			}
			g.mu.Lock()
			shut := g.shut
			g.conns[a], g.conns[b] = true, true
			g.mu.Unlock()
			if shut {
				a.Close()
				b.Close()
				continue
			}
			pass := func(to, from net.Conn) {
				_, _ = io.Copy(to, from)
				_ = to.(*net.UnixConn).CloseWrite()
			}
			go pass(a, b)
			go pass(b, a)
		}
	}()
	t.Cleanup(func() { l.Close(); g.set(true) })
	t.Setenv("DOCKER_HOST", "unix://"+path)
	return g
}

// set shuts or opens the gate; what had passed is cut off.
func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
	if shut {
		for c := range g.conns {
			c.Close()
		}
		clear(g.conns)
	}
}

// TestEngineThatGoesAndComesBack: in the middle of a run the engine is gone at
// each step of a sample; that is the engine's failure and ends in time, and
// once it is back the same Engine works on.
func TestEngineThatGoesAndComesBack(t *testing.T) {
	direct := connect(t, Options{})
	host, ok := strings.CutPrefix(direct.cli.DaemonHost(), "unix://")
	if !ok {
		t.Skip("the engine is not at a socket")
	}
	img := hello(t, direct)
	g := newGate(t, host)
	e := connect(t, Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	steps := []string{"provision", "init", "limit", "invoke", "invoke again", "close"}
	for lost := range steps {
		t.Run(steps[lost], func(t *testing.T) {
			prototype, err := e.newMachine(ctx, coldstart.Config{Variant: "test", MemoryMB: 128, Arch: e.Arch()}, img, coldstart.Options{LimitCPU: true})
			if err != nil {
				t.Fatal(err)
			}
			m := prototype.fresh()
			failed := false
			for n, do := range []func() error{
				func() error { return m.Provision(ctx) },
				func() error { _, err := m.Init(ctx); return err },
				func() error { return m.Limit(ctx) },
				func() error { _, err := m.Invoke(ctx, runtimeapi.Event{Payload: []byte("{}")}); return err },
				func() error { _, err := m.Invoke(ctx, runtimeapi.Event{Payload: []byte("{}")}); return err },
				m.Close,
			} {
				if n == lost {
					g.set(true)
				}
				if failed && steps[n] != "close" {
					continue
				}
				err := do()
				failed = err != nil
				if n < lost && err != nil {
					t.Fatalf("%s: %v", steps[n], err)
				}
				if n < lost {
					continue
				}
				var f *coldstart.InvocationError
				if err != nil && (!errors.As(err, &f) || f.Reason != coldstart.ReasonEngine) {
					t.Errorf("%s: %v is not the engine's failure", steps[n], err)
				}
				if n == lost && err == nil && steps[n] != "limit" && steps[n] != "close" {
					t.Errorf("%s without an engine went well", steps[n])
				}
			}
			g.set(false)
			// What could not be removed then is gone by itself now: its emulator
			// has ended with the connection.
			if left := awaitEnd(t, direct, e.run); len(left) > 0 {
				t.Errorf("left: %s", strings.Join(left, ", "))
			}
		})
	}
	m, err := e.newMachine(ctx, coldstart.Config{Variant: "test", MemoryMB: 128, Arch: e.Arch()}, img, coldstart.Options{LimitCPU: true})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := m.Provision(ctx); err != nil {
		t.Errorf("back again: %v", err)
	}
}
