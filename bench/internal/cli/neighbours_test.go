package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/runfile"
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
func TestNeighbours(t *testing.T) {
	clock := &stillClock{}
	var own time.Duration // CPU time of bench and what it measures
	stat := func() (string, error) {
		ms := clock.now.Sub(time.Time{}).Milliseconds()
		return fmt.Sprintf("cpu %d 0 0 %d 0 0 0 %d 0 0\n", ms/4+own.Milliseconds(), 2*ms-ms/4, ms/20), nil
	}
	n := &neighbours{Clock: clock, stat: stat}
	n.begin(t.Context(), true)
	for range 50 {
		own += 100 * time.Millisecond // in no pause
		if err := n.Sleep(t.Context(), 40*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		own += time.Second // a pause that is too short to look at
		_ = n.Sleep(t.Context(), shortestLook-1)
	}
	l := n.end(t.Context(), true)
	if l == nil || l.BusyShare == nil || *l.BusyShare < 0.14 || *l.BusyShare > 0.16 || l.WaitedS != 2 {
		t.Fatalf("%+v", l)
	}
	if l.StolenShare == nil || *l.StolenShare < 0.0005 || *l.StolenShare > 0.01 {
		t.Errorf("stolen %+v", l.StolenShare)
	}
	if w := hostWarnings(l); len(w) != 1 || !strings.Contains(w[0], "15 %") {
		t.Errorf("%q", w)
	}

	n = &neighbours{Clock: clock, stat: stat}
	n.begin(t.Context(), false)
	if l := n.end(t.Context(), false); l.WaitedS != 0.5 || l.BusyShare == nil {
		t.Errorf("without pauses: %+v", l)
	}
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	n = &neighbours{Clock: clock, stat: stat}
	n.begin(interrupted, false)
	if l := n.end(interrupted, false); l.WaitedS != 0 || l.BusyShare != nil {
		t.Errorf("interrupted: %+v", l)
	}
	n = &neighbours{Clock: clock, stat: func() (string, error) { return "", errors.ErrUnsupported }}
	n.begin(t.Context(), false)
	if l := n.end(t.Context(), false); l != nil || hostWarnings(l) != nil {
		t.Errorf("of a machine that can't be watched: %+v", l)
	}
}

// A machine is watched where it is the one that runs are made on.
func TestWatchedMachine(t *testing.T) {
	for _, c := range []struct {
		backend, network, host string
		watched                bool
	}{
		{"local", "", "tcp://elsewhere:2375", true}, {"local", "bridge", "", true}, {"local", "none", "unix:///run/podman.sock", true},
		{"local", "bridge", "tcp://elsewhere:2375", false}, {"local", "none", "ssh://elsewhere", false}, {"aws", "", "", false},
	} {
		a := &app{Env: Env{Environ: []string{"DOCKER_HOST=" + c.host}, HostStat: func() (string, error) { return "cpu 1 1 1 1 1 1 1 1\n", nil }}}
		if _, ok := a.neighbours(runfile.Header{Backend: c.backend, Plan: runfile.Plan{Network: c.network}}).read(); ok != c.watched {
			t.Errorf("%+v: watched %v", c, ok)
		}
	}
}

// What is warned of is above the margin, and not at it.
func TestHostWarnings(t *testing.T) {
	share := func(v float64) *float64 { return &v }
	for _, c := range []struct {
		busy, stolen *float64
		want         int
	}{{share(0.05), share(0.05), 0}, {share(0.051), nil, 1}, {nil, share(0.06), 1}, {share(1), share(1), 2}, {nil, nil, 0}} {
		if got := hostWarnings(&runfile.HostLoad{BusyShare: c.busy, StolenShare: c.stolen, WaitedS: 1}); len(got) != c.want {
			t.Errorf("%v %v: %q", c.busy, c.stolen, got)
		}
	}
}
