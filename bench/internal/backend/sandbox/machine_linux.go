package sandbox

import (
	"context"
	"errors"
	"os"
	"time"

	"coldbench/bench/internal/backend/localenv"
	"coldbench/bench/runtimeapi"
)

// machine is one execution environment: one sandbox after another (a crash or
// a timeout makes a fresh one) in one control group.
type machine struct {
	engine *Engine
	limits limits
	what   description
	out    *localenv.Output

	*runtimeapi.Environment
	group *group
	// tmp is the /tmp of the last process: as on Lambda, its files survive a
	// crash.
	tmp *os.File
	// last is the process that was launched last.
	last *process
}

var (
	_ localenv.Machine    = (*machine)(nil)
	_ runtimeapi.Launcher = (*machine)(nil)
)

// Launch implements runtimeapi.Launcher. The first init has the CPUs that
// Lambda grants it; one inside an invocation has the function's share.
func (m *machine) Launch(ctx context.Context, phase runtimeapi.Phase) (runtimeapi.Process, error) {
	p, err := m.engine.launch(ctx, m.what, m.out, m.tmp, func() (*group, error) {
		if m.group == nil {
			g, err := m.engine.groups.make(m.limits)
			if err != nil {
				return nil, err
			}
			m.group = g
		}
		if phase == runtimeapi.PhaseInvoke {
			return m.group, m.group.lower(m.limits.cpu)
		}
		return m.group, nil
	})
	if err != nil {
		return nil, err // not p: a nil *process would be no nil Process
	}
	m.last = p
	if m.tmp != nil {
		_ = m.tmp.Close()
	}
	m.tmp = p.control.tmp
	return p, nil
}

// Limit implements localenv.Machine.
func (m *machine) Limit(context.Context) error {
	if m.group == nil {
		return nil
	}
	return m.group.lower(m.limits.cpu)
}

// Throttled implements localenv.Machine.
func (m *machine) Throttled() (time.Duration, bool) {
	if m.group == nil {
		return 0, false
	}
	return m.group.throttled()
}

// Output implements localenv.Machine.
func (m *machine) Output() string { return m.out.String() }

// Close implements localenv.Machine.
func (m *machine) Close() error {
	unmounted := make(chan error, 1)
	if m.tmp != nil {
		// Closing it unmounts, for which the kernel waits a little: meanwhile
		// the process ends.
		go func(tmp *os.File) { unmounted <- tmp.Close() }(m.tmp)
		m.tmp = nil
	} else {
		unmounted <- nil
	}
	err := m.Environment.Close()
	if m.group != nil {
		err = errors.Join(err, m.group.remove())
		m.group = nil
	}
	return errors.Join(err, <-unmounted)
}
