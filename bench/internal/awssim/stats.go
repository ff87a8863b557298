package awssim

import (
	"maps"
)

// Stats are the endpoint's own count: what a client says of itself can be held
// against it.
type Stats struct {
	// Calls counts requests by operation, those that were refused included; dry
	// runs of Invoke are "DryRun".
	Calls map[string]int
	// Invocations are the requests to invoke a function, dry runs left out. Served
	// are those whose function ran, whatever came of it, or whose event was taken
	// for later; Refused those that were answered or broken off before that.
	// Invocations = Served + Refused once no request is under way.
	Invocations, Served, Refused int
	// Lost are the calls that were done and whose answer was never sent, Lost of
	// Invoke are among Served.
	Lost int
	// Cold counts the environments that were initialized, Warm the invocations
	// that found one. Retries are of asynchronous invocations.
	Cold, Warm, Retries int
	// Faults counts those that were injected, by name.
	Faults map[string]int
	// Environments are those that exist now.
	Environments int
	// Functions says how they are configured now.
	Functions map[string]State
}

// State is how a function is configured.
type State struct {
	MemoryMB  int
	Variables map[string]string
	// Image is the image's digest, or the zip's.
	Image string
	// Versions are the published ones, in the order of their numbers.
	Versions []string
	Revision string
}

// Stats returns the counts so far.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.stats
	out.Calls, out.Faults = maps.Clone(s.stats.Calls), maps.Clone(s.stats.Faults)
	out.Environments = s.environments
	out.Functions = map[string]State{}
	for name, f := range s.functions {
		s.settle(f)
		st := State{MemoryMB: f.latest.cfg.memoryMB, Variables: maps.Clone(f.latest.cfg.variables), Image: "sha256:" + f.latest.cfg.codeSHA256, Revision: f.latest.revision}
		for _, v := range f.published {
			st.Versions = append(st.Versions, v.number)
		}
		out.Functions[name] = st
	}
	return out
}
