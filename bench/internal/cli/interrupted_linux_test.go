package cli_test

import (
	"os"
	"strings"
	"testing"
	"time"
)

// An interrupt ends a run on a real engine with its samples kept and nothing
// left behind, wherever it comes, and the run goes on where it was.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"sandbox", "docker"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			requireEngine(t, engine)
			w := newWorld(t, sound)
			cmd := w.command("local", "--engine", engine, "--runs", "12", "--warm-runs", "1", "--pause", "0s")
			var stderr strings.Builder
			cmd.Stderr = &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			for range 6000 {
				if runs := w.runFiles(); len(runs) > 0 && strings.Count(runs[0], `"type":"sample"`) >= 5 {
					break
				}
				time.Sleep(5 * time.Millisecond)
			}
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			e := ended{code: cmd.ProcessState.ExitCode(), stderr: stderr.String()}
			e.expect(t, 130, "bench: interrupted, ", " kept", "--resume")
			if left := w.left(cmd.Process.Pid); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
			path := "results/runs/" + runFileName(t, w)
			w.bench("local", "--resume", path).expect(t, 0)
			run := w.runFiles()[0]
			if n := strings.Count(run, `"class":"cold"`); n != 12 || !strings.Contains(run, `"stopped":"plan"`) {
				t.Errorf("%d cold samples, want 12\n%s", n, run)
			}
		})
	}
}

func runFileName(t *testing.T, w *world) string {
	t.Helper()
	entries, err := os.ReadDir(w.dir + "/results/runs")
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v, %v", entries, err)
	}
	return entries[0].Name()
}
