package cli_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"coldbench/bench/internal/runfile"
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

// Two signals a moment apart are one interrupt: samples are kept, the end is
// recorded, functions are restored and nothing is left behind. BENCH_KILL says how
// many pairs to send.
func TestInterruptedByTwoSignals(t *testing.T) {
	t.Parallel()
	pairs := max(kills(t, 5)*2/5, 1)
	onStages(t, func(t *testing.T, s *interruptStage) {
		n := 0
		for _, gap := range []time.Duration{0, 100 * time.Microsecond, time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond} {
			late := 0
			for range pairs {
				cmd, stderr := s.start(n)
				n++
				s.await(cmd)
				s.pair(cmd.Process, gap)
				_ = cmd.Wait()
				if s.check(cmd, stderr.String()) {
					late++
				}
			}
			t.Logf("%d pairs %v apart, %d of them behind the last sample", pairs, gap, late)
		}
	})
}

// GNU timeout signals a process and then its group; make, which is in that group,
// signals the process once more.
func TestInterruptedByTimeout(t *testing.T) {
	t.Parallel()
	times := kills(t, 2)
	if _, err := exec.LookPath("timeout"); err != nil {
		t.Skip(err)
	}
	onStages(t, func(t *testing.T, s *interruptStage) {
		cmd, _ := s.start(0)
		began := time.Now()
		s.await(cmd)
		span := time.Since(began)
		s.pair(cmd.Process, 0)
		_ = cmd.Wait()
		early, late := 0, 0
		for i := range times {
			cmd, stderr := s.start(i)
			make, _ := exec.LookPath("make")
			if i%5 == 1 && make != "" {
				s.w.write("Makefile", "run:\n\t@"+strings.Join(cmd.Args, " ")+"\n")
				cmd.Args = []string{"make", "-s", "run"}
			}
			seconds := fmt.Sprintf("%.3f", (0.3+1.7*rand.Float64())*span.Seconds())
			cmd.Path, cmd.Args = "/usr/bin/env", append([]string{"env", "timeout", "--preserve-status", seconds}, cmd.Args...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // for all that write to stderr
			switch {
			case len(s.w.runFiles()) == 0:
				early++
				s.clean(stderr.String())
			case s.check(cmd, stderr.String()):
				late++
			}
		}
		t.Logf("%d timeouts, %d of them before there was a run file, %d behind the last sample", times, early, late)
	})
}

// interruptStage is a project whose runs are interrupted.
type interruptStage struct {
	t *testing.T
	w *world
	// runs are the arguments of bench, by turns.
	runs [][]string
	// functions are served, and have to be restored; served is nil for none.
	functions []string
	served    *served
	before    []string
	pidFile   string
}

// onStages calls a test for both local engines, a rehearsal within bench, and a
// bench aws beside a bench rehearse.
func onStages(t *testing.T, test func(*testing.T, *interruptStage)) {
	t.Helper()
	local := []string{"--runs", "200", "--warm-runs", "1", "--pause", "0s"}
	for name, runs := range map[string][][]string{
		"sandbox":   {append([]string{"local", "--engine", "sandbox"}, local...)},
		"docker":    {append([]string{"local", "--engine", "docker"}, local...)},
		"rehearsal": {append([]string{"aws", "--rehearse", "sound"}, local...)},
		"aws": {
			append([]string{"aws", "--memory", "256,512", "sound", "sound-zip"}, local...),
			{"aws", "--strategy", "version", "--runs", "200", "--cold", "sound"},
			{"aws", "--redeploy", "3", "--runs", "200", "--cold", "--tfvars", "pushed.json", "sound"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "docker" {
				requireEngine(t, name)
			}
			s := &interruptStage{t: t, w: newStage(t), runs: runs}
			s.pidFile = filepath.Join(s.w.dir, "pid")
			if name == "aws" {
				s.functions = []string{"p-sound", "p-sound-zip"}
				s.served = s.w.serve("--fresh", "3", "--tfvars", "pushed.json", "sound", "sound-zip")
				s.before = configurations(s.served, s.functions)
			}
			linkBench(t, s.w.dir)
			// So that a program that starts bench need not be asked who it is.
			s.w.write("run", "#!/bin/sh\necho $$ >pid\nexec ./real-bench \"$@\"\n")
			test(t, s)
		})
	}
}

// linkBench makes real-bench in a folder: bench for programs that start it.
func linkBench(t testing.TB, dir string) string {
	t.Helper()
	link := filepath.Join(dir, "real-bench")
	exe, err := os.Executable()
	if err == nil {
		err = os.Symlink(exe, link)
	}
	if err != nil {
		t.Fatal(err)
	}
	return link
}

// start prepares the i-th run, with a folder of results of its own.
func (s *interruptStage) start(i int) (*exec.Cmd, *bytes.Buffer) {
	s.t.Helper()
	for _, old := range []string{filepath.Join(s.w.dir, "results"), s.pidFile} {
		if err := os.RemoveAll(old); err != nil {
			s.t.Fatal(err)
		}
	}
	cmd := s.w.command(s.runs[i%len(s.runs)]...)
	cmd.Path = filepath.Join(s.w.dir, "run")
	cmd.Args[0] = "./run"
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	return cmd, &stderr
}

// await starts a run and returns at a random moment after it has a file.
func (s *interruptStage) await(cmd *exec.Cmd) {
	s.t.Helper()
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); len(s.w.runFiles()) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			s.t.Fatalf("no run file\n%s", cmd.Stderr)
		}
	}
	time.Sleep(rand.N(400 * time.Millisecond))
}

// pair sends two signals, any two of those that interrupt.
func (s *interruptStage) pair(p *os.Process, gap time.Duration) {
	kinds := []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP}
	for i := range 2 {
		if i == 1 {
			time.Sleep(gap)
		}
		if err := p.Signal(kinds[rand.IntN(len(kinds))]); err != nil && i == 0 {
			s.t.Error(err)
		}
	}
}

// clean checks that a bench which has ended left nothing behind.
func (s *interruptStage) clean(stderr string) {
	s.t.Helper()
	if pid, err := strconv.Atoi(strings.TrimSpace(readAll(s.pidFile))); err == nil {
		left := leftContainers(pid)
		if s.served == nil { // else what serves has processes of its own
			left = append(left, s.w.leftHere(pid)...)
		}
		if len(left) > 0 {
			s.t.Errorf("left behind: %q\n%s", left, stderr)
		}
	}
	if s.served != nil {
		if after := configurations(s.served, s.functions); !slices.Equal(after, s.before) {
			s.t.Errorf("functions were left changed\n%q\n%q\n%s", s.before, after, stderr)
			s.w.benchWith("aws", "--restore")
		}
	}
	if left := debris(s.w); len(left) > 0 {
		s.t.Errorf("left behind: %q\n%s", left, stderr)
	}
}

// check checks that a bench which has ended left nothing behind, and a run file
// that says all; true if the run had come to its end by itself.
func (s *interruptStage) check(cmd *exec.Cmd, stderr string) (late bool) {
	t := s.t
	t.Helper()
	s.clean(stderr)
	path := filepath.Join(s.w.dir, "results", "runs", runFileName(t, s.w))
	run, err := runfile.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if run.End == nil {
		t.Errorf("%v: the run has no end record\n%s", cmd.ProcessState, stderr)
		return false
	}
	for i, sample := range run.Samples {
		if sample.Seq != i+1 && len(run.Rejects)+len(run.Failures) == 0 {
			t.Errorf("sample %d is missing", i+1)
		}
	}
	if run.End.Samples != len(run.Samples) {
		t.Errorf("%d samples, the end record says %d", len(run.Samples), run.End.Samples)
	}
	if run.End.Stopped == runfile.StoppedPlan {
		return true
	}
	want := fmt.Sprintf("bench: interrupted, %d sample", len(run.Samples))
	if code := cmd.ProcessState.ExitCode(); code != 130 || run.End.Stopped != runfile.StoppedInterrupted || !strings.Contains(stderr, want) {
		t.Errorf("%v, stopped %q, want exit code 130 and %q\n%s", cmd.ProcessState, run.End.Stopped, want, stderr)
	}
	return false
}

// An interrupt of a process group reaches a bench aws and the bench rehearse that
// it talks to: the endpoint outlives the run.
func TestInterruptedWithItsEndpoint(t *testing.T) {
	t.Parallel()
	for range kills(t, 2) {
		w := newStage(t)
		w.as = func(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
		s := w.serve("sound")
		group := s.cmd.Process.Pid
		w.as = func(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: group} }
		cmd := w.command("aws", "--runs", "200", "--cold", "--memory", "256,512", "sound")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		(&interruptStage{t: t, w: w}).await(cmd)
		for range 2 {
			if err := syscall.Kill(-group, syscall.SIGTERM); err != nil {
				t.Error(err)
			}
		}
		_ = cmd.Wait()
		<-s.ended
		if code := cmd.ProcessState.ExitCode(); code != 130 || strings.Contains(stderr.String(), "left changed") {
			t.Errorf("bench aws: %v\n%s", cmd.ProcessState, &stderr)
		}
		if code := s.cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("bench rehearse: %v\n%s", s.cmd.ProcessState, &s.stderr)
		}
		if left := append(debris(w), w.left(group)...); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
	}
}
