package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/runfile"
)

// A bench that is killed at any moment leaves a run file of whole lines, at most
// the last one torn; its processes end with it, and what else it had made is
// gone after the next run. BENCH_KILL says how many moments to try.
func TestKilled(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args  []string
		needs string
		few   int
	}{
		"sandbox":   {[]string{"local", "--engine", "sandbox"}, "sandbox", 3},
		"docker":    {[]string{"local", "--engine", "docker"}, "docker", 3},
		"rehearsal": {[]string{"aws", "--rehearse"}, "sandbox", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name != "sandbox" {
				slow(t)
			}
			requireEngine(t, c.needs)
			w := newWorld(t, "services:\n  one: {build: .}\n  two: {build: .}\n")
			where, moments := slices.Clip(c.args), kills(t, c.few)
			if name == "rehearsal" {
				where = append(where, "--env", "COLDBENCH_MARK="+w.mark)
			}
			w.environ = []string{"XDG_STATE_HOME=" + filepath.Join(w.dir, "state")}
			// How long a whole run takes is the span of the moments,
			// once the images are there.
			args := append(slices.Clip(where), "--runs", "4", "--warm-runs", "1", "--pause", "0s")
			w.bench(args...).expect(t, 0)
			began := time.Now()
			w.bench(args...).expect(t, 0)
			span := time.Since(began)
			dice := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
			had := tally{}
			for i := range moments {
				at := time.Duration(dice.Int64N(int64(span)))
				if i%4 == 3 { // the images are to be made again
					if err := os.RemoveAll(filepath.Join(w.dir, ".build")); err != nil {
						t.Fatal(err)
					}
				}
				killAt(t, w, where, args, at, &had)
				if t.Failed() {
					t.Fatalf("killed for the %d. time, %s after its start", i+1, at)
				}
			}
			t.Logf("%d kills within %s of the start: %d left containers, groups or folders to the next run, %d a run file, %d of them torn, %d came too late",
				moments, span.Round(time.Millisecond), had.left, had.files, had.torn, had.late)
		})
	}
}

// kills returns how many moments to try: BENCH_KILL, or a few; one in make test.
func kills(t *testing.T, few int) int {
	t.Helper()
	text := os.Getenv("BENCH_KILL")
	switch {
	case text == "" && testing.Short():
		return 1
	case text == "":
		return few
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("BENCH_KILL=%q: want a number of moments", text)
	}
	return n
}

// tally counts what kills have met with.
type tally struct{ left, files, torn, late int }

// killAt kills a bench at a moment after its start and compares the machine
// before, after, and after the next run.
func killAt(t *testing.T, w *world, where, args []string, at time.Duration, had *tally) {
	t.Helper()
	results := filepath.Join(w.dir, "results")
	if err := os.RemoveAll(results); err != nil {
		t.Fatal(err)
	}
	cmd := w.command(args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(at)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if cmd.ProcessState.Exited() {
		had.late++
	}
	pid := cmd.Process.Pid
	if !slices.Contains(where, "docker") {
		soon(t, "processes and mounts", func() []string {
			var left []string
			for _, l := range w.leftHere(pid) {
				if !strings.HasPrefix(l, "group ") { // those are the next run's
					left = append(left, l)
				}
			}
			return left
		})
	}
	if len(w.left(pid)) > 0 {
		had.left++
	}
	before := checkRunFiles(t, w, had)

	// The next run is as good as any, and tidies up.
	w.bench(append(slices.Clip(where), "--runs", "1", "--warm-runs", "1", "--pause", "0s")...).expect(t, 0)
	soon(t, "things", func() []string { return append(w.left(pid), debris(w)...) })
	for path, text := range before {
		if readAll(path) != text {
			t.Errorf("%s was changed by the next run", path)
		}
	}
}

// soon waits until nothing is left: the engine removes a killed run's
// containers, and the kernel its processes, in their own time.
func soon(t *testing.T, what string, left func() []string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		l := left()
		if len(l) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Errorf("%s are left: %q", what, l)
			return
		}
	}
}

// debris lists the files of the project that no run leaves.
func debris(w *world) []string {
	var found []string
	for _, pattern := range []string{"results/.*", "results/runs/.*", "state/coldbench/aws/*"} {
		files, _ := filepath.Glob(filepath.Join(w.dir, pattern))
		found = append(found, files...)
	}
	return found
}

// checkRunFiles reads what a killed bench wrote: every line but the last is a
// record, and the file can be reported on.
func checkRunFiles(t *testing.T, w *world, had *tally) map[string]string {
	t.Helper()
	files := map[string]string{}
	paths, _ := filepath.Glob(filepath.Join(w.dir, "results", "runs", "*.jsonl"))
	for _, path := range paths {
		text := readAll(path)
		files[path] = text
		had.files++
		lines := strings.SplitAfter(text, "\n")
		for i, line := range lines {
			switch last := i == len(lines)-1; {
			case json.Valid([]byte(line)):
			case last && line == "":
			case last:
				had.torn++
			default:
				t.Errorf("line %d is no record: %q", i+1, line)
			}
		}
		if len(lines) > 1 {
			if _, err := runfile.Open(path); err != nil {
				t.Error(err)
			}
		}
	}
	if len(paths) > 1 {
		t.Error(fmt.Errorf("%d run files", len(paths)))
	}
	return files
}
