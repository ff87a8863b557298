package cli

import (
	"fmt"
	"sync/atomic"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runner"
)

// progress tells how far a run has come: a bar and the running medians on a
// terminal that can move its cursor, otherwise a line a round.
type progress struct {
	step func(runner.Progress)
	end  func()
}

// progress returns one for the plan; it says nothing with --quiet.
func (a *app) progress(m measure, p plan.Plan, seen medians) progress {
	switch {
	case m.quiet:
		return progress{step: func(runner.Progress) {}, end: func() {}}
	case a.drawsBars() && !m.verbose:
		return a.bar(seen)
	default:
		return a.lines(p, seen)
	}
}

// drawsBars reports whether stderr is a terminal that can move its cursor.
func (a *app) drawsBars() bool { return a.StderrIsTerminal && a.getenv("TERM") != "dumb" }

// mostLines is how many configs have a line below the bar: a screen has not many
// more.
const mostLines = 16

func (a *app) bar(seen medians) progress {
	p := mpb.New(mpb.WithOutput(a.Stderr), mpb.WithWidth(60), mpb.WithAutoRefresh())
	var bar *mpb.Bar
	var below []*mpb.Bar
	var bad atomic.Int64 // read by the goroutine that draws
	begin := func(total int64) {
		bar = p.AddBar(total,
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
		names := plan.Names(seen.configs)
		width := 0
		for _, name := range names {
			width = max(width, len([]rune(name)))
		}
		for i, c := range seen.configs[:min(len(seen.configs), mostLines)] {
			below = append(below, p.New(total, mpb.NopStyle(), mpb.PrependDecorators(decor.Any(func(decor.Statistics) string {
				return seen.line(c, names[i], width)
			}))))
		}
	}
	return progress{
		step: func(s runner.Progress) {
			bad.Store(int64(s.Failures + s.Rejects))
			if bar == nil {
				begin(int64(s.Total))
			}
			bar.SetCurrent(int64(s.Done))
		},
		end: func() {
			for _, b := range below {
				b.Abort(false)
			}
			if bar != nil && !bar.Completed() {
				bar.Abort(false)
			}
			p.Wait()
		},
	}
}

// lines prints a line when a round is done; of a long run, a hundred lines.
func (a *app) lines(p plan.Plan, seen medians) progress {
	every := max(1, p.Rounds()/100)
	var last runner.Progress
	say := func() {
		if last.Round == 0 || last.Round%every != 0 {
			return
		}
		text := fmt.Sprintf("round %d of %d", last.Round, p.Rounds())
		if bad := last.Failures + last.Rejects; bad > 0 {
			text += fmt.Sprintf(", %s without a sample", plural(bad, "attempt"))
		}
		if medians := seen.summary(); medians != "" {
			text += ": " + medians
		}
		a.say("%s", text)
	}
	return progress{
		step: func(s runner.Progress) {
			switch {
			case s.Round < last.Round: // another config's, on AWS beside this one
				s.Round = last.Round
			case s.Round > last.Round:
				say()
			}
			last = s
		},
		end: func() {
			if last.Done == last.Total {
				say()
			}
		},
	}
}
