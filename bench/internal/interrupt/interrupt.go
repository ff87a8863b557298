// Package interrupt turns the signals that a process gets into the steps of ending
// it: abandon what is measured, restore what was changed, restore in a hurry, die.
// What there is to restore it asks whoever changed it.
package interrupt

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// sameInterrupt is how long further signals count as the interrupt before them.
// GNU timeout, make, shells and terminals signal a process and then its group.
const sameInterrupt = time.Second

// How long restoring may take after the second interrupt; an update of a
// function's code takes longer than one of its configuration.
const (
	hurriedLimit     = 15 * time.Second
	hurriedCodeLimit = time.Minute
	// windingUp is left after that for the run file and the messages.
	windingUp = 2 * time.Second
)

// Handler owns the signals of the process as long as it lives. The first
// interrupt ends Running: what is measured is abandoned, and restoring takes as
// long as it needs. The second one ends Patient at once and Restoring after a
// limit. The third one kills the process.
type Handler struct {
	// Running is the context of the command, Patient that of restoring with
	// retries, Restoring that of restoring without.
	Running, Patient, Restoring context.Context

	abandon, hurry context.CancelFunc
	giveUp         context.CancelCauseFunc
	say            func(format string, args ...any)
	// kill ends the process as the signal does that nobody catches.
	kill func(os.Signal)

	mu sync.Mutex
	// guarded is true if something may have to be restored.
	guarded bool
	changes Changes
}

// Changes is what a command has changed and not restored yet.
type Changes interface {
	// Changed returns the names of the functions that are changed, and whether the
	// code of any is.
	Changed() (names []string, code bool)
	// RestoreCommand is what to type to restore them.
	RestoreCommand() string
}

// New returns the handler of a command whose context is ctx. It reads no signals
// yet.
func New(ctx context.Context, say func(format string, args ...any)) *Handler {
	h := &Handler{say: say, kill: kill}
	h.Running, h.abandon = context.WithCancel(ctx)
	h.Restoring, h.giveUp = context.WithCancelCause(context.WithoutCancel(ctx))
	h.Patient, h.hurry = context.WithCancel(h.Restoring)
	return h
}

// Catch takes the signals that interrupt. It never gives them back: a process
// whose work is done ends with its exit code, not by a late signal. A signal that
// was ignored when bench started stays ignored: nohup ignores SIGHUP, and a shell
// SIGINT for its background jobs.
func (h *Handler) Catch() {
	kinds := slices.DeleteFunc([]os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}, signal.Ignored)
	if len(kinds) == 0 {
		return // without any, Notify would take all signals
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, kinds...)
	go h.watch(signals)
}

// Guard declares that the command may have something to restore. Until then an
// interrupt kills a command that does not end by itself.
//
// From now on a closed pipe is an error of writing, not the end of the process:
// Ctrl-C ends the tee behind bench, too.
func (h *Handler) Guard() {
	// Caught and dropped: ignored, it would be ignored by what bench starts, too.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.guarded = true
}

// Track sets what has to be restored.
func (h *Handler) Track(c Changes) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.changes = c
}

// state returns what is changed, how long restoring it may take after the second
// interrupt, and the command that restores it.
func (h *Handler) state() (names []string, limit time.Duration, command string) {
	h.mu.Lock()
	c := h.changes
	h.mu.Unlock()
	if c == nil {
		return nil, hurriedLimit, ""
	}
	names, code := c.Changed()
	if code {
		return names, hurriedCodeLimit, c.RestoreCommand()
	}
	return names, hurriedLimit, c.RestoreCommand()
}

func (h *Handler) watch(signals <-chan os.Signal) {
	var began time.Time
	for _, step := range []func(os.Signal){h.first, h.second, h.die} {
		for s := range signals {
			if time.Since(began) >= sameInterrupt {
				began = time.Now()
				step(s)
				break
			}
		}
	}
}

func (h *Handler) first(s os.Signal) {
	h.abandon()
	time.AfterFunc(sameInterrupt, func() {
		h.mu.Lock()
		guarded := h.guarded
		h.mu.Unlock()
		if !guarded {
			h.kill(s)
			return
		}
		what := "interrupted, cleaning up"
		names, limit, _ := h.state()
		if len(names) > 0 {
			what = "interrupted, restoring " + strings.Join(names, ", ")
		}
		h.say("%s; another interrupt limits that to %s", what, limit)
	})
}

func (h *Handler) second(s os.Signal) {
	_, limit, _ := h.state()
	// A stderr that takes nothing must not hold up this interrupt or the next one.
	go h.say("interrupted again: at most %s, without retries; another interrupt kills bench", limit)
	h.hurry()
	time.AfterFunc(limit, func() { h.giveUp(fmt.Errorf("gave up %s after the second interrupt", limit)) })
	time.AfterFunc(limit+windingUp, func() { h.die(s) })
}

// die names what is left changed and ends the process. A stderr that takes
// nothing does not keep it alive.
func (h *Handler) die(s os.Signal) {
	said := make(chan struct{})
	go func() {
		defer close(said)
		if names, _, command := h.state(); len(names) > 0 {
			h.say("killed while restoring; left changed: %s", strings.Join(names, ", "))
			h.say("hint: %s", command)
		}
	}()
	select {
	case <-said:
	case <-time.After(time.Second):
	}
	h.kill(s)
}

// kill ends this process by a signal that it has caught so far.
func kill(s os.Signal) {
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		return // it is gone
	}
	signal.Reset(s)
	if self.Signal(s) == nil {
		time.Sleep(100 * time.Millisecond)
	}
	// The signal was ignored when bench began, or the system has none.
	_ = self.Kill()
}
