package host

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestParseCPUTimes(t *testing.T) {
	got, ok := parseCPUTimes("cpu  100 20 30 4000 50 6 7 8 90 1\ncpu0 1 1 1 1 1 1 1 1 1 1\n")
	if want := (cpuTimes{idle: 4050, busy: 163, stolen: 8}); !ok || got != want {
		t.Errorf("%+v, %v; want %+v", got, ok, want)
	}
	for _, text := range []string{"", "cpu", "cpu0 1 2 3 4 5 6 7 8", "cpu 1 2 3 4 5 6 7", "cpu 1 2 3 4 5 6 7 x 9", "cpu 1 2 3 -4 5 6 7 8", "intr 1 2 3 4 5 6 7 8"} {
		if got, ok := parseCPUTimes(text); ok || got != (cpuTimes{}) {
			t.Errorf("%q: %+v, %v", text, got, ok)
		}
	}
	if d := (cpuTimes{idle: 5, busy: 3, stolen: 1}).since(cpuTimes{idle: 7, busy: 1, stolen: 1}); d != (cpuTimes{busy: 2}) {
		t.Errorf("an idle time that went backwards: %+v", d)
	}
}

// stillClock is a clock that moves when somebody sleeps.
type stillClock struct{ now time.Time }

func (c *stillClock) Now() time.Time { return c.now }

func (c *stillClock) Sleep(ctx context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	return ctx.Err()
}

// Only what is used in pauses counts as others', and what is stolen always does.
func TestNoise(t *testing.T) {
	clock := &stillClock{}
	var own time.Duration // CPU time of bench and what it measures
	stat := func() (string, error) {
		ms := clock.now.Sub(time.Time{}).Milliseconds()
		return fmt.Sprintf("cpu %d 0 0 %d 0 0 0 %d 0 0\n", ms/4+own.Milliseconds(), 2*ms-ms/4, ms/20), nil
	}
	n := Watch(clock, stat, true)
	n.Begin(t.Context())
	for range 50 {
		own += 100 * time.Millisecond // in no pause
		if err := n.Sleep(t.Context(), 40*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		own += time.Second // a pause that is too short to look at
		_ = n.Sleep(t.Context(), ShortestLook-1)
	}
	l := n.End(t.Context())
	if l == nil || l.Busy == nil || *l.Busy < 0.14 || *l.Busy > 0.16 || l.Waited != 2*time.Second {
		t.Fatalf("%+v", l)
	}
	if l.Stolen == nil || *l.Stolen < 0.0005 || *l.Stolen > 0.01 {
		t.Errorf("stolen %+v", l.Stolen)
	}
	if w := l.Warnings(0.05); len(w) != 1 || !strings.Contains(w[0], "15 %") {
		t.Errorf("%q", w)
	}

	n = Watch(clock, stat, false)
	n.Begin(t.Context())
	if l := n.End(t.Context()); l.Waited != time.Second/2 || l.Busy == nil {
		t.Errorf("without pauses: %+v", l)
	}
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	n = Watch(clock, stat, false)
	n.Begin(interrupted)
	if l := n.End(interrupted); l.Waited != 0 || l.Busy != nil {
		t.Errorf("interrupted: %+v", l)
	}
	n = Watch(clock, func() (string, error) { return "", errors.ErrUnsupported }, false)
	n.Begin(t.Context())
	if l := n.End(t.Context()); l != nil || l.Warnings(0.05) != nil {
		t.Errorf("of a machine that can't be watched: %+v", l)
	}
}

// What is warned of is above the margin, and not at it.
func TestHostWarnings(t *testing.T) {
	share := func(v float64) *float64 { return &v }
	for _, c := range []struct {
		busy, stolen *float64
		want         int
	}{{share(0.05), share(0.05), 0}, {share(0.051), nil, 1}, {nil, share(0.06), 1}, {share(1), share(1), 2}, {nil, nil, 0}} {
		if got := (&Load{Busy: c.busy, Stolen: c.stolen, Waited: time.Second}).Warnings(0.05); len(got) != c.want {
			t.Errorf("%v %v: %q", c.busy, c.stolen, got)
		}
	}
}
