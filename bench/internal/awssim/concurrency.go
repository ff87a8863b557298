package awssim

type reserved struct{ ReservedConcurrentExecutions int }

// leftUnreserved is what reservations must leave to functions without one.
const leftUnreserved = 100

func (s *Server) putConcurrency(c *call, in struct{ ReservedConcurrentExecutions *int }) (any, error) {
	f, _, err := s.find(c.name, "")
	if err != nil {
		return nil, err
	}
	n := in.ReservedConcurrentExecutions
	if n == nil || *n < 0 {
		return nil, complain("1 validation error detected: Value at 'reservedConcurrentExecutions' failed to satisfy constraint: Member must have value greater than or equal to 0")
	}
	free := s.unreserved()
	if f.reserved != nil {
		free += *f.reserved
	}
	if *n > 0 && free-*n < leftUnreserved {
		return nil, complain("Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].")
	}
	f.reserved = n
	return reserved{*n}, nil
}

func (s *Server) getConcurrency(c *call, _ none) (any, error) {
	f, _, err := s.find(c.name, "")
	switch {
	case err != nil:
		return nil, err
	case f.reserved == nil:
		return none{}, nil
	}
	return reserved{*f.reserved}, nil
}

func (s *Server) deleteConcurrency(c *call, _ none) (any, error) {
	f, _, err := s.find(c.name, "")
	if err == nil {
		f.reserved = nil
	}
	return nil, err
}

func (s *Server) getAccountSettings(*call, none) (any, error) {
	size := int64(0)
	for _, f := range s.functions {
		size += f.latest.cfg.codeSize
	}
	return map[string]any{
		"AccountLimit": map[string]any{
			"TotalCodeSize": int64(80530636800), "CodeSizeUnzipped": maxUnzipped, "CodeSizeZipped": 50 << 20,
			"ConcurrentExecutions": s.o.Concurrency, "UnreservedConcurrentExecutions": s.unreserved(),
		},
		"AccountUsage": map[string]any{"TotalCodeSize": size, "FunctionCount": len(s.functions)},
	}, nil
}
