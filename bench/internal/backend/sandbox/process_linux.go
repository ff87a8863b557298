package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"coldbench/bench/internal/backend/localenv"
	"coldbench/bench/runtimeapi"
)

// stragglers is how long bench goes on reading a sandbox's output after its
// end: only a descriptor that was handed out of the sandbox can keep it open.
const stragglers = time.Second

// unkillable is when bench gives up to wait for the end of a process that it
// has killed: the kernel can take half a minute over one at its memory limit.
// The control group can't be removed then, and that error is reported.
const unkillable = time.Minute

// process is one sandbox and its process 1: the runtime or, beside extensions,
// images/start.
type process struct {
	os      *os.Process
	control *control
	starter *runtimeapi.Starter
	group   *group
	// Supervision is nil without extensions.
	*runtimeapi.Supervision
	// oomKills is the group's count of out-of-memory kills before this process.
	oomKills int64
	// ended is true where bench itself ended the process.
	ended atomic.Bool

	// done is closed when the runtime has ended, gone when nothing is left.
	done, gone chan struct{}
	exiting    sync.Once
	exit       runtimeapi.Exit
}

var _ runtimeapi.Supervisor = (*process)(nil)

// launch makes a sandbox in g, which makes the group, and returns when it is
// ready to execute d's argv. tmp is the /tmp of an earlier process, or nil.
func (e *Engine) launch(ctx context.Context, d description, out *localenv.Output, tmp *os.File, g func() (*group, error)) (*process, error) {
	d.keep = tmp != nil
	c, far, err := newControl()
	if err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		_ = c.Close()
		_ = far.Close()
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	p := &process{control: c, starter: runtimeapi.NewStarter(c), done: make(chan struct{}), gone: make(chan struct{})}
	files := []*os.File{e.null, w, w, far}
	if tmp != nil {
		files = append(files, tmp)
	}
	p.os, err = e.spawner.start(e.program.path, []string{"start", "fd:" + strconv.Itoa(controlFD)}, files, e.user)
	_ = far.Close()
	_ = w.Close()
	if err != nil {
		_ = r.Close()
		_ = c.Close()
		return nil, fmt.Errorf("making namespaces: %w", err)
	}
	// The group is made while start begins: it does nothing before it has the
	// description, which is sent to a process that is limited already.
	p.group, err = g()
	if err == nil {
		p.oomKills = atomic.LoadInt64(&p.group.oomKills)
		err = p.group.add(p.os.Pid)
	} else {
		p.group = &group{}
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		s := out.Stream()
		_, _ = io.CopyBuffer(s, struct{ io.Reader }{r}, make([]byte, 16<<10))
		s.Flush()
	}()
	go p.wait(r, read)
	if err == nil {
		d.views = e.groups.views(p.group)
		var text []byte
		if text, err = d.encode(); err == nil {
			err = p.starter.Ready(ctx, text)
		}
	}
	if err != nil {
		p.Kill()
		if c.tmp != nil {
			_ = c.tmp.Close()
		}
		if said := strings.TrimSpace(out.String()); said != "" && errors.Is(err, io.EOF) {
			err = fmt.Errorf("%w: %s", err, said)
		}
		return nil, err
	}
	return p, nil
}

// wait collects the process and all that it wrote.
func (p *process) wait(r *os.File, read <-chan struct{}) {
	state, err := p.os.Wait()
	_ = r.SetReadDeadline(time.Now().Add(stragglers))
	<-read
	_ = r.Close()
	var exit runtimeapi.Exit
	if err == nil {
		if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			exit.Signal = int(status.Signal())
			// As shells print it, and as a container engine reports it.
			exit.Code = 128 + exit.Signal
		} else {
			exit.Code = state.ExitCode()
		}
	}
	p.exited(exit)
	close(p.gone)
}

// exited notes how the runtime ended, once.
func (p *process) exited(x runtimeapi.Exit) {
	p.exiting.Do(func() {
		x.OutOfMemory = !p.ended.Load() && p.outOfMemory()
		p.exit = x
		close(p.done)
	})
}

// outOfMemory reports whether the kernel has killed one of the processes at the
// memory limit.
func (p *process) outOfMemory() bool {
	kills := p.group.kills()
	atomic.StoreInt64(&p.group.oomKills, kills)
	return kills > p.oomKills
}

// Exec implements runtimeapi.Process.
func (p *process) Exec(ctx context.Context) (runtimeapi.Started, error) {
	started, err := p.starter.Exec(ctx)
	switch {
	case err != nil:
	case len(started.Extensions) > 0:
		p.Supervision = p.starter.Supervise(started.Extensions, p.exited, p.outOfMemory)
	default:
		_ = p.control.Close()
	}
	return started, err
}

// Done implements runtimeapi.Process.
func (p *process) Done() <-chan struct{} { return p.done }

// Exit implements runtimeapi.Process.
func (p *process) Exit() runtimeapi.Exit { return p.exit }

// MaxMemory implements runtimeapi.Process, see runtimeapi.HighWater. An images/start that
// has stayed is none of the function's.
func (p *process) MaxMemory() (int64, bool) {
	pids := p.group.processes()
	if len(pids) == 0 {
		pids = runtimeapi.Descendants(p.os.Pid)
	}
	if p.Supervision != nil {
		pids = slices.DeleteFunc(pids, func(pid int) bool { return pid == p.os.Pid })
	}
	return runtimeapi.HighWater(pids)
}

// Terminate implements runtimeapi.Terminator. Process 1 gets the signal only if
// it has a handler for it.
func (p *process) Terminate() {
	if p.Supervision != nil {
		p.Supervision.Terminate()
		return
	}
	_ = p.os.Signal(syscall.SIGTERM)
}

// Kill implements runtimeapi.Process. The end of process 1 of a PID namespace
// is complete only when nothing else is left there.
func (p *process) Kill() {
	if p.ended.CompareAndSwap(false, true) {
		_ = p.os.Kill()
		_ = p.control.Close()
	}
	select {
	case <-p.gone:
	case <-time.After(unkillable):
	}
}
