package awssim

type reserved struct{ ReservedConcurrentExecutions int }

// leftUnreserved is Lambda's minimum.
const leftUnreserved = 100

func (s *Server) putConcurrency(c *call, in struct{ ReservedConcurrentExecutions *int }) (any, error) {
	n := in.ReservedConcurrentExecutions
	if n == nil || *n < 0 {
		return nil, complain("1 validation error detected: Value at 'reservedConcurrentExecutions' failed to satisfy constraint: Member must have value greater than or equal to 0")
	}
	free, _ := s.unreserved()
	if c.f.reserved != nil {
		free += *c.f.reserved
	}
	if *n > 0 && free-*n < leftUnreserved {
		return nil, complain("Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].")
	}
	c.f.reserved = n
	return reserved{*n}, nil
}

func (s *Server) getConcurrency(c *call, _ none) (any, error) {
	if c.f.reserved == nil {
		return none{}, nil
	}
	return reserved{*c.f.reserved}, nil
}

func (s *Server) deleteConcurrency(c *call, _ none) (any, error) {
	c.f.reserved = nil
	return nil, nil
}

func (s *Server) getAccountSettings(*call, none) (any, error) {
	size := int64(0)
	for _, f := range s.functions {
		size += f.latest.cfg.codeSize
	}
	free, _ := s.unreserved()
	return map[string]any{
		"AccountLimit": map[string]any{
			"TotalCodeSize": int64(80530636800), "CodeSizeUnzipped": maxUnzipped, "CodeSizeZipped": 50 << 20,
			"ConcurrentExecutions": s.o.Concurrency, "UnreservedConcurrentExecutions": free,
		},
		"AccountUsage": map[string]any{"TotalCodeSize": size, "FunctionCount": len(s.functions)},
	}, nil
}
