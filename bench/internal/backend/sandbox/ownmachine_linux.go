package sandbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/runtimeapi"
)

// NewMachine prepares an environment in which nothing runs yet, on a Runtime API
// of its own. Any number of machines may run beside one another.
func (e *Engine) NewMachine(s Spec) (Machine, error) {
	o := coldstart.Options{Environment: s.Environment, LimitCPU: s.LimitCPU, CPUPeriod: s.CPUPeriod, Log: s.Output}
	if s.Function.Handler == "" && len(s.Image.Command) > 0 {
		s.Function.Handler = s.Image.Command[0]
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // for a file system that hangs
	defer cancel()
	t, err := e.openFunction(ctx, s.Function, s.Image, o)
	if err != nil {
		return nil, fmt.Errorf("making an execution environment of %s: %w", s.Function.Name, err)
	}
	m, err := t.machine()
	if err != nil {
		return nil, errors.Join(err, t.server.Close())
	}
	if s.Platform != nil {
		m.OnLog(s.Platform)
	}
	return &ownMachine{machine: m, server: t.server}, nil
}

// ownMachine is a machine on a Runtime API that ends with it.
type ownMachine struct {
	*machine
	server *runtimeapi.Server
}

// Close implements Machine.
func (m *ownMachine) Close() error { return errors.Join(m.machine.Close(), m.server.Close()) }
