package cli_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"coldbench/bench/internal/analysis"
)

// gateTest is how TestGate measures: little in the suite, where the machine may be
// busy and what is to be seen is made so great that it is seen all the same; as
// often as BENCH_GATE says (make gatetest) for what the gate promises.
type gateTest struct {
	times, runs int
	// sleepMs is what the changed image's init takes longer.
	sleepMs float64
}

// TestGate changes images of real functions in real sandboxes and asks bench
// compare what it makes of it: a later run beside an earlier one, and one run of
// both images.
func TestGate(t *testing.T) {
	slow(t)
	g := gateTest{times: 1, runs: 8, sleepMs: 400}
	text := os.Getenv("BENCH_GATE")
	if text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("BENCH_GATE=%q: want how often", text)
		}
		g = gateTest{times: n, runs: 50, sleepMs: 10}
	} else {
		t.Parallel()
	}
	requireEngine(t, "sandbox")
	t.Run("slower", func(t *testing.T) { g.slower(t) })
	if text == "" {
		return
	}
	t.Run("alike", func(t *testing.T) { g.alike(t, nil) })
	t.Run("neighbour", func(t *testing.T) {
		g.alike(t, func() (stop func()) { return neighbour(t, 0.2) })
	})
}

// gateWorld is a project of two variants. The image of the second one is what
// change says.
func gateWorld(t *testing.T) (w *world, change func(lines string)) {
	w = newWorld(t, "services:\n  still: {build: .}\n  changing: {build: {context: ., dockerfile: Dockerfile-changing}}\n")
	return w, func(lines string) {
		w.write("Dockerfile-changing", "FROM scratch\nCOPY --chmod=755 bootstrap /bootstrap\n"+lines+"ENTRYPOINT [\"/bootstrap\"]\n")
	}
}

// measured runs bench local and returns the run file.
func (g gateTest) measured(t *testing.T, w *world, args ...string) string {
	t.Helper()
	pattern := filepath.Join(w.dir, "results", "runs", "*.jsonl")
	before, _ := filepath.Glob(pattern)
	w.bench(append([]string{"local", "--engine", "sandbox", "--cold", "--quiet", "--runs", strconv.Itoa(g.runs)}, args...)...).expect(t, 0)
	after, _ := filepath.Glob(pattern)
	for _, path := range after {
		if !slices.Contains(before, path) {
			return path
		}
	}
	t.Fatal("no run file")
	return ""
}

// compared returns what bench compare says, and its exit code.
func compared(t *testing.T, w *world, args ...string) (analysis.Comparison, int) {
	t.Helper()
	e := w.bench(append(append([]string{"compare"}, args...), "--json", "--fail-over", "5%")...)
	var c analysis.Comparison
	if err := json.Unmarshal([]byte(e.stdout), &c); err != nil {
		t.Fatalf("%v\n%s", err, e.stderr)
	}
	return c, e.code
}

// slower lets the init of one image sleep.
func (g gateTest) slower(t *testing.T) {
	for i := range g.times {
		w, change := gateWorld(t)
		change("")
		base := g.measured(t, w)
		change(fmt.Sprintf("ENV BENCH_TEST_INIT=\"sleep %g\"\n", g.sleepMs))
		for how, args := range map[string][]string{
			"two runs": {base, g.measured(t, w)},
			"one run":  {g.measured(t, w, "--against", base)},
		} {
			c, code := compared(t, w, args...)
			if code != 3 || c.Interleaved != (how == "one run") {
				t.Errorf("%s: exit code %d, interleaved %v", how, code, c.Interleaved)
			}
			seen := false
			for _, d := range c.Lines {
				switch {
				case d.Variant == "still" && (d.Verdict != "control" || d.Tripped || c.Interleaved):
					t.Errorf("%s: %s is %s, tripped %v", how, d.Title, d.Verdict, d.Tripped)
				case d.Variant == "changing" && d.Quantile == 0.5:
					seen = true
					g.checkShift(t, fmt.Sprintf("%d. time, %s", i+1, how), d)
				}
			}
			if !seen {
				t.Errorf("%s: no line of the image that changed: %+v", how, c.Lines)
			}
		}
	}
}

// checkShift checks the direction of a change and, roughly, its size: a sleep is
// never shorter than asked for, and on a busy machine longer.
func (g gateTest) checkShift(t *testing.T, name string, d analysis.Row) {
	t.Helper()
	if d.Verdict != "slower" || !d.Tripped || d.Whole == nil {
		t.Errorf("%s: %s, tripped %v", name, d.Verdict, d.Tripped)
		return
	}
	s := d.Whole.ShiftMs
	if !s.Bounded() || *s.High < 0.8*g.sleepMs || *s.Low > 2*g.sleepMs {
		t.Errorf("%s: a sleep of %g ms is seen as %s", name, g.sleepMs, shiftOf(s))
		return
	}
	t.Logf("%s: %g ms seen as %s", name, g.sleepMs, shiftOf(s))
}

func shiftOf(e analysis.Estimate) string {
	if !e.Bounded() {
		return "a shift without an interval"
	}
	return fmt.Sprintf("%.2f ms (%.2f to %.2f)", *e.Value, *e.Low, *e.High)
}

// alike gives one image a new ID and no other time, again and again, with a
// neighbour or without, and counts how often the gate trips.
func (g gateTest) alike(t *testing.T, neighbour func() (stop func())) {
	w, change := gateWorld(t)
	change("")
	base := g.measured(t, w)
	tripped, alarms := 0, 0
	for i := range g.times {
		stop := func() {}
		if neighbour != nil {
			stop = neighbour()
		}
		same := g.measured(t, w)
		change(fmt.Sprintf("ENV RERUN=%d\n", i))
		other := g.measured(t, w)
		both := g.measured(t, w, "--against", base)
		stop()
		change("")
		for how, args := range map[string][]string{"the same image": {base, same}, "another ID": {base, other}, "another ID, one run": {both}} {
			c, code := compared(t, w, args...)
			switch {
			case how == "the same image" && (c.Gate.Judged != 0 || code != 0):
				t.Errorf("%s: exit code %d, %+v", how, code, c.Gate)
			case code == 3:
				tripped++
				t.Errorf("%d. time, %s: the gate trips: %+v", i+1, how, c.Lines)
			case code != 0:
				t.Errorf("%s: exit code %d", how, code)
			}
			for _, d := range c.Lines {
				if d.Variant == "changing" && d.Verdict == "slower" {
					alarms++
				}
				if how == "another ID" && d.Quantile == 0.5 && d.Variant == "still" {
					t.Logf("%d. time: the host's drift is %+.1f %%", i+1, 100*(*d.Ratio.Value-1))
				}
			}
		}
	}
	t.Logf("%d times each: the gate of 5 %% tripped %d times, slower was said %d times", g.times, tripped, alarms)
}

// neighbour keeps a CPU busy for a share of the time, as another tenant of the
// machine would, until it is stopped.
func neighbour(t *testing.T, share float64) (stop func()) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", strconv.FormatFloat(share, 'f', -1, 64))
	cmd.Args[0] = "neighbour"
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}
