package cli_test

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"coldbench/bench/internal/runfile"
)

// hanging is a bench aws whose functions can't be restored: the endpoint does not
// answer an update once the run was interrupted.
type hanging struct {
	*cloud
	cmd *exec.Cmd
	// invoked and restoring say that a call has come which is not answered.
	invoked, restoring chan bool
}

func newHanging(t *testing.T, stderr io.Writer) *hanging {
	t.Helper()
	h := &hanging{cloud: newCloud(t, "p-scratch"), invoked: make(chan bool, 100), restoring: make(chan bool, 100)}
	var interrupted atomic.Bool
	h.Mu.Lock()
	h.Fault = func(operation string, n int, _ http.ResponseWriter, r *http.Request) bool {
		switch {
		case operation == "Invoke" && n == 3:
			h.invoked <- true
			<-r.Context().Done()
			interrupted.Store(true)
			return true
		case operation == "UpdateFunctionConfiguration" && interrupted.Load():
			h.restoring <- true
			<-r.Context().Done()
			return true
		}
		return false
	}
	h.Mu.Unlock()
	h.cmd, _, _ = h.command("aws", "--cold", "--runs", "50", "--pause", "0s", "p=p-scratch")
	h.cmd.Stderr = stderr
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return h
}

// interrupt sends a signal that no longer belongs to the interrupt before it.
func (h *hanging) interrupt(behind bool) {
	h.t.Helper()
	if behind {
		time.Sleep(1100 * time.Millisecond)
	}
	if err := h.cmd.Process.Signal(os.Interrupt); err != nil {
		h.t.Fatal(err)
	}
}

// wait waits for the end of bench, which is killed if it hangs.
func (h *hanging) wait() {
	late := time.AfterFunc(time.Minute, func() { _ = h.cmd.Process.Kill() })
	defer late.Stop()
	_ = h.cmd.Wait()
	h.Mu.Lock()
	defer h.Mu.Unlock()
	h.Fault = nil
}

// The third interrupt kills bench while it restores. What is left changed is
// named, and --restore restores it.
func TestAWSInterruptedThreeTimes(t *testing.T) {
	t.Parallel()
	var stderr strings.Builder
	h := newHanging(t, &stderr)
	<-h.invoked
	h.interrupt(false)
	<-h.restoring
	h.interrupt(true)
	<-h.restoring
	h.interrupt(true)
	h.wait()
	if s, ok := h.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || s.Signal() != syscall.SIGINT {
		t.Fatalf("%v, want the end by the third interrupt\n%s", h.cmd.ProcessState, &stderr)
	}
	want := "bench: killed while restoring; left changed: p-scratch\nbench: hint: bench aws --restore --region eu-west-1\n"
	if !strings.HasSuffix(stderr.String(), want) {
		t.Errorf("stderr does not end with %q:\n%s", want, &stderr)
	}
	h.bench(0, "--restore")
	h.untouched()
}

// The second interrupt limits restoring to 15 s. The run is ended in order, and
// what is left changed is named.
func TestAWSInterruptedTwice(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for 15 s")
	}
	var stderr strings.Builder
	h := newHanging(t, &stderr)
	<-h.invoked
	h.interrupt(false)
	<-h.restoring
	h.interrupt(true)
	h.wait()
	e := ended{code: h.cmd.ProcessState.ExitCode(), stderr: stderr.String()}
	e.expect(t, 130, "bench: left changed: p-scratch: gave up 15s after the second interrupt", "bench: hint: bench aws --restore --region eu-west-1", "bench: interrupted, 2 samples kept")
	if run := h.run(); len(run.Samples) != 2 || run.End == nil || run.End.Stopped != runfile.StoppedInterrupted {
		t.Errorf("%d samples, end %+v", len(run.Samples), run.End)
	}
	h.bench(0, "--restore")
	h.untouched()
}

// A reader of stderr that ends with the interrupt, as the tee behind bench does,
// does not keep bench from restoring.
func TestAWSInterruptedWithItsReader(t *testing.T) {
	t.Parallel()
	c := newCloud(t, "p-scratch")
	cmd, _, _ := c.command("aws", "--verbose", "--cold", "--runs", "1000", "--pause", "0s", "p=p-scratch")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	go func() { _, _ = io.Copy(io.Discard, r) }()
	c.until(func() bool { return c.Invocations >= 3 })
	_ = r.Close()
	c.until(func() bool { return c.Invocations >= 6 }) // whose calls are logged
	_ = cmd.Process.Signal(os.Interrupt)
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("%v, want exit code 130", cmd.ProcessState)
	}
	c.untouched()
	if run := c.run(); len(run.Samples) < 5 || run.End == nil {
		t.Errorf("%d samples, end %+v", len(run.Samples), run.End)
	}
}

// A signal that was ignored when bench started stays ignored, as nohup and a
// shell's background jobs need it.
func TestAWSIgnoresWhatWasIgnored(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]syscall.Signal{"HUP": syscall.SIGHUP, "INT": syscall.SIGINT} {
		c := newCloud(t, "p-scratch")
		cmd, _, stderr := c.command("aws", "--cold", "--runs", "20", "--pause", "0s", "p=p-scratch")
		cmd.Path, cmd.Args = "/bin/sh", append([]string{"sh", "-c", `trap "" ` + name + `; exec "$0" "$@"`, linkBench(t, c.dir)}, cmd.Args[1:]...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		c.until(func() bool { return c.Invocations >= 3 })
		_ = cmd.Process.Signal(s)
		_ = cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("%s: exit code %d\n%s", name, code, stderr)
		}
		if run := c.run(); len(run.Samples) != 21 {
			t.Errorf("%s: %d samples", name, len(run.Samples))
		}
	}
}

// A command that changes nothing and does not end by itself is killed by the
// first interrupt.
func TestInterruptKillsWhatChangesNothing(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	cmd, _, stderr := c.command("images", "import", "--as", "x", "-")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond) // it waits for the archive
	_ = cmd.Process.Signal(os.Interrupt)
	late := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait()
	late.Stop()
	if s, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || s.Signal() != syscall.SIGINT {
		t.Errorf("%v, want the end by the interrupt\n%s", cmd.ProcessState, stderr)
	}
}
