package runtimeapi

import (
	"encoding/json"
	"time"
)

// Terminator is a Process that can be asked to end by itself.
type Terminator interface {
	// Terminate sends SIGTERM to the runtime and returns at once.
	Terminate()
}

// The time that Lambda gives an environment at its end: with an external
// extension, with internal ones alone. Without any there is none.
const (
	shutdownExternal = 2 * time.Second
	shutdownInternal = 500 * time.Millisecond
)

// discard ends the process that stands, if one does; the next invocation gets a
// fresh one. reason is Lambda's word for it: spindown, timeout, failure.
func (e *Environment) discard(reason string) {
	if e.proc == nil {
		return
	}
	if reason != "spindown" { // no REPORT follows that would show it
		e.readMemory()
	}
	if e.sess != nil {
		e.shutdown(reason)
	}
	e.proc.Kill()
	if e.sess != nil {
		e.server.retire(e.sess)
	}
	e.proc, e.sess, e.serving, e.initNs = nil, nil, false, nil
}

// shutdown gives registered extensions the time that Lambda gives them.
func (e *Environment) shutdown(reason string) {
	s := e.sess
	s.mu.Lock()
	var waited []*extension
	external := false
	limit := shutdownInternal
	for _, x := range s.extensions {
		external = external || x.external
		if x.shutdown && x.external && !x.gone {
			waited = append(waited, x)
		}
	}
	if external {
		limit = shutdownExternal
	}
	any := len(s.extensions) > 0
	if any {
		body, _ := json.Marshal(shutdownEvent{"SHUTDOWN", reason, deadline(limit)})
		for _, x := range waited {
			// An invocation that it never took is moot now.
			select {
			case <-x.mail:
			default:
			}
			x.mail <- &notice{body: body}
		}
	}
	s.mu.Unlock()
	if !any {
		return
	}
	asked := false
	if t, ok := e.proc.(Terminator); ok {
		t.Terminate()
		asked = true
	}
	if len(waited) == 0 && !asked {
		return
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		s.mu.Lock()
		changed := s.change()
		left := asked && len(waited) == 0
		for _, x := range waited {
			// Asking for another event or going away are the two ways to say
			// that it is done.
			if !x.gone && !x.idle && !(x.conn != nil && x.conn.closed.Load()) {
				left = true
			}
		}
		s.mu.Unlock()
		if !left {
			return
		}
		select {
		case <-changed:
		case <-e.proc.Done():
			return
		case <-timer.C:
			return
		}
	}
}
