package awssim

import (
	"fmt"
	"time"

	"coldbench/bench/lambdalog"
)

// What init is done for, as AWS_LAMBDA_INITIALIZATION_TYPE has it.
const (
	onDemand    = "on-demand"
	provisioned = "provisioned-concurrency"
	snapStarted = "snap-start"
)

// aheadBy is how long an update takes that initializes an environment ahead of time.
const aheadBy = 1500 * time.Millisecond

// prepare makes environments that stand ready. The lock is held.
func (s *Server) prepare(d *deployment, kind string, n int) {
	for range n {
		e := s.newEnvironment(d)
		e.kind = kind
		s.work.Go(func() {
			err := e.start(s.ctx)
			e.log.end(0)
			s.mu.Lock()
			defer s.mu.Unlock()
			e.fresh = false
			if err != nil || d.retired || s.closed {
				if err != nil && s.ctx.Err() == nil {
					s.say(fmt.Sprintf("making an environment of %s ready: %v", d.f.name, err))
				}
				s.dispose(e)
				return
			}
			e.since = s.now()
			d.idle = append(d.idle, e)
		})
	}
}

// initialized notes how long init took, in the log too where Lambda does.
func (e *environment) initialized(ns int64) {
	took := float64(ns) / 1e6
	line := ""
	e.initNs = &ns
	switch e.kind {
	case snapStarted:
		e.initNs, e.restoreNs = nil, &ns
		line = lambdalog.RestoreReport{DurationMs: &took}.Text()
	case provisioned:
		line = lambdalog.InitReport{DurationMs: &took, Phase: "init"}.Text()
	}
	if line != "" {
		e.log.platform(e.s.now(), line[:len(line)-1], nil)
	}
}

type provisionedDocument struct {
	RequestedProvisionedConcurrentExecutions int
	AvailableProvisionedConcurrentExecutions int
	AllocatedProvisionedConcurrentExecutions int
	Status, LastModified                     string
}

func (s *Server) provisionedOf(v *version) provisionedDocument {
	ready := 0
	for _, e := range v.serving.idle {
		if e.kind == provisioned {
			ready++
		}
	}
	status := "IN_PROGRESS"
	if ready >= v.ahead {
		status = "READY"
	}
	return provisionedDocument{v.ahead, ready, ready, status, stamp(s.now())}
}

func (s *Server) provisionable(c *call) error {
	switch {
	case c.v == c.f.latest:
		return complain("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
	case c.v.serving == nil:
		return refusal(409, "ResourceConflictException", s.busy(c.f, c.v))
	}
	return nil
}

func (s *Server) putProvisioned(c *call, in struct{ ProvisionedConcurrentExecutions int }) (any, error) {
	if err := s.provisionable(c); err != nil {
		return nil, err
	}
	n := in.ProvisionedConcurrentExecutions
	if free, _ := s.unreserved(); n < 1 || n > free {
		return nil, complain("1 validation error detected: Value '%d' at 'provisionedConcurrentExecutions' failed to satisfy constraint", n)
	}
	s.prepare(c.v.serving, provisioned, n-c.v.ahead)
	c.v.ahead = n
	return s.provisionedOf(c.v), nil
}

func (s *Server) getProvisioned(c *call, _ none) (any, error) {
	if c.v.ahead == 0 {
		return nil, refusal(404, "ProvisionedConcurrencyConfigNotFoundException", "No Provisioned Concurrency Config found for this function")
	}
	return s.provisionedOf(c.v), nil
}

func (s *Server) deleteProvisioned(c *call, _ none) (any, error) {
	if err := s.provisionable(c); err != nil {
		return nil, err
	}
	c.v.ahead = 0
	for _, e := range c.v.serving.idle {
		e.kind = onDemand // it expires as others do
	}
	return nil, nil
}
