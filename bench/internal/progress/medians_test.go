package progress

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runner"
)

// fullSink keeps nothing once it is full.
type fullSink struct {
	runner.Sink
	left int
}

var errFull = errors.New("full")

func (s *fullSink) Sample(coldstart.Sample) error {
	if s.left--; s.left < 0 {
		return errFull
	}
	return nil
}

func TestRunningMedians(t *testing.T) {
	a, b := coldstart.Config{Variant: "a", MemoryMB: 128, Arch: "amd64"}, coldstart.Config{Variant: "b", MemoryMB: 512, Arch: "amd64"}
	configs := []coldstart.Config{a, b}
	m := medians{runner.Watch(&fullSink{left: 6}), configs, plan.Names(configs)}
	take := func(c coldstart.Config, class coldstart.Class, init, duration float64) error {
		s := coldstart.Sample{Config: c, Class: class, Start: coldstart.Cold, Metrics: coldstart.Metrics{InitDurationMs: &init, DurationMs: &duration}}
		if class == coldstart.ClassWarm {
			s.Start, s.Metrics.InitDurationMs = coldstart.Warm, nil
		}
		return m.Sample(s)
	}
	if m.summary() != "" || m.line(0) != "  a 128 MB  no cold start yet" {
		t.Errorf("before a sample: %q, %q", m.summary(), m.line(0))
	}
	if err := errors.Join(
		take(a, coldstart.ClassCold, 30, 1), take(a, coldstart.ClassCold, 2, 1), take(a, coldstart.ClassCold, 4, 1),
		take(a, coldstart.ClassWarm, 0, 900), take(a, coldstart.ClassFirstAfterDeploy, 900, 1), take(b, coldstart.ClassCold, 100, 23.4),
	); err != nil {
		t.Fatal(err)
	}
	// What the sink did not keep does not count.
	if err := take(b, coldstart.ClassCold, 1, 1); !errors.Is(err, errFull) {
		t.Errorf("error %v", err)
	}
	m.names[1] = "longer than a"
	if got := m.line(0); got != "  a 128 MB       median of 3: 5.00 ms" {
		t.Errorf("line %q", got)
	}
	m.names[1] = "b 512 MB"
	if got := m.summary(); got != "medians a 128 MB 5.00, b 512 MB 123 ms" {
		t.Errorf("summary %q", got)
	}
	if v, n := m.Median(b); v != 123.4 || n != 1 {
		t.Errorf("median of b: %v of %d", v, n)
	}
}

// TestBarShowsMedians draws the bar as a terminal would get it.
func TestBarShowsMedians(t *testing.T) {
	var out bytes.Buffer
	c := coldstart.Config{Variant: "scratch", MemoryMB: 512, Arch: "amd64"}
	m := runner.Watch(&fullSink{left: 10})
	step, end := (Display{Out: &out, Bars: true}).Run(plan.Plan{Runs: 2}, []coldstart.Config{c}, m)
	init, duration := 3.0, 1.25
	for i := range 2 {
		if err := m.Sample(coldstart.Sample{Config: c, Start: coldstart.Cold, Class: coldstart.ClassCold, Metrics: coldstart.Metrics{InitDurationMs: &init, DurationMs: &duration}}); err != nil {
			t.Fatal(err)
		}
		step(runner.Progress{Config: c, Round: 1 + i, Done: 1 + i, Total: 2})
	}
	end()
	for _, want := range []string{"2 of 2", "scratch  median of 2: 4.25 ms"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in %q", want, out.String())
		}
	}
}

// toLines prints lines as bench does.
func toLines(out io.Writer) Display {
	return Display{Say: func(format string, args ...any) { fmt.Fprintf(out, "bench: "+format+"\n", args...) }}
}

func TestLinesOfRounds(t *testing.T) {
	var out bytes.Buffer
	c := coldstart.Config{Variant: "scratch", MemoryMB: 512, Arch: "amd64"}
	m := runner.Watch(&fullSink{left: 10})
	step, end := toLines(&out).Run(plan.Plan{Runs: 2}, []coldstart.Config{c}, m)
	for i := range 2 {
		step(runner.Progress{Config: c, Round: 1 + i, Done: 1 + i, Total: 2})
	}
	end()
	if strings.Contains(out.String(), "\x1b") || !strings.HasPrefix(out.String(), "bench: round 1 of 2") {
		t.Errorf("said %q", out.String())
	}
}
