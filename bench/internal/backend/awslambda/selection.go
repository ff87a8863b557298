package awslambda

import (
	"fmt"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
)

// Selection is a function that is to be measured, and the variant it is of.
type Selection struct {
	Variant, Doc string
	Ref          Ref
	// Home is where the function's ARN says it is.
	Home Home
	// Arch is empty and MemoryMB without sizes if the function's own will do.
	Arch     string
	MemoryMB []int
	// Named is true if it was asked for by name: then it must be measurable.
	Named bool
	// Service is what it was deployed from, as a zip if Zip; nil for NAME=FUNCTION.
	Service *coldstart.Variant
	Zip     bool
	// Rehearsed is the image that a rehearsal runs for it, Fresh the digests that it may
	// deploy, Undeployed why it is not deployed.
	Rehearsed  coldstart.Image
	Fresh      []string
	Undeployed error
}

// Target is a configuration of a function that was found.
type Target struct {
	Selection
	Config coldstart.Config
	Facts  *Facts
}

// SelectServices returns the functions of services by the name of their variant, and these
// names in order: PROJECT-VARIANT, with -zip for the zip of a service, -arm64 for arm64.
func SelectServices(project string, services []coldstart.Variant, archs []string, memoryMB []int) (byName map[string][]Selection, names []string) {
	byName = map[string][]Selection{}
	add := func(v coldstart.Variant, name string, zip bool) {
		names = append(names, name)
		for _, arch := range archs {
			function := project + "-" + name
			if arch == "arm64" {
				function += "-arm64"
			}
			byName[name] = append(byName[name], Selection{Variant: name, Doc: v.Doc, Ref: Ref{Name: function}, Arch: arch, MemoryMB: memoryMB, Service: &v, Zip: zip})
		}
	}
	for _, v := range services {
		add(v, v.Name, false)
		if v.Zip {
			add(v, v.Name+"-zip", true)
		}
	}
	return byName, names
}

// SelectFunction returns the function of NAME=FUNCTION.
func SelectFunction(name, function, region string, strategy string) (Selection, error) {
	ref, err := ParseRef(function, region)
	if err != nil {
		return Selection{}, err
	}
	if ref.Qualifier != "" && (strategy == coldstart.StrategyConfigUpdate || strategy == coldstart.StrategyCodeUpdate) {
		return Selection{}, advice.Hint(fmt.Errorf("%s=%s: a version or alias can't be updated, as --strategy %s does", name, ref, strategy), "--strategy burst, idle or version")
	}
	return Selection{Variant: name, Ref: ref, Home: HomeOf(function), Named: true}, nil
}

// Targets returns the configurations of a selected function, one for each memory size, or why
// it can't be measured. ownArch is true if its own architecture is meant; extra is --env.
func (k *Session) Targets(s Selection, ownArch bool, extra map[string]string) ([]Target, error) {
	facts, err := k.inventory.Functions[s.Ref], k.inventory.Errors[s.Ref]
	if other := k.inventory.Reaches(s.Home); other != nil {
		err = other
	}
	if s.Undeployed != nil {
		err = s.Undeployed
	}
	if err != nil {
		return nil, err
	}
	arch, sizes := s.Arch, s.MemoryMB
	if arch == "" || ownArch {
		arch = facts.Arch
	}
	if len(sizes) == 0 {
		sizes = []int{facts.MemoryMB}
	}
	var list []Target
	for _, size := range sizes {
		c := coldstart.Config{Variant: s.Variant, MemoryMB: size, Arch: arch}
		if err := k.Check(facts, c, extra); err != nil {
			return nil, err
		}
		list = append(list, Target{s, c, facts})
	}
	return list, nil
}
