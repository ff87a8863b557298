package runtimeapi

import (
	"encoding/json"
	"slices"
	"time"
)

// Terminator is a Process that can be asked to end by itself.
type Terminator interface {
	// Terminate sends SIGTERM to the runtime and returns at once.
	Terminate()
}

// The time that Lambda gives an environment at its end: with external
// extensions, of which the runtime gets shutdownRuntime at most; with internal
// ones alone. Without any there is none. The share of the runtime is that of
// rapid/shutdown.go in AWS's emulator.
const (
	shutdownExternal = 2 * time.Second
	shutdownRuntime  = 600 * time.Millisecond
	shutdownInternal = 500 * time.Millisecond
)

// discard ends the process that stands, if one does. reason is Lambda's word for it:
// spindown, timeout, failure.
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
	e.proc, e.sess, e.serving, e.ran, e.initNs = nil, nil, false, false, nil
}

// shutdown gives the runtime and the extensions the time that Lambda gives them.
func (e *Environment) shutdown(reason string) {
	s := e.sess
	s.mu.Lock()
	s.closing = true
	external, internal := len(s.external) > 0, len(s.extensions) > 0
	s.mu.Unlock()
	if supervisor, ok := e.proc.(Supervisor); ok && external {
		limit := time.After(shutdownExternal)
		over := deadline(shutdownExternal)
		// Before the extensions are told, so that they see all of it.
		if e.ran && !ends(supervisor, e.proc, shutdownRuntime) {
			supervisor.KillRuntime()
		}
		e.endExtensions(shutdownEvent{"SHUTDOWN", reason, over}, limit)
		return
	}
	if t, ok := e.proc.(Terminator); ok && internal {
		ends(t, e.proc, shutdownInternal)
	}
}

// ends asks the runtime to end and reports whether it does so in time.
func ends(t Terminator, p Process, limit time.Duration) bool {
	t.Terminate()
	select {
	case <-p.Done():
		return true
	case <-time.After(limit):
		return false
	}
}

// endExtensions tells the subscribed extensions of the end and waits for theirs, or until
// they ask for another event: Lambda waits longer, which nobody would see.
func (e *Environment) endExtensions(event shutdownEvent, limit <-chan time.Time) {
	s := e.sess
	body, _ := json.Marshal(event)
	s.mu.Lock()
	var waited []*extension
	for _, x := range s.extensions {
		if !x.shutdown || x.gone || x.exited {
			continue
		}
		waited = append(waited, x)
		select {
		case <-x.mail: // an invocation that it never took is moot now
		default:
		}
		x.mail <- &notice{body: body}
	}
	s.mu.Unlock()
	for {
		s.mu.Lock()
		changed := s.change()
		left := slices.ContainsFunc(waited, func(x *extension) bool { return !x.exited && !x.idle })
		s.mu.Unlock()
		if !left {
			return
		}
		select {
		case <-changed:
		case <-limit:
			return
		}
	}
}
