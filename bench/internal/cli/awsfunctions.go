package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"coldbench/bench/internal/backend/awslambda"
	"coldbench/bench/internal/variant"
)

// selectFunctions returns the functions that the arguments ask for: those of all
// services of the compose file without arguments, otherwise exactly those named;
// those of the run that goes on, if one does.
func (a *app) selectFunctions(ctx context.Context, m awsMeasure, args []string) ([]awslambda.Selection, error) {
	var services map[string][]awslambda.Selection
	var names []string
	if m.resumed == nil || m.awsFlags.rehearse {
		o := a.compose(m.file, m.plan.Arch[0])
		list, err := variant.Services(ctx, o, args)
		if err != nil {
			return nil, err
		}
		if len(list) > 0 {
			project, err := variant.Project(o)
			if err != nil {
				return nil, err
			}
			services, names = awslambda.SelectServices(project, list, m.plan.Arch, m.plan.MemoryMB)
		}
	}
	if m.resumed != nil {
		return m.selectResumed(services)
	}
	list, err := variant.Choose(args, names, services, m.selectFunction)
	if err != nil {
		return nil, err
	}
	for i := range list {
		list[i].Named = len(args) > 0
	}
	return list, m.checkBaseline(slices.ContainsFunc(list, func(s awslambda.Selection) bool { return s.Variant == m.plan.Baseline }))
}

// selectFunction returns the function of NAME=FUNCTION.
func (m awsMeasure) selectFunction(arg string) (awslambda.Selection, error) {
	name, function, _ := strings.Cut(arg, "=")
	if _, err := variant.Parse(arg); err != nil {
		return awslambda.Selection{}, fmt.Errorf("reading %q: want NAME=FUNCTION", arg)
	}
	s, err := awslambda.SelectFunction(name, function, m.awsFlags.region, m.plan.Strategy)
	s.MemoryMB = m.plan.MemoryMB
	if !m.anyArch && len(m.plan.Arch) == 1 {
		s.Arch = m.plan.Arch[0]
	}
	return s, err
}

// selectResumed returns the functions of the run that goes on, with the services
// they were made from if these are known.
func (m awsMeasure) selectResumed(services map[string][]awslambda.Selection) ([]awslambda.Selection, error) {
	h := m.resumed.Header
	var list []awslambda.Selection
	for _, c := range h.Configs {
		if c.Variant == h.Plan.Control {
			continue // it is added again
		}
		if c.Function == nil {
			return nil, fmt.Errorf("the run %s does not say which function %s is", h.ID, c.Variant)
		}
		ref := awslambda.Ref{Name: c.Function.Name, Qualifier: c.Function.Version}
		i := slices.IndexFunc(list, func(s awslambda.Selection) bool { return s.Variant == c.Variant && s.Arch == c.Arch && s.Ref == ref })
		if i < 0 {
			i = len(list)
			list = append(list, awslambda.Selection{Variant: c.Variant, Ref: ref, Arch: c.Arch, Doc: c.Doc, Named: true})
			for _, s := range services[c.Variant] {
				if s.Arch == c.Arch {
					list[i].Service, list[i].Zip = s.Service, s.Zip
				}
			}
		}
		list[i].MemoryMB = append(list[i].MemoryMB, c.MemoryMB)
	}
	return list, nil
}
