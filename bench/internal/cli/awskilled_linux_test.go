package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/runfile"
)

// A bench aws that is killed at any moment leaves functions that --restore, or
// the run that goes on, puts back as they were, and a run file whose samples are
// all kept: the plan is completed, nothing is taken twice. BENCH_KILL says how
// many moments to try.
func TestAWSKilledAtAnyMoment(t *testing.T) {
	slow(t)
	t.Parallel()
	w := newStage(t)
	s := w.serve("sound", "sound-zip")
	const colds = 2 * 2 * 2 // runs, sizes, functions
	w.killedAtAnyMoment(s, 2, []string{"p-sound", "p-sound-zip"}, nil,
		[]string{"--runs", "2", "--warm-runs", "1", "--memory", "256,512", "--pause", "0s", "sound", "sound-zip"},
		func(path, before string) { complete(t, readAll(path), before, colds) })
}

// And so does one that publishes versions: none is left.
func TestAWSVersionsKilledAtAnyMoment(t *testing.T) {
	slow(t)
	t.Parallel()
	w := newStage(t)
	s := w.serve("sound")
	const colds = 5
	w.killedAtAnyMoment(s, 1, []string{"p-sound"}, nil,
		[]string{"--strategy", "version", "--runs", "5", "--warm-runs", "1", "--pause", "0s", "sound"},
		func(path, before string) { complete(t, readAll(path), before, colds) })
}

// And so does one that deploys images: none that may have been started is a new
// one again.
func TestAWSRedeployKilledAtAnyMoment(t *testing.T) {
	slow(t)
	t.Parallel()
	w := newStage(t)
	s := w.serve("--fresh", "20", "--tfvars", "pushed.json", "sound")
	pushed := []string{"--tfvars", "pushed.json"}
	w.killedAtAnyMoment(s, 1, []string{"p-sound"}, pushed,
		append([]string{"--redeploy", "2", "--runs", "4", "--cold", "sound"}, pushed...),
		func(path, before string) {
			if !strings.HasPrefix(readAll(path), before) {
				t.Errorf("records are gone that were there:\n%s", before)
			}
			run, err := runfile.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			deployments(t, run, 2, 4)
		})
}

// killedAtAnyMoment kills bench aws with arguments at random moments, a few where
// BENCH_KILL does not say how many, and checks the functions of those names and,
// with check, the run that went on with further arguments. check is told what of
// it there was before.
func (w *world) killedAtAnyMoment(s *served, few int, names, more, args []string, check func(path, before string)) {
	t := w.t
	t.Helper()
	args = append([]string{"aws"}, args...)
	before := configurations(s, names)
	clear := func() {
		if err := os.RemoveAll(filepath.Join(w.dir, "results", "runs")); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	w.benchWith(args...).expect(t, 0)
	span := time.Since(began)
	clear()
	dice := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 3))
	changed, files, kept, late := 0, 0, 0, 0
	for i := range kills(t, few) {
		at := time.Duration(dice.Int64N(int64(span)))
		if w.killed(at, args...) {
			late++
		}
		if !slices.Equal(configurations(s, names), before) {
			changed++
		}
		if i%2 == 0 {
			w.benchWith("aws", "--restore").expect(t, 0)
			if after := configurations(s, names); !slices.Equal(after, before) {
				t.Errorf("not restored:\n%q\n%q", before, after)
			}
		}
		paths, _ := filepath.Glob(filepath.Join(w.dir, "results", "runs", "*.jsonl"))
		if len(paths) == 1 && strings.Contains(readAll(paths[0]), "\n") { // else there is no header yet
			files++
			whole := wholeLines(readAll(paths[0]))
			resume := append([]string{"aws", "--resume", paths[0]}, more...)
			if i%3 == 1 && !strings.Contains(whole, `"type":"end"`) {
				w.killed(time.Duration(dice.Int64N(int64(span))), resume...)
				again := wholeLines(readAll(paths[0]))
				if !strings.HasPrefix(again, whole) {
					t.Error("the run that went on and was killed has lost records")
				}
				whole = again
			}
			kept += strings.Count(whole, `"type":"sample"`)
			if !strings.Contains(whole, `"type":"end"`) {
				w.benchWith(resume...).expect(t, 0)
			}
			check(paths[0], whole)
		} else {
			w.benchWith("aws", "--restore").expect(t, 0)
		}
		after := configurations(s, names)
		if journals, _ := filepath.Glob(filepath.Join(w.dir, "state", "coldbench", "aws", "*")); len(journals) > 0 || !slices.Equal(after, before) {
			t.Errorf("at the end: journals %q, functions before and after\n%q\n%q", journals, before, after)
		}
		if t.Failed() {
			t.Fatalf("killed for the %d. time, %s after its start", i+1, at)
		}
		clear()
	}
	t.Logf("kills within %s of the start: %d left functions changed, %d a run file, with %d samples in all, %d came too late", span.Round(time.Millisecond), changed, files, kept, late)
}

func configurations(s *served, names []string) []string {
	var list []string
	for _, n := range names {
		list = append(list, s.configuration(n))
	}
	return list
}

// killed starts a bench and kills it after a while; true where it had ended
// before.
func (w *world) killed(after time.Duration, args ...string) bool {
	w.t.Helper()
	cmd := w.command(args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	time.Sleep(after)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if cmd.ProcessState.Exited() && cmd.ProcessState.ExitCode() != 0 {
		w.t.Errorf("bench %q: exit code %d\n%s", args, cmd.ProcessState.ExitCode(), &stderr)
	}
	return cmd.ProcessState.Exited()
}

// wholeLines returns a text without the line that was torn at its end.
func wholeLines(text string) string { return text[:strings.LastIndexByte(text, '\n')+1] }

// complete checks a run that was killed and went on: it begins with what was
// there before, and has each sample of its plan once. Missing may be what an
// environment had still to serve when the bench was killed.
func complete(t *testing.T, text, before string, colds int) {
	t.Helper()
	if !strings.HasPrefix(text, before) {
		t.Errorf("records are gone that were there:\n%s\nbefore:\n%s", text, before)
	}
	taken := func(text string) map[string]int {
		n := map[string]int{}
		for line := range strings.Lines(text) {
			var r struct {
				Type, Variant string
				MemorySizeMB  int
				Round         int
				Invocation    int
			}
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatalf("%v in %s", err, line)
			}
			if r.Type == "sample" && r.Round > 0 { // 0 is first after the deployment
				n[fmt.Sprint(r.Variant, " ", r.MemorySizeMB, " round ", r.Round, " invocation ", r.Invocation)]++
			}
		}
		return n
	}
	all, early := taken(text), taken(before)
	n := 0
	for key, times := range all {
		if times > 1 {
			t.Errorf("%d times: %s", times, key)
		}
		if cold, ok := strings.CutSuffix(key, "invocation 1"); ok {
			n++
			if all[cold+"invocation 2"] == 0 && early[key] == 0 {
				t.Errorf("no warm one after %s", key)
			}
		}
	}
	if n != colds || !strings.Contains(text, `"stopped":"plan"`) {
		t.Errorf("%d cold starts, want %d, of a plan that is completed; the run ends with\n%s", n, colds, text[max(0, len(text)-2000):])
	}
}
