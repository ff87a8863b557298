package awssim

import "maps"

// Stats are the endpoint's own count, to check a client's.
type Stats struct {
	// Calls counts all requests by operation; dry runs of Invoke are "DryRun".
	Calls map[string]int
	// Invocations counts requests, without dry runs: Served ran, or were taken for later;
	// Refused were answered or broken off before. Invocations = Served + Refused at rest.
	Invocations, Served, Refused int
	// Lost calls were done and not answered; of Invoke they are among Served.
	Lost int
	// Cold counts environments, Warm invocations that found one. Retries are of asynchronous
	// invocations.
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
