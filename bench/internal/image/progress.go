package image

import (
	"fmt"
	"sync"
	"time"
)

// Progress is how far one piece of work on an image has come.
type Progress struct {
	// About is the variant that it is for; empty for none.
	About string
	// Work names it: "unpacking".
	Work string
	// Done and Total are bytes. Total is 0 if unknown, and may be less than the final Done:
	// it leaves out padding and headers.
	Done, Total int64
	// Ended is true in the last report, whether the work succeeded or not.
	Ended bool
}

// String says what is done and how far it has come: "al2: unpacking, 12 of 340 MB".
func (p Progress) String() string {
	text := p.Work
	if p.About != "" {
		text = p.About + ": " + text
	}
	switch {
	case p.Total > 0:
		text += fmt.Sprintf(", %d of %d MB", p.Done/1e6, max(p.Done, p.Total)/1e6)
	case p.Done > 0:
		text += fmt.Sprintf(", %d MB", p.Done/1e6)
	}
	return text
}

// OnProgress sets a function that is called at the beginning, in the course and at the end
// of work on an image; nil for none. It is set before the store is used and called from
// the goroutine that does the work; two may work at once.
func (s *Store) OnProgress(report func(Progress)) { s.progress = report }

// Slow returns a receiver of reports that calls begin for work that takes longer
// than after, and then what begin returned: at once, every so often, and at the end
// of the work.
func Slow(after, every time.Duration, begin func(Progress) func(Progress)) func(Progress) {
	type step struct {
		Progress
		timer *time.Timer
		show  func(Progress) // nil until it has begun
	}
	var mu sync.Mutex
	steps := map[string]*step{}
	tick := func(s *step) {
		mu.Lock()
		defer mu.Unlock()
		if steps[s.Work] != s {
			return // it has ended while the timer fired
		}
		if s.show == nil {
			s.show = begin(s.Progress)
		}
		s.show(s.Progress)
		s.timer.Reset(every)
	}
	return func(p Progress) {
		mu.Lock()
		defer mu.Unlock()
		s := steps[p.Work]
		if s == nil {
			s = &step{Progress: p}
			steps[p.Work] = s
			s.timer = time.AfterFunc(after, func() { tick(s) })
		}
		if s.Progress = p; p.Ended {
			delete(steps, p.Work)
			if s.timer.Stop(); s.show != nil {
				s.show(p)
			}
		}
	}
}

// About names the variant that the following work is for; empty for none.
func (s *Store) About(variant string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.about = variant
}

// Meter reports the progress of one piece of work. What is written to it counts
// as done. A nil Meter does nothing.
type Meter struct {
	mu     sync.Mutex
	report func(Progress)
	now    Progress
}

// Meter begins a piece of work of total bytes, 0 if unknown. It must be ended.
func (s *Store) Meter(work string, total int64) *Meter {
	if s.progress == nil {
		return nil
	}
	s.mu.Lock()
	m := &Meter{report: s.progress, now: Progress{About: s.about, Work: work, Total: total}}
	s.mu.Unlock()
	m.report(m.now)
	return m
}

// Write counts bytes; it never fails. After End it does nothing.
func (m *Meter) Write(p []byte) (int, error) {
	if m != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		if !m.now.Ended {
			m.now.Done += int64(len(p))
			m.report(m.now)
		}
	}
	return len(p), nil
}

// End ends the work; a second call does nothing.
func (m *Meter) End() {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.now.Ended {
		m.now.Ended = true
		m.report(m.now)
	}
}
