package runtimeapi

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"sync"
)

// stdioLauncher makes processes by asking bench for a container.
type stdioLauncher stdioSession

// Launch asks bench for a container and waits until its images/start is ready.
func (l *stdioLauncher) Launch(ctx context.Context, phase Phase) (Process, error) {
	s := (*stdioSession)(l)
	// A listener of its own for each process: nothing that an earlier one
	// left in the queue can be taken for the new one.
	// Unix, as the function's output comes over it as a pipe; abstract, as the
	// containers share a network namespace and no folder.
	name := "@coldbench-" + rand.Text()
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listening for images/start: %w", err)
	}
	defer listener.Close()

	p := &stdioProcess{session: s, done: make(chan struct{})}
	s.mu.Lock()
	s.lastProcess++
	p.number = s.lastProcess
	s.processes[p.number] = p
	s.mu.Unlock()

	launch := StdioLaunch{Process: p.number, Phase: phase, Control: name}
	if err := s.peer.call(ctx, callLaunch, launch, nil); err != nil {
		p.Kill()
		return nil, fmt.Errorf("launching: %w", err)
	}
	if err := p.accept(ctx, listener); err != nil {
		p.Kill()
		return nil, err
	}
	s.settings.Probe.Attach()
	return p, nil
}

var (
	_ Launcher   = (*stdioLauncher)(nil)
	_ Supervisor = (*stdioProcess)(nil)
)

// stdioProcess is a container that bench made for the emulator.
type stdioProcess struct {
	session *stdioSession
	number  int
	control *net.UnixConn
	starter *Starter
	// Supervision is nil without extensions.
	*Supervision

	ending sync.Once
	done   chan struct{}
	exit   Exit

	killing sync.Once
}

// accept waits for the connection of images/start and its "ready".
func (p *stdioProcess) accept(ctx context.Context, listener *net.UnixListener) error {
	waiting := make(chan struct{})
	why := make(chan error, 1) // why nobody waits any more
	go func() {
		select {
		case <-waiting:
		case <-p.done:
			why <- p.ended()
		case <-ctx.Done():
			why <- context.Cause(ctx)
		}
		_ = listener.Close()
	}()
	var err error
	p.control, err = listener.AcceptUnix()
	close(waiting)
	if err != nil {
		select {
		case err = <-why:
		default:
		}
		return fmt.Errorf("waiting for images/start: %w", err)
	}
	files := &fileConn{UnixConn: p.control}
	p.starter = NewStarter(files)
	err = p.starter.Ready(ctx, nil)
	if files.file != nil {
		p.session.output.add(p.number, files.file)
	}
	return err
}

// Exec sends "go" and returns what images/start says about the execve or the extensions.
func (p *stdioProcess) Exec(ctx context.Context) (Started, error) {
	started, err := p.starter.Exec(ctx)
	if err != nil && !errors.Is(err, ErrInvalidEntrypoint) {
		select {
		case <-p.done: // rather how it ended than a broken connection
			err = p.ended()
		default:
		}
	}
	if err == nil && len(started.Extensions) > 0 {
		probe := p.session.settings.Probe
		probe.Supervised()
		p.Supervision = p.starter.Supervise(started.Extensions, p.end, probe.OutOfMemory)
	}
	return started, err
}

func (p *stdioProcess) ended() error {
	return fmt.Errorf("the container ended with exit status %d", p.exit.Code)
}

// end records how the process ended; only the first end counts.
func (p *stdioProcess) end(e Exit) {
	p.ending.Do(func() {
		e.OutOfMemory = e.OutOfMemory || p.session.settings.Probe.OutOfMemory()
		p.exit = e
		close(p.done)
		p.session.forget(p)
	})
}

func (p *stdioProcess) Done() <-chan struct{} { return p.done }
func (p *stdioProcess) Exit() Exit            { return p.exit }

// MaxMemory is the sum of the processes' own high-water marks.
func (p *stdioProcess) MaxMemory() (int64, bool) {
	return p.session.settings.Probe.MaxMemory()
}

func (p *stdioProcess) Terminate() {
	if p.Supervision != nil {
		p.Supervision.Terminate()
		return
	}
	p.session.settings.Probe.Terminate()
}

// Kill ends the processes and waits until bench has removed the container.
func (p *stdioProcess) Kill() {
	p.killing.Do(func() {
		probe := p.session.settings.Probe
		probe.Kill()
		ctx, cancel := context.WithTimeout(context.Background(), killTimeout)
		defer cancel()
		// Whatever it says: bench answers for its containers itself.
		_ = p.session.peer.call(ctx, callKill, p.number, nil)
		p.end(Exit{Code: 137, Signal: 9})
		p.session.output.remove(p.number)
		probe.Detach()
		if p.control != nil {
			_ = p.control.Close()
		}
	})
}
