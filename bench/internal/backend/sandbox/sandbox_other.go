//go:build !linux

package sandbox

import (
	"context"
	"fmt"
	"runtime"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
)

// hint is what helps where there are no namespaces.
const hint = "use --engine docker"

// Engine makes sandboxes; on this system it can't be made.
type Engine struct{}

var _ coldstart.Backend = (*Engine)(nil)

// New says that sandboxes need Linux.
func New(context.Context, Options) (*Engine, error) {
	return nil, advice.Hint(needsLinux(), hint)
}

func needsLinux() error {
	return fmt.Errorf("%w: they need Linux, and this is %s", ErrUnsupported, runtime.GOOS)
}

// Check says that sandboxes need Linux.
func Check(context.Context) []advice.Finding {
	return []advice.Finding{{Severity: advice.Note, Subject: "sandbox", Text: needsLinux().Error(), Hint: hint}}
}

// Open says that sandboxes need Linux.
func (*Engine) Open(context.Context, coldstart.Config, coldstart.Image, coldstart.Options) (coldstart.Target, error) {
	return nil, needsLinux()
}

// NewMachine says that sandboxes need Linux.
func (*Engine) NewMachine(Spec) (Machine, error) { return nil, needsLinux() }

// Limits says that nothing is limited.
func (*Engine) Limits(coldstart.Options) coldstart.Limits {
	return coldstart.Limits{CPU: "not limited: no engine", Memory: "not limited: no engine", MaxMemoryUsed: "not measured"}
}

// Version is empty.
func (*Engine) Version() string { return "" }

// Cgroup is empty.
func (*Engine) Cgroup() string { return "" }

// Facts is empty.
func (*Engine) Facts() coldstart.EngineFacts { return coldstart.EngineFacts{} }

// Strategy says how cold starts are forced.
func (*Engine) Strategy() string { return Strategy }

// Warnings is empty.
func (*Engine) Warnings() []string { return nil }

// Close does nothing.
func (*Engine) Close() error { return nil }
