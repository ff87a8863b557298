package runtimeapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Environment is one execution environment. Its methods are called in the order
// Provision, Init, Invoke (again and again), Close, from any goroutine: invocations are
// queued, and Close may come at any time.
type Environment struct {
	server   *Server
	fn       Function
	launcher Launcher
	// logged receives each line when it is printed; nil for nobody.
	logged func(lines string)

	closing context.Context // ends when Close is called
	close   context.CancelFunc

	// mu is held by the method that runs.
	mu     sync.Mutex
	closed bool
	proc   Process
	sess   *session
	// serving is true if proc's init has ended well and nothing has gone wrong since.
	serving bool
	tried   bool
	// ran is true if proc has extensions and its runtime was started.
	ran bool
	// initNs is the Init Duration that the next REPORT shows, nil for none.
	initNs *int64
	// memory is the high-water mark of every process so far, in bytes, if known.
	memory int64
	known  bool
	timer  *time.Timer
}

// OnLog sets a function that receives each of the platform's lines when it is printed,
// START before the event is handed out. It is called before Init; the function must not
// call the environment.
func (e *Environment) OnLog(f func(lines string)) { e.logged = f }

func (e *Environment) log(lines string) string {
	if e.logged != nil && lines != "" {
		e.logged(lines)
	}
	return lines
}

// Provision asks the launcher for the environment's first process.
func (e *Environment) Provision(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return ErrClosed
	}
	if e.proc != nil || e.tried {
		return errors.New("provisioning: the environment is provisioned already")
	}
	ctx, cancel := e.scope(ctx)
	defer cancel()
	return e.launch(ctx, PhaseInit)
}

// Init executes the entrypoint and waits for the end of init. A failed init is no error
// and is done again by the next invocation. An error is one of the launcher, of ctx, or
// ErrClosed.
func (e *Environment) Init(ctx context.Context) (Init, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return Init{}, ErrClosed
	}
	if e.tried {
		return Init{}, errors.New("initialising: it was done already")
	}
	ctx, cancel := e.scope(ctx)
	defer cancel()
	o, err := e.begin(ctx, PhaseInit, e.fn.InitTimeout)
	if err != nil {
		return Init{}, err
	}
	in := Init{Done: o.done(), StartedNs: o.startedNs, EndedNs: o.endedNs, RegisteredNs: o.registeredNs, Status: o.status, ErrorType: o.errorType}
	if in.Done {
		ns := o.endedNs - o.startedNs
		e.initNs = &ns
		return in, nil
	}
	e.discard("failure")
	in.Log = e.log(initReportLine(o.endedNs-o.startedNs, PhaseInit, o.status, o.errorType))
	return in, nil
}

// Close ends the environment and returns when nothing of it is left. A call
// that is under way in another goroutine returns ErrClosed. It may be called
// twice.
//
// As on Lambda, an environment without extensions is killed at once. One with
// external extensions gives those that subscribed to it a SHUTDOWN event and at
// most 2 s; one with internal ones alone gives a process that is a Terminator a
// signal and at most 500 ms.
func (e *Environment) Close() error {
	e.close()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil
	}
	e.closed = true
	e.discard("spindown")
	e.timer.Stop()
	e.server.forget(e)
	return nil
}

// scope returns a context that also ends when the environment is closed.
func (e *Environment) scope(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(e.closing, func() { cancel(ErrClosed) })
	return ctx, func() { stop(); cancel(nil) }
}

// cause returns why a context ended: ErrClosed where that is it.
func cause(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), ErrClosed) {
		return ErrClosed
	}
	return err
}

func (e *Environment) launch(ctx context.Context, phase Phase) error {
	p, err := e.launcher.Launch(ctx, phase)
	if err != nil {
		return cause(ctx, fmt.Errorf("launching a process: %w", err))
	}
	e.proc = p
	return nil
}

type outcome struct {
	startedNs, endedNs int64
	// registeredNs is when the last extension registered; 0 for never.
	registeredNs      int64
	status, errorType string
	// body is the error document for the caller, without the request ID; nil after success.
	body []byte
	text string
	exit *Exit
}

func (o outcome) done() bool { return o.status == "success" }

// begin executes the entrypoint of a process, which it launches if none stands ready, and
// waits for the end of init, at most limit from its start.
func (e *Environment) begin(ctx context.Context, phase Phase, limit time.Duration) (outcome, error) {
	e.tried = true
	if e.proc == nil {
		if err := e.launch(ctx, phase); err != nil {
			return outcome{}, err
		}
	}
	s := newSession(&e.fn)
	e.sess = s
	e.server.current.Store(s)
	o := outcome{startedNs: Clock()}
	// Should the launcher not answer, the init's limit holds for it too, and a
	// second for what lies before the execve.
	ectx, cancel := context.WithTimeout(ctx, limit+time.Second)
	started, err := e.proc.Exec(ectx)
	cancel()
	if started.ClockNs != 0 {
		o.startedNs = started.ClockNs
	}
	if errors.Is(err, ErrInvalidEntrypoint) {
		o.invalid(err)
		return o, nil
	}
	if err != nil {
		return o, cause(ctx, fmt.Errorf("executing the entrypoint: %w", err))
	}
	s.launched(started.Extensions)
	e.timer.Reset(limit - time.Duration(Clock()-o.startedNs))
	defer e.timer.Stop()
	var registered <-chan struct{}
	if len(started.Extensions) > 0 {
		if err := e.supervise(started.Extensions); err != nil {
			return o, err
		}
		registered = s.registered
	}
	err = e.awaitInit(ctx, &o, registered, limit)
	s.mu.Lock()
	o.registeredNs = s.registeredNs
	s.mu.Unlock()
	return o, err
}

// supervise has the session told of each extension's end.
func (e *Environment) supervise(extensions []string) error {
	supervisor, ok := e.proc.(Supervisor)
	if !ok {
		return errors.New("starting extensions: a process that can't have any")
	}
	if len(extensions) > maxExtensions {
		s := e.sess
		s.mu.Lock()
		s.fail(Clock(), &fault{errorType: "Extension.LaunchError", text: "ErrTooManyExtensions"})
		s.mu.Unlock()
	}
	go func(s *session) {
		for end := range supervisor.Ended() {
			s.extensionEnded(end)
		}
		s.extensionsOver()
	}(e.sess)
	return nil
}

// awaitInit waits for the end of init and starts the runtime once extensions are
// registered.
func (e *Environment) awaitInit(ctx context.Context, o *outcome, registered <-chan struct{}, limit time.Duration) error {
	s := e.sess
	for {
		select {
		case <-registered:
			registered = nil
			err := e.runRuntime(ctx, limit)
			switch {
			case errors.Is(err, ErrInvalidEntrypoint):
				o.invalid(err)
				return nil
			case err != nil && !e.endsSoon(ctx):
				return cause(ctx, err)
			}
		case <-s.inited:
			return e.initEnded(ctx, o)
		case <-e.proc.Done():
			at := Clock()
			if s.endInit(at, nil) {
				o.endedNs = at
				o.fail(e.proc.Exit())
				return nil
			}
			return e.initEnded(ctx, o)
		case <-e.timer.C:
			at := o.startedNs + int64(limit)
			if s.endInit(at, &fault{errorType: "Sandbox.Timedout"}) {
				o.endedNs, o.status = at, "timeout"
				return nil
			}
			return e.initEnded(ctx, o)
		case <-ctx.Done():
			return cause(ctx, ctx.Err())
		}
	}
}

// runRuntime starts the runtime. limit is for a launcher that does not answer.
func (e *Environment) runRuntime(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit+time.Second)
	defer cancel()
	err := e.proc.(Supervisor).Run(ctx)
	e.ran = !errors.Is(err, ErrInvalidEntrypoint)
	return err
}

// endsSoon waits a little for an end that kept the runtime from starting.
func (e *Environment) endsSoon(ctx context.Context) bool {
	select {
	case <-e.proc.Done():
		return true
	case <-e.sess.inited:
		return true
	case <-ctx.Done():
	case <-time.After(time.Second):
	}
	return false
}

// initEnded fills in how an init went that the runtime or an extension ended.
func (e *Environment) initEnded(ctx context.Context, o *outcome) error {
	s := e.sess
	s.mu.Lock()
	o.endedNs = max(s.initNs, o.startedNs)
	fault := s.initError
	s.mu.Unlock()
	if fault == nil {
		o.status, e.serving = "success", true
		return nil
	}
	o.status, o.errorType, o.body, o.text, o.exit = "error", fault.errorType, fault.body, fault.text, fault.exit
	if fault.exit != nil {
		return nil // it has ended already
	}
	// It was told that its report is accepted and is about to end by itself,
	// with what it still has to say.
	select {
	case <-e.proc.Done():
		x := e.proc.Exit()
		o.exit = &x
	case <-time.After(100 * time.Millisecond):
	case <-ctx.Done():
	}
	return nil
}

// invalid makes the outcome that of an entrypoint that can't be executed.
func (o *outcome) invalid(err error) {
	o.endedNs = Clock()
	o.status, o.errorType = "error", "Runtime.InvalidEntrypoint"
	o.text = strings.TrimPrefix(err.Error(), ErrInvalidEntrypoint.Error()+": ")
}

// fail makes the outcome that of a process that ended.
func (o *outcome) fail(x Exit) {
	o.status, o.exit = "error", &x
	o.errorType, o.text = x.describe()
}

// describe returns AWS's word for the end of a runtime, and its sentence.
func (x Exit) describe() (errorType, text string) {
	switch {
	case x.OutOfMemory:
		return "Runtime.OutOfMemory", "Runtime exited with error: signal: killed"
	case x.Signal != 0 || x.Code != 0:
		return "Runtime.ExitError", "Runtime exited with error: " + x.Status()
	}
	return "Runtime.ExitError", "Runtime exited without providing a reason"
}

// Status words the end of a process as Go does.
func (x Exit) Status() string {
	if x.Signal != 0 {
		return "signal: " + syscall.Signal(x.Signal).String()
	}
	return fmt.Sprintf("exit status %d", x.Code)
}

// errorDocument is what the caller gets if the function did not answer.
func errorDocument(id, errorType, text string) []byte {
	body, _ := json.Marshal(struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}{errorType, "RequestId: " + id + " Error: " + text})
	return body
}

// readMemory takes the high-water mark of the process that stands.
func (e *Environment) readMemory() {
	if e.proc == nil {
		return
	}
	if n, ok := e.proc.MaxMemory(); ok && n >= 0 {
		e.memory, e.known = max(e.memory, n), true
	}
}
