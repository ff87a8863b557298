package runtimeapi

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// state is where the runtime of a process stands, in Lambda's words, as a 403 has them.
type state string

const (
	stateStarted      state = "Started"
	stateInitError    state = "InitError"
	stateReady        state = "Ready"
	stateRunning      state = "Running"
	stateResponse     state = "InvocationResponse"
	stateErrorReply   state = "InvocationErrorResponse"
	stateResponseSent state = "RuntimeResponseSentState"
)

// session is the Runtime API as one process sees it, from its execve to its end. Each
// process has its own, so that nothing an earlier one left in a socket counts for it.
type session struct {
	fn *Function
	// arn is the function's ARN as the value of a header, made once.
	arn []string

	// over is closed when the process is gone or given up: requests stop waiting.
	over chan struct{}
	// known is closed when it is known which external extensions there are.
	known chan struct{}
	// registered is closed when the last of them has registered.
	registered chan struct{}
	// inited is closed when init has ended, well or not.
	inited chan struct{}
	// mail holds the event that the runtime has not taken yet.
	mail chan *exchange

	mu    sync.Mutex
	ended bool
	// closing is true once the process is being ended: what ends then does not crash.
	closing bool
	conns   map[*conn]struct{}
	// changed is closed when a connection, extension or post is done; nil if nobody waits.
	changed chan struct{}
	// posts counts the answers that are being read.
	posts int

	state state
	// external names the external extensions; registeredNs is when the last registered, or 0.
	external     []string
	registeredNs int64
	// readyNs is the arrival of the first /next; 0 before it.
	readyNs int64
	// initNs is when init ended; initError why it failed, nil where it did not.
	initDone   bool
	initNs     int64
	initError  *fault
	extensions []*extension

	// broken is why an extension gave up between invocations.
	broken *fault
	// cur is the invocation that is under way; nil between invocations.
	cur *exchange
}

// fault is an error that the runtime or an extension reported, or that an answer was.
type fault struct {
	errorType string
	body      []byte
	// text is what happened, where there is no body.
	text string
	// exit is how the extension ended that crashed; nil for anything else.
	exit *Exit
}

// exchange is one event and what became of it, guarded by the session's mutex.
type exchange struct {
	id         string
	event      *Event
	deadlineMs int64
	// handedOutNs is Clock() just before the event left, or until then was ready to leave.
	handedOutNs atomic.Int64
	// conn is where the event went.
	conn *conn

	// pending counts the runtime and extensions that have yet to ask for the next event.
	pending int
	endedNs int64
	done    chan struct{}
	// early: the runtime asked for the next event while its answer was being read.
	early bool

	answered    bool
	response    []byte
	contentType string
	// failure is the error document that the function answered with; reject
	// why its answer was not accepted; broken why an extension ended it, which
	// takes no answer back.
	failure, reject, broken *fault
}

func newSession(fn *Function) *session {
	return &session{
		fn:    fn,
		arn:   []string{fn.ARN()},
		over:  make(chan struct{}),
		known: make(chan struct{}), registered: make(chan struct{}),
		inited: make(chan struct{}),
		mail:   make(chan *exchange, 1),
		conns:  map[*conn]struct{}{},
		state:  stateStarted,
	}
}

// adopt takes a connection in; false once the session is over.
func (s *session) adopt(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *session) release(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.noteChange()
	s.mu.Unlock()
}

// noteChange wakes who waits for a change; s.mu is held.
func (s *session) noteChange() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// change returns what the next noteChange closes; s.mu is held.
func (s *session) change() <-chan struct{} {
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

// end lets every waiting request go and cuts every connection, once.
func (s *session) end() {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		return
	}
	s.ended = true
	close(s.over)
	conns := slices.Collect(maps.Keys(s.conns))
	s.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
	}
}

// endInit ends init with an error; false if it had ended before.
func (s *session) endInit(at int64, f *fault) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.initDone {
		return false
	}
	s.failInit(at, f)
	return true
}

// launched notes which external extensions the process has started.
func (s *session) launched(external []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.external = external
	close(s.known)
	s.tryInit()
}

// tryInit ends init where nobody is missing any more; s.mu is held.
func (s *session) tryInit() {
	if s.initDone || s.readyNs == 0 || len(s.external) > 0 && s.registeredNs == 0 {
		return
	}
	last := s.readyNs
	for _, x := range s.extensions {
		if x.readyNs == 0 {
			return
		}
		last = max(last, x.readyNs)
	}
	s.initDone, s.initNs = true, last
	close(s.inited)
}

// failInit ends init with an error; s.mu is held. The first one counts.
func (s *session) failInit(at int64, f *fault) {
	if s.initDone {
		return
	}
	s.initDone, s.initNs, s.initError = true, at, f
	close(s.inited)
}

// extensionEnded notes an external extension's end, which ends an environment that goes on.
func (s *session) extensionEnded(end ExtensionEnd) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := end.fault()
	for _, x := range s.extensions {
		if x.external && x.name == end.Name {
			x.exited = true
			if x.gone { // it may end before its report is dealt with
				f.errorType = x.gaveUp
			}
		}
	}
	s.noteChange()
	if !s.closing {
		s.fail(Clock(), f)
	}
}

// extensionsOver notes that no external extension runs any more.
func (s *session) extensionsOver() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.extensions {
		x.exited = x.exited || x.external
	}
	s.noteChange()
}

// fail gives up what the session does, init or an invocation, and every
// invocation that follows; s.mu is held. The first error counts.
func (s *session) fail(at int64, f *fault) {
	s.failInit(at, f)
	if s.broken != nil {
		return
	}
	s.broken = f
	if e := s.cur; e != nil {
		e.broken = f
		e.endedNs, s.cur = max(e.endedNs, at), nil
		close(e.done)
	}
}

// hand gives the runtime and the extensions an event. Init has ended well, no invocation
// is under way.
func (s *session) hand(x *exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x.handedOutNs.Store(Clock())
	if s.broken != nil {
		x.broken, x.endedNs = s.broken, x.handedOutNs.Load()
		close(x.done)
		return
	}
	s.cur = x
	x.pending = 1
	for _, ext := range s.extensions {
		if ext.invoke && !ext.gone {
			x.pending++
			ext.post(x)
		}
	}
	select {
	case <-s.mail: // one that was abandoned before anybody took it
	default:
	}
	s.mail <- x
}

// arrived notes one request for the next event; s.mu is held.
func (s *session) arrived(x *exchange, at int64) {
	x.endedNs = max(x.endedNs, at)
	if x.pending--; x.pending == 0 {
		s.cur = nil
		close(x.done)
	}
}

// abandon takes the invocation away, so that nothing late changes it; false if it had ended.
func (s *session) abandon(x *exchange) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cur != x {
		return false
	}
	s.cur = nil
	return true
}
