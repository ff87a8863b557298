package cli

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

// interrupts owns the signals of the process as long as it lives. The first
// interrupt ends running: what is measured is abandoned, and restoring takes as
// long as it needs. The second one ends patient at once and restoring after a
// limit. The third one kills the process.
type interrupts struct {
	// running is the context of the command, patient that of restoring with
	// retries, restoring that of restoring without.
	running, patient, restoring context.Context

	abandon, hurry context.CancelFunc
	giveUp         context.CancelCauseFunc
	say            func(format string, args ...any)
	// kill ends the process as the signal does that nobody catches.
	kill func(os.Signal)

	mu sync.Mutex
	// guarded is true if something may have to be restored.
	guarded bool
	changes changes
}

// changes is what a command has changed and not restored yet.
type changes interface {
	// Changed returns the names of the functions that are changed, and whether the
	// code of any is.
	Changed() (names []string, code bool)
	// RestoreCommand is what to type to restore them.
	RestoreCommand() string
}

// newInterrupts returns the interrupts of a command whose context is ctx. It
// reads no signals yet.
func newInterrupts(ctx context.Context, say func(string, ...any), kill func(os.Signal)) *interrupts {
	i := &interrupts{say: say, kill: kill}
	i.running, i.abandon = context.WithCancel(ctx)
	i.restoring, i.giveUp = context.WithCancelCause(context.WithoutCancel(ctx))
	i.patient, i.hurry = context.WithCancel(i.restoring)
	return i
}

// catch takes the signals that interrupt. It never gives them back: a process
// whose work is done ends with its exit code, not by a late signal. A signal that
// was ignored when bench started stays ignored: nohup ignores SIGHUP, and a shell
// SIGINT for its background jobs.
func (i *interrupts) catch() {
	kinds := slices.DeleteFunc([]os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}, signal.Ignored)
	if len(kinds) == 0 {
		return // without any, Notify would take all signals
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, kinds...)
	go i.watch(signals)
}

// guard declares that the command may have something to restore. Until then an
// interrupt kills a command that does not end by itself.
//
// From now on a closed pipe is an error of writing, not the end of the process:
// Ctrl-C ends the tee behind bench, too.
func (i *interrupts) guard() {
	// Caught and dropped: ignored, it would be ignored by what bench starts, too.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.guarded = true
}

// track sets what has to be restored.
func (i *interrupts) track(c changes) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.changes = c
}

// state returns what is changed, how long restoring it may take after the second
// interrupt, and the command that restores it.
func (i *interrupts) state() (names []string, limit time.Duration, command string) {
	i.mu.Lock()
	c := i.changes
	i.mu.Unlock()
	if c == nil {
		return nil, hurriedLimit, ""
	}
	names, code := c.Changed()
	if code {
		return names, hurriedCodeLimit, c.RestoreCommand()
	}
	return names, hurriedLimit, c.RestoreCommand()
}

func (i *interrupts) watch(signals <-chan os.Signal) {
	var e escalation
	for s := range signals {
		switch e.next(time.Now()) {
		case 1:
			i.first(s)
		case 2:
			i.second(s)
		case 3:
			i.die(s)
		}
	}
}

// escalation counts interrupts.
type escalation struct {
	count int
	began time.Time
}

// next returns the number of the interrupt that a signal begins, from 1, or 0 if
// the signal belongs to the interrupt before it.
func (e *escalation) next(now time.Time) int {
	if e.count > 0 && now.Sub(e.began) < sameInterrupt {
		return 0
	}
	e.count++
	e.began = now
	return e.count
}

func (i *interrupts) first(s os.Signal) {
	i.abandon()
	time.AfterFunc(sameInterrupt, func() {
		i.mu.Lock()
		guarded := i.guarded
		i.mu.Unlock()
		if !guarded {
			i.kill(s)
			return
		}
		what := "interrupted, cleaning up"
		names, limit, _ := i.state()
		if len(names) > 0 {
			what = "interrupted, restoring " + strings.Join(names, ", ")
		}
		i.say("%s; another interrupt limits that to %s", what, limit)
	})
}

func (i *interrupts) second(s os.Signal) {
	_, limit, _ := i.state()
	// A stderr that takes nothing must not hold up this interrupt or the next one.
	go i.say("interrupted again: at most %s, without retries; another interrupt kills bench", limit)
	i.hurry()
	time.AfterFunc(limit, func() { i.giveUp(fmt.Errorf("gave up %s after the second interrupt", limit)) })
	time.AfterFunc(limit+windingUp, func() { i.die(s) })
}

// die names what is left changed and ends the process. A stderr that takes
// nothing does not keep it alive.
func (i *interrupts) die(s os.Signal) {
	said := make(chan struct{})
	go func() {
		defer close(said)
		if names, _, command := i.state(); len(names) > 0 {
			i.say("killed while restoring; left changed: %s", strings.Join(names, ", "))
			i.say("hint: %s", command)
		}
	}()
	select {
	case <-said:
	case <-time.After(time.Second):
	}
	i.kill(s)
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
