package cli_test

import (
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// The first interrupt puts functions back, the second one ends bench at once,
// however long that takes; what it was about to put back is left to --restore.
func TestAWSInterruptedTwice(t *testing.T) {
	t.Parallel()
	c := newCloud(t, "p-scratch")
	var interrupted atomic.Bool
	invoked, restoring := make(chan bool, 100), make(chan bool, 100)
	c.Mu.Lock()
	c.Fault = func(operation string, _ int, _ http.ResponseWriter, r *http.Request) bool {
		switch {
		case operation == "Invoke":
			invoked <- true
			<-r.Context().Done()
			interrupted.Store(true)
			return true
		case operation == "UpdateFunctionConfiguration" && interrupted.Load():
			restoring <- true
			<-r.Context().Done() // no answer, for as long as bench waits for it
			return true
		}
		return false
	}
	c.Mu.Unlock()
	cmd, _, stderr := c.command("aws", "--cold", "--runs", "50", "--pause", "0s", "p=p-scratch")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-invoked
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	<-restoring
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait()
	late.Stop()
	if s, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || s.Signal() != syscall.SIGINT {
		t.Fatalf("%v, want the end by the second interrupt\n%s", cmd.ProcessState, stderr)
	}
	c.Mu.Lock()
	c.Fault = nil
	c.Mu.Unlock()
	c.bench(0, "--restore")
	c.untouched()
}
