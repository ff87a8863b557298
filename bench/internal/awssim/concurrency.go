package awssim

// reserved is a function's own concurrency in Lambda's interface.
type reserved struct{ ReservedConcurrentExecutions int }

// leftUnreserved is what reservations must leave to functions without one.
const leftUnreserved = 100

func (s *Server) putConcurrency(c *call) reply {
	in := reserved{-1}
	if bad, ok := c.decode(&in); !ok {
		return bad
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, _, bad := s.find(c.name, "")
	if f == nil {
		return bad
	}
	if in.ReservedConcurrentExecutions < 0 {
		return invalid(complain("1 validation error detected: Value at 'reservedConcurrentExecutions' failed to satisfy constraint: Member must have value greater than or equal to 0"))
	}
	free := s.unreserved()
	if f.reserved != nil {
		free += *f.reserved
	}
	if n := in.ReservedConcurrentExecutions; n > 0 && free-n < leftUnreserved {
		return invalid(complain("Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100]."))
	}
	f.reserved = &in.ReservedConcurrentExecutions
	return answer(200, in)
}

func (s *Server) getConcurrency(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, _, bad := s.find(c.name, "")
	switch {
	case f == nil:
		return bad
	case f.reserved == nil:
		return answer(200, struct{}{})
	}
	return answer(200, reserved{*f.reserved})
}

func (s *Server) deleteConcurrency(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, _, bad := s.find(c.name, "")
	if f == nil {
		return bad
	}
	f.reserved = nil
	return reply{status: 204}
}

func (s *Server) getAccountSettings(*call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := int64(0)
	for _, f := range s.functions {
		size += f.latest.cfg.codeSize
	}
	return answer(200, map[string]any{
		"AccountLimit": map[string]any{
			"TotalCodeSize": int64(80530636800), "CodeSizeUnzipped": maxUnzipped, "CodeSizeZipped": 50 << 20,
			"ConcurrentExecutions": s.o.Concurrency, "UnreservedConcurrentExecutions": s.unreserved(),
		},
		"AccountUsage": map[string]any{"TotalCodeSize": size, "FunctionCount": len(s.functions)},
	})
}
