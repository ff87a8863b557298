package awssim

import (
	"context"
	"crypto/rand"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"coldbench/bench/internal/backend/sandbox"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/runtimeapi"
)

// environment is one execution environment; who takes it out of the idle ones owns it.
type environment struct {
	s       *Server
	d       *deployment
	machine sandbox.Machine
	log     *stream
	// platform is the wait before init, which Init Duration holds too.
	platform time.Duration
	// initNs is how long init took with it, restoreNs the same for a snapshot; nil once
	// printed, and where init failed.
	initNs, restoreNs *int64
	kind              string
	fresh             bool
	since             time.Time

	mu      sync.Mutex
	closing string
}

// take finds or makes an environment for an invocation. The caller gives it back.
func (s *Server) take(f *function, v *version) (*environment, error) {
	d := v.serving
	s.expire(d)
	if f.reserved != nil {
		if f.running >= *f.reserved {
			return nil, throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
		}
	} else if free, running := s.unreserved(); running >= free {
		return nil, throttled("ConcurrentInvocationLimitExceeded")
	}
	f.running++
	e := d.before.pop()
	if e != nil {
		s.retire(d.before)
		d.before = nil
	} else if e = d.pop(); e == nil {
		return s.newEnvironment(d), nil
	}
	s.stats.Warm++
	return e, nil
}

// pop takes out the idle environment that was used last, as Lambda does; nil for none.
func (d *deployment) pop() *environment {
	if d == nil || len(d.idle) == 0 {
		return nil
	}
	n := len(d.idle) - 1
	e := d.idle[n]
	d.idle = d.idle[:n]
	return e
}

func (s *Server) newEnvironment(d *deployment) *environment {
	f := d.f
	s.environments++
	s.stats.Cold++
	f.colds++
	e := &environment{s: s, d: d, fresh: true, kind: onDemand}
	if d.cfg.snapStart && d.number != "$LATEST" {
		e.kind = snapStarted
	}
	if s.latency {
		r := newRNG(s.o.Seed, "latency", f.name, f.colds)
		if e.platform = platformInit(r, d.cfg); !f.started[d.cfg.codeSHA256] && !d.cfg.zip {
			e.platform = firstInit(r)
		}
	}
	f.started[d.cfg.codeSHA256] = true
	return e
}

func (s *Server) give(e *environment, broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.d.f.running--
	if broken || e.d.retired || s.closed {
		s.dispose(e)
		return
	}
	e.since = s.now()
	e.d.idle = append(e.d.idle, e)
}

// dispose ends an environment that nobody uses any more. The lock is held.
func (s *Server) dispose(e *environment) {
	s.environments--
	if e.machine == nil {
		return
	}
	s.work.Go(func() {
		if err := e.machine.Close(); err != nil {
			s.fail(fmt.Errorf("ending an environment of %s: %w", e.d.f.name, err))
		}
	})
}

func (s *Server) expire(d *deployment) {
	if d == nil {
		return
	}
	s.expire(d.before)
	oldest := s.now().Add(-s.o.KeepWarm)
	d.idle = slices.DeleteFunc(d.idle, func(e *environment) bool {
		if e.kind == provisioned || e.since.After(oldest) {
			return false
		}
		s.dispose(e)
		return true
	})
}

// unreserved returns how many environments functions without a reservation may have, and have.
func (s *Server) unreserved() (free, running int) {
	free = s.o.Concurrency
	for _, f := range s.functions {
		if f.reserved == nil {
			running += f.running
		} else {
			free -= *f.reserved
		}
	}
	return max(free, 0), running
}

// start makes the environment and runs init. An error is the engine's.
func (e *environment) start(ctx context.Context) error {
	s, d := e.s, e.d
	e.log = s.logs.stream(d.cfg.log, streamName(s.now(), d.number))
	machine, err := s.o.Engine.NewMachine(sandbox.Spec{
		Function: runtimeapi.Function{
			Name: d.f.name, Version: d.number, Handler: d.cfg.handler, MemoryMB: d.cfg.memoryMB, Timeout: d.cfg.timeout(),
			Region: s.o.Region, Account: Account, InitializationType: e.kind, LogStream: e.log.name,
		},
		Image: d.cfg.program(), Environment: d.cfg.environment(), LimitCPU: s.o.LimitCPU,
		Output: func(line string) { e.log.add(s.now(), line) }, Platform: e.platformLines,
	})
	if err != nil {
		return err
	}
	e.machine = machine
	if err := (coldstart.Wall{}).Sleep(ctx, e.platform); err != nil {
		return err
	}
	if err := machine.Provision(ctx); err != nil {
		return fmt.Errorf("provisioning: %w", err)
	}
	e.log.initStart(s.now(), d, s.o.Region, e.kind)
	in, err := machine.Init(ctx)
	if err != nil {
		return fmt.Errorf("running init: %w", err)
	}
	if err := machine.Limit(ctx); err != nil {
		return fmt.Errorf("limiting the cpu: %w", err)
	}
	if in.Done {
		e.initialized(in.EndedNs - in.StartedNs + int64(e.platform))
	}
	return nil
}

// platformLines holds END and REPORT back for what the function wrote before them.
func (e *environment) platformLines(lines string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for line := range strings.Lines(lines) {
		if e.closing != "" || strings.HasPrefix(line, "END ") || strings.HasPrefix(line, "REPORT ") {
			e.closing += line
			continue
		}
		e.log.platform(e.s.now(), strings.TrimSuffix(line, "\n"), nil)
	}
}

// invoke runs one invocation. After an error the environment is to be ended.
func (e *environment) invoke(ctx context.Context, ev runtimeapi.Event) (runtimeapi.Invocation, error) {
	if e.fresh {
		e.fresh = false
		if err := e.start(ctx); err != nil {
			return runtimeapi.Invocation{}, err
		}
	} else {
		e.log.begin()
	}
	inv, err := e.machine.Invoke(ctx, ev)
	if err != nil {
		return inv, fmt.Errorf("invoking: %w", err)
	}
	// What the function wrote may still be on its way here.
	for range 8 {
		runtime.Gosched()
	}
	e.mu.Lock()
	closing := e.closing
	e.closing = ""
	e.mu.Unlock()
	p := &precise{runtimeapi.Times{DurationNs: inv.EndedNs - inv.HandedOutNs, InitNs: e.initNs, RestoreNs: e.restoreNs}, inv.Status == "success"}
	e.initNs, e.restoreNs = nil, nil
	for line := range strings.Lines(closing) {
		e.log.platform(e.s.now(), strings.TrimSuffix(line, "\n"), p)
	}
	return inv, nil
}

func streamName(t time.Time, version string) string {
	var b [16]byte
	rand.Read(b[:])
	return t.UTC().Format("2006/01/02/") + fmt.Sprintf("[%s]%x", version, b)
}
