// Package progress shows how far a run, or the work on an image, has come: with bars
// and running medians on a terminal that can move its cursor, otherwise in lines. It
// is the only package that imports mpb.
package progress

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

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

func (d Display) canvas(width int) *mpb.Progress {
	return mpb.New(mpb.WithOutput(d.Out), mpb.WithWidth(width), mpb.WithAutoRefresh())
}

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

type medians struct {
	*runner.Medians
	configs []coldstart.Config
	names   []string
}

// line says in a line what is known of a config, named in a column.
func (m medians) line(i int) string {
	width := 0
	for _, name := range m.names {
		width = max(width, len([]rune(name)))
	}
	v, n := m.Median(m.configs[i])
	if n == 0 {
		return fmt.Sprintf("  %-*s  no cold start yet", width, m.names[i])
	}
	return fmt.Sprintf("  %-*s  median of %d: %s ms", width, m.names[i], n, millis(v))
}

// summary says all medians in a line; empty where there are none or too many for
// a line.
func (m medians) summary() string {
	const most = 6
	if len(m.configs) > most {
		return ""
	}
	var parts []string
	for i, name := range m.names {
		if v, n := m.Median(m.configs[i]); n > 0 {
			parts = append(parts, name+" "+millis(v))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "medians " + strings.Join(parts, ", ") + " ms"
}

func millis(v float64) string {
	switch {
	case v < 9.995:
		return fmt.Sprintf("%.2f", v)
	case v < 99.95:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}
