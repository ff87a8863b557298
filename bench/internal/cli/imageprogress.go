package cli

import (
	"fmt"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"coldbench/bench/internal/image"
)

const (
	// showAfter is how long work on an image may take without a word.
	showAfter = time.Second
	// repeatAfter is the time between two lines about the same work.
	repeatAfter = 10 * time.Second
)

// imageProgress shows work on images that takes a while: a bar on a terminal, a
// line elsewhere. Its methods may be called from several goroutines.
type imageProgress struct {
	app  *app
	bars bool
	wait time.Duration // before the first line

	mu    sync.Mutex
	about string // the variant that the work is for; empty for none
	steps map[string]*imageStep
}

// imageStep is one piece of work that has begun.
type imageStep struct {
	image.Progress
	label string
	timer *time.Timer
	bars  *mpb.Progress // nil until the bar is drawn
	bar   *mpb.Bar
}

// imageProgress returns one for this process; with --quiet it shows nothing.
func (a *app) imageProgress() *imageProgress {
	return &imageProgress{app: a, bars: a.drawsBars(), wait: showAfter, steps: map[string]*imageStep{}}
}

// setAbout names the variant that the following work is for.
func (p *imageProgress) setAbout(variant string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.about = variant
}

// begin announces work without a size and returns the function that ends it.
func (p *imageProgress) begin(work string) (end func()) {
	p.report(image.Progress{Work: work})
	return func() { p.report(image.Progress{Work: work, Ended: true}) }
}

// report takes a report of the image store.
func (p *imageProgress) report(r image.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.steps[r.Work]
	if s == nil {
		s = &imageStep{label: r.Work}
		if p.about != "" {
			s.label = p.about + ": " + r.Work
		}
		p.steps[r.Work] = s
		s.timer = time.AfterFunc(p.wait, func() { p.show(r.Work, s) })
	}
	s.Progress = r
	if s.bar != nil {
		s.bar.SetCurrent(r.Done)
	}
	if r.Ended {
		delete(p.steps, r.Work)
		s.end()
	}
}

// show draws the bar of a step, or prints its line and does so again later.
func (p *imageProgress) show(work string, s *imageStep) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.steps[work] != s || p.app.quiet:
		// It has ended while the timer fired, or nothing is to be shown.
	case p.bars:
		s.draw(p.app)
	default:
		p.app.say("%s%s", s.label, byteCount(s.Done, s.Total))
		s.timer.Reset(repeatAfter)
	}
}

// byteCount spells how far work has come: ", 12 of 340 MB". It is empty if nothing
// is known.
func byteCount(done, total int64) string {
	switch {
	case total > 0:
		return fmt.Sprintf(", %d of %d MB", done/1e6, max(done, total)/1e6)
	case done > 0:
		return fmt.Sprintf(", %d MB", done/1e6)
	}
	return ""
}

// draw puts a bar on the terminal; without a total, the bytes alone.
func (s *imageStep) draw(a *app) {
	var style mpb.BarFillerBuilder = mpb.NopStyle()
	if s.Total > 0 {
		style = mpb.BarStyle()
	}
	s.bars = mpb.New(mpb.WithOutput(a.Stderr), mpb.WithWidth(40), mpb.WithAutoRefresh())
	// A bar that is made with a total ends when it is reached.
	s.bar = s.bars.New(0, style, mpb.PrependDecorators(decor.Any(func(now decor.Statistics) string {
		return "bench: " + s.label + byteCount(now.Current, now.Total) + " "
	})))
	s.bar.SetTotal(s.Total, false)
	s.bar.SetCurrent(s.Done)
}

// end stops the timer and takes the bar off the terminal.
func (s *imageStep) end() {
	s.timer.Stop()
	if s.bar != nil {
		s.bar.Abort(true)
		s.bars.Wait()
	}
}
