// Package progress shows how far a run, or the work on an image, has come: with bars
// and running medians on a terminal that can move its cursor, otherwise in lines. It
// is the only package that imports mpb.
package progress

import (
	"io"

	"github.com/vbauerster/mpb/v8"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runner"
)

// Display is where progress is shown.
type Display struct {
	// Out is where bars are drawn, if Bars is true. Say prints a line.
	Out  io.Writer
	Bars bool
	Say  func(format string, args ...any)
	// Quiet shows nothing.
	Quiet bool
}

// Run shows how far a run has come. step is called after each step of its plan, and
// end after the last one.
func (d Display) Run(p plan.Plan, configs []coldstart.Config, m *runner.Medians) (step func(runner.Progress), end func()) {
	seen := medians{m, configs, plan.Names(configs)}
	switch {
	case d.Quiet:
		return func(runner.Progress) {}, func() {}
	case d.Bars:
		return d.bars(seen)
	}
	return d.lines(p.Rounds(), seen)
}

// canvas returns what bars of a width are drawn on.
func (d Display) canvas(width int) *mpb.Progress {
	return mpb.New(mpb.WithOutput(d.Out), mpb.WithWidth(width), mpb.WithAutoRefresh())
}
