package progress

import (
	"fmt"
	"sync/atomic"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"coldbench/bench/internal/runner"
)

// mostLines is how many configs have a line below the bar: a screen has not many
// more.
const mostLines = 16

func (d Display) bars(seen medians) (step func(runner.Progress), end func()) {
	p := d.canvas(60)
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
		for i := range min(len(seen.configs), mostLines) {
			below = append(below, p.New(total, mpb.NopStyle(), mpb.PrependDecorators(decor.Any(func(decor.Statistics) string {
				return seen.line(i)
			}))))
		}
	}
	step = func(s runner.Progress) {
		bad.Store(int64(s.Failures + s.Rejects))
		if bar == nil {
			begin(int64(s.Total))
		}
		bar.SetCurrent(int64(s.Done))
	}
	end = func() {
		for _, b := range below {
			b.Abort(false)
		}
		if bar != nil && !bar.Completed() {
			bar.Abort(false)
		}
		p.Wait()
	}
	return step, end
}

// lines prints a line when a round is done; of a long run, a hundred lines.
func (d Display) lines(rounds int, seen medians) (step func(runner.Progress), end func()) {
	every := max(1, rounds/100)
	var last runner.Progress
	say := func() {
		if last.Round == 0 || last.Round%every != 0 {
			return
		}
		text := fmt.Sprintf("round %d of %d", last.Round, rounds)
		switch bad := last.Failures + last.Rejects; {
		case bad == 1:
			text += ", 1 attempt without a sample"
		case bad > 1:
			text += fmt.Sprintf(", %d attempts without a sample", bad)
		}
		if medians := seen.summary(); medians != "" {
			text += ": " + medians
		}
		d.Say("%s", text)
	}
	step = func(s runner.Progress) {
		switch {
		case s.Round < last.Round: // another config's, on AWS beside this one
			s.Round = last.Round
		case s.Round > last.Round:
			say()
		}
		last = s
	}
	end = func() {
		if last.Done == last.Total {
			say()
		}
	}
	return step, end
}
