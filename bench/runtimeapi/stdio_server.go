package runtimeapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"sync"
	"time"
)

// StdioServer is the emulator's end of a connection to bench, which it asks for the
// containers of its processes.
type StdioServer struct {
	// Listener is where the Runtime API is served; it is closed at the end.
	Listener net.Listener
	// Probe looks at the function's processes.
	Probe StdioProbe
	// StartDigest and Processes are passed on in StdioHello.
	StartDigest string
	Processes   bool
}

// Serve answers bench's calls until r ends, then ends the environment that is left. An end
// inside a record is an error.
func (s StdioServer) Serve(r io.Reader, w io.Writer) error {
	api := NewServer(s.Listener)
	session := &stdioSession{api: api, settings: s, processes: map[int]*stdioProcess{}}
	session.peer = newStdioPeer(w, session.serve)
	// Output that can't be sent is lost: bench is gone.
	session.output.send = func(t stdioText) { _ = session.peer.tell(callOutput, t) }
	err := session.peer.serve(r)
	session.end()
	return errors.Join(err, api.Close())
}

type stdioSession struct {
	api      *Server
	settings StdioServer
	peer     *stdioPeer
	output   stdioOutput

	mu          sync.Mutex
	environment *Environment
	// throttledBefore is what the probe had counted before this environment.
	throttledBefore time.Duration
	lastProcess     int
	processes       map[int]*stdioProcess
}

func (s *stdioSession) serve(ctx context.Context, call string, body json.RawMessage) (any, error) {
	switch call {
	case callHello:
		return StdioHello{API: s.api.Addr(), StartDigest: s.settings.StartDigest, Processes: s.settings.Processes}, nil
	case callProvision:
		f, err := decoded[Function](call, body)
		if err != nil {
			return nil, err
		}
		return nil, s.provision(ctx, f)
	case callInit:
		return s.run(func(e *Environment) (any, error) { return e.Init(ctx) })
	case callInvoke:
		event, err := decoded[Event](call, body)
		if err != nil {
			return nil, err
		}
		return s.run(func(e *Environment) (any, error) { return e.Invoke(ctx, event) })
	case callThrottled:
		d, known := s.settings.Probe.Throttled()
		s.mu.Lock()
		defer s.mu.Unlock()
		return stdioThrottled{Ns: int64(d - s.throttledBefore), Known: known}, nil
	case callClose:
		return nil, s.closeEnvironment()
	case callExited:
		e, err := decoded[StdioExit](call, body)
		if err == nil {
			s.exited(e)
		}
		return nil, err
	}
	return nil, fmt.Errorf("unknown call %q", call)
}

func (s *stdioSession) provision(ctx context.Context, f Function) error {
	if err := s.closeEnvironment(); err != nil {
		return err
	}
	env, err := s.api.NewEnvironment(f, (*stdioLauncher)(s))
	if err != nil {
		return err
	}
	before, _ := s.settings.Probe.Throttled()
	s.mu.Lock()
	s.environment, s.throttledBefore = env, before
	s.mu.Unlock()
	return env.Provision(ctx)
}

// run holds the function's output back while its environment works.
func (s *stdioSession) run(work func(*Environment) (any, error)) (any, error) {
	s.mu.Lock()
	env := s.environment
	s.mu.Unlock()
	if env == nil {
		return nil, errors.New("no environment was provisioned")
	}
	s.output.hold()
	defer s.output.release()
	return work(env)
}

func (s *stdioSession) closeEnvironment() error {
	s.mu.Lock()
	env := s.environment
	s.environment = nil
	s.mu.Unlock()
	if env == nil {
		return nil
	}
	return env.Close()
}

// end gives up what is left: bench is gone, nobody tells the end of a process any more.
func (s *stdioSession) end() {
	s.settings.Probe.Kill()
	s.mu.Lock()
	left := slices.Collect(maps.Values(s.processes))
	s.mu.Unlock()
	for _, p := range left {
		p.end(Exit{Code: 137, Signal: 9})
	}
	_ = s.closeEnvironment()
}

func (s *stdioSession) exited(e StdioExit) {
	s.mu.Lock()
	p := s.processes[e.Process]
	s.mu.Unlock()
	if p != nil {
		p.end(e.Exit)
	}
}

// forget drops a process whose end was seen.
func (s *stdioSession) forget(p *stdioProcess) {
	s.mu.Lock()
	delete(s.processes, p.number)
	s.mu.Unlock()
}

// killTimeout bounds bench's ending of a container. The kernel took up to 35 s in trials
// to end a process that had run out of memory.
const killTimeout = 60 * time.Second
