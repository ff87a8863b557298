package cli

import (
	"fmt"
	"sync/atomic"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"coldbench/bench/internal/runner"
)

// progress tells how far a run has come: a bar on a terminal, otherwise a line
// now and then.
type progress struct {
	step func(runner.Progress)
	end  func()
}

// progress returns one for the plan; it says nothing with --quiet.
func (a *app) progress(m measure, plan runner.Plan) progress {
	switch {
	case m.quiet:
		return progress{step: func(runner.Progress) {}, end: func() {}}
	case a.StderrIsTerminal && !m.verbal:
		return a.bar()
	default:
		return a.lines(plan)
	}
}

func (a *app) bar() progress {
	p := mpb.New(mpb.WithOutput(a.Stderr), mpb.WithWidth(60))
	var bar *mpb.Bar
	var bad atomic.Int64 // read by the goroutine that draws
	return progress{
		step: func(s runner.Progress) {
			bad.Store(int64(s.Failures + s.Rejects))
			if bar == nil {
				bar = p.AddBar(int64(s.Total),
					mpb.PrependDecorators(decor.CountersNoUnit("bench: %d of %d ")),
					mpb.AppendDecorators(
						decor.AverageETA(decor.ET_STYLE_GO),
						decor.Any(func(decor.Statistics) string {
							if n := bad.Load(); n > 0 {
								return fmt.Sprintf(" %d without a sample", n)
							}
							return ""
						}),
					))
			}
			bar.SetCurrent(int64(s.Done))
		},
		end: func() {
			if bar != nil && !bar.Completed() {
				bar.Abort(false)
			}
			p.Wait()
		},
	}
}

// lines prints a line for each tenth of the rounds.
func (a *app) lines(plan runner.Plan) progress {
	every := max(1, plan.Runs/10)
	said := -1
	return progress{
		step: func(s runner.Progress) {
			if s.Round%every != 0 || s.Round == said || s.Round == 0 {
				return
			}
			said = s.Round
			text := fmt.Sprintf("round %d of %d", s.Round, plan.Runs)
			if bad := s.Failures + s.Rejects; bad > 0 {
				text += fmt.Sprintf(", %s without a sample", plural(bad, "attempt"))
			}
			a.say("%s", text)
		},
		end: func() {},
	}
}
