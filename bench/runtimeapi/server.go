package runtimeapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// ErrClosed is returned by methods of a closed Server or Environment, also while waiting.
var ErrClosed = errors.New("the execution environment is closed")

// ErrInvalidEntrypoint is wrapped by the error of Process.Exec if the entrypoint can't be
// executed; AWS's sentence follows:
// fmt.Errorf("%w: fork/exec %s: %v", ErrInvalidEntrypoint, path, err).
var ErrInvalidEntrypoint = errors.New("invalid entrypoint")

// ErrPayloadTooLarge is wrapped by the error of Environment.Invoke for an event of more
// than MaxPayload bytes, which AWS refuses before it is an invocation.
var ErrPayloadTooLarge = errors.New("event too large")

// MaxPayload is the largest event and answer in bytes: 6 MiB and, as in AWS's emulator,
// 100 bytes.
const MaxPayload = 6<<20 + 100

// maxHeader is more than the 1 MiB that a runtime may send as the cause of an error.
const maxHeader = 2 << 20

// Server serves the Runtime API to one execution environment after another.
type Server struct {
	listener net.Listener
	http     *http.Server
	served   chan struct{}
	// current is the session of the process that runs; nil while none does.
	current atomic.Pointer[session]
	// passed receives the address of each connection that came while none did.
	passed chan string

	mu     sync.Mutex
	env    *Environment
	closed bool
}

// NewServer serves on l, which it owns from here on, and returns at once.
func NewServer(l net.Listener) *Server {
	s := &Server{listener: l, served: make(chan struct{}), passed: make(chan string, 64)}
	s.http = &http.Server{
		Handler:        http.HandlerFunc(s.serve),
		ConnContext:    withConn,
		MaxHeaderBytes: maxHeader,
		// What a misbehaving client does is the function's business, and only
		// the caller may write to a stream.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	go func() {
		defer close(s.served)
		_ = s.http.Serve(&listener{Listener: l, server: s})
	}()
	return s
}

// Addr returns host:port of the listener, the value for AWS_LAMBDA_RUNTIME_API.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Close closes the open environment, the listener and every connection. It may be called
// twice.
func (s *Server) Close() error {
	s.mu.Lock()
	env := s.env
	s.closed = true
	s.mu.Unlock()
	var err error
	if env != nil {
		err = env.Close()
	}
	if e := s.http.Close(); e != nil && !errors.Is(e, net.ErrClosed) {
		err = errors.Join(err, e)
	}
	<-s.served
	return err
}

// NewEnvironment makes the next execution environment, in which nothing runs yet. The one
// before must be closed.
func (s *Server) NewEnvironment(f Function, l Launcher) (*Environment, error) {
	switch {
	case l == nil:
		return nil, errors.New("making an environment: no launcher")
	case f.MemoryMB <= 0:
		return nil, fmt.Errorf("making an environment: memory size of %d MB", f.MemoryMB)
	case f.Timeout < 0 || f.InitTimeout < 0:
		return nil, errors.New("making an environment: a timeout is negative")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	if s.env != nil {
		return nil, errors.New("making an environment: the one before is not closed")
	}
	s.env = &Environment{server: s, fn: f.withDefaults(), launcher: l, timer: time.NewTimer(0)}
	s.env.timer.Stop()
	s.env.closing, s.env.close = context.WithCancel(context.Background())
	return s.env, nil
}

// retire ends a session and returns when no connection of its process waits to be accepted,
// which would be taken for one of the next process: they are accepted in order, so one that
// is made now comes after them all.
func (s *Server) retire(p *session) {
	s.current.CompareAndSwap(p, nil)
	p.end()
	for len(s.passed) > 0 {
		<-s.passed
	}
	c, err := net.DialTimeout(s.listener.Addr().Network(), s.Addr(), time.Second)
	if err != nil {
		return // the listener is closed: nothing is accepted any more
	}
	defer c.Close()
	limit := time.After(time.Second)
	for {
		select {
		case addr := <-s.passed:
			if addr == c.LocalAddr().String() {
				return
			}
		case <-s.served:
			return
		case <-limit:
			return
		}
	}
}

// forget lets the next environment be made.
func (s *Server) forget(e *Environment) {
	s.mu.Lock()
	if s.env == e {
		s.env = nil
	}
	s.mu.Unlock()
}

// withDefaults fills in what Lambda does where nothing was asked for.
func (f Function) withDefaults() Function {
	f.Version = cmp.Or(f.Version, "$LATEST")
	f.Timeout = cmp.Or(f.Timeout, 3*time.Second)
	f.InitTimeout = cmp.Or(f.InitTimeout, 10*time.Second)
	f.Region = cmp.Or(f.Region, DefaultRegion)
	f.Account = cmp.Or(f.Account, DefaultAccount)
	f.InitializationType = cmp.Or(f.InitializationType, "on-demand")
	return f
}
