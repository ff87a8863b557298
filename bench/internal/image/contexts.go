package image

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"coldbench/bench/internal/coldstart"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// named returns what a name in FROM or COPY --from stands for. As in BuildKit
// (dockerfile2llb, namedContext), names are compared as image references, so
// that "x" is "x:latest"; scratch and context are names of their own.
func (b *builder) named(name string) (coldstart.NamedContext, bool) {
	if strings.EqualFold(name, "scratch") || strings.EqualFold(name, "context") {
		return coldstart.NamedContext{}, false
	}
	for _, key := range slices.Sorted(maps.Keys(b.build.Contexts)) {
		if canonical(key) == canonical(name) {
			return b.build.Contexts[key], true
		}
	}
	return coldstart.NamedContext{}, false
}

// replaceStages puts named contexts in the place of stages of their name.
func (b *builder) replaceStages() {
	for i, st := range b.file.stages {
		if _, ok := b.named(st.Name); ok && st.Name != "" {
			b.file.stages[i] = instructions.Stage{
				Name: st.Name, BaseName: st.Name, Platform: st.Platform, Location: st.Location,
			}
		}
	}
}

// check refuses what only an engine can do in the needed stages, before any work.
func (b *builder) check(needed []int) error {
	for _, i := range needed {
		st := b.file.stages[i]
		base, err := b.file.expand(st.BaseName, b.global)
		if err != nil {
			return b.file.at(st.Location, err)
		}
		if what := b.engineContext(base, i); what != "" {
			return b.file.refuse(st.Location, what)
		}
		for _, command := range st.Commands {
			if what := b.needsEngine(command, i); what != "" {
				return b.file.refuse(command.Location(), what)
			}
		}
	}
	return nil
}

// engineContext describes a context that only an engine can fetch; empty for others.
func (b *builder) engineContext(name string, i int) string {
	if c, ok := b.named(name); ok && c.Other != "" && b.file.find(name, i) < 0 {
		return fmt.Sprintf("the additional context %s, %s,", name, c.Other)
	}
	return ""
}

// fromContext starts a stage on a named context.
func (b *builder) fromContext(ctx context.Context, name string, c coldstart.NamedContext, arch string) (*stage, error) {
	switch {
	case c.Build != nil:
		return b.fromBuild(ctx, c.Build, arch)
	case c.Image == "scratch":
		return scratch(arch), nil
	case c.Image != "":
		return b.fromImage(ctx, c.Image, arch)
	}
	src, err := b.folder(name, c.Dir)
	if err != nil {
		return nil, err
	}
	st := scratch(arch)
	return st, b.copy(ctx, st, copying{name: "FROM", from: src, patterns: []string{"."}, dest: "/"}, "", "", "FROM "+name)
}

func (b *builder) folder(name, dir string) (source, error) {
	src, err := openContext(dir, "")
	if err != nil {
		return nil, fmt.Errorf("additional context %s: %w", name, err)
	}
	b.folders = append(b.folders, src)
	return src, nil
}

// fromBuild starts a stage on another service's image, built once an architecture.
func (b *builder) fromBuild(ctx context.Context, build *coldstart.Build, arch string) (*stage, error) {
	key := otherBuild{build, arch}
	if st, ok := b.others[key]; ok {
		return st.child(), nil
	}
	other := newBuilder(b.store, b.options, arch, build)
	defer other.close()
	st, err := other.run(ctx)
	if err != nil {
		return nil, fmt.Errorf("service %s: %w", build.Service, err)
	}
	b.others[key] = st
	return st.child(), nil
}

// otherBuild is the image of another service for an architecture.
type otherBuild struct {
	build *coldstart.Build
	arch  string
}

func (s *stage) label(labels map[string]string) {
	for key, value := range labels {
		enter(&s.config.Config.Labels, key, value)
	}
}
