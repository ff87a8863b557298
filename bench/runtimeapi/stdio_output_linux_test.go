package runtimeapi

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestStdioHoldsOutputBack: output of an init or an invocation comes before the
// result and not earlier, other output as it is written, and all of it in the end.
func TestStdioHoldsOutputBack(t *testing.T) {
	r, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var w *stdioWorld
	// early writes and reports whether the beginning of that arrives within wait.
	early := func(text string, wait time.Duration) bool {
		fmt.Fprint(out, text)
		for end := time.Now().Add(wait); time.Now().Before(end); time.Sleep(time.Millisecond) {
			if strings.Contains(w.written(), text[:min(len(text), 20)]) {
				return true
			}
		}
		return false
	}
	answered, idle := make(chan struct{}), make(chan struct{})
	w = newStdioWorld(t, func(p *toyProcess) Exit {
		if early("init ", 50*time.Millisecond) {
			t.Error("output of an init came before its end")
		}
		return p.loop(func(id string, a answer) {
			if early("invoke "+a.body, 50*time.Millisecond) {
				t.Error("output of an invocation came before its end")
			}
			if a.body == `"slow"` && !early("it is slow", 20*time.Second) {
				t.Error("output was held back for too long")
			}
			if a.body == `"much"` && !early(strings.Repeat("x", maxHeldOutput), 20*time.Second) {
				t.Error("more output was held back than there is room for")
			}
			p.respond(id, "{}")
			go func() {
				<-answered
				if !early("idle "+a.body, 20*time.Second) {
					t.Error("output between invocations did not come")
				}
				idle <- struct{}{}
			}()
		})
	}, nil)
	w.say = func(conn net.Conn) {
		_, _, _ = conn.(*net.UnixConn).WriteMsgUnix([]byte("ready\n"), syscall.UnixRights(int(r.Fd())), nil)
		if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || line != "go\n" {
			return
		}
		fmt.Fprintf(conn, "exec %d \n", Clock())
		w.mu.Lock()
		p := w.running[1]
		w.mu.Unlock()
		_, _ = p.Exec(t.Context())
	}
	w.ready()
	want := "init "
	if got := w.written(); got != want {
		t.Errorf("with the init's result: %q, want %q", got, want)
	}
	for _, payload := range []string{`"little"`, `"slow"`, `"much"`} {
		if _, err := w.client.Invoke(w.context(), Event{Payload: []byte(payload)}); err != nil {
			t.Fatal(err)
		}
		switch want += "invoke " + payload; payload {
		case `"slow"`:
			want += "it is slow"
		case `"much"`:
			want += strings.Repeat("x", maxHeldOutput)
		}
		if got := w.written(); got != want {
			t.Errorf("with the result of %s: %d bytes that end in %q, want %d", payload, len(got), got[max(0, len(got)-20):], len(want))
		}
		answered <- struct{}{}
		<-idle
		want += "idle " + payload
	}
	fmt.Fprint(out, "last")
	if err := w.client.CloseEnvironment(w.context()); err != nil {
		t.Fatal(err)
	}
	if got := w.written(); got != want+"lastEND" {
		t.Errorf("in the end: %q", got[max(0, len(got)-20):])
	}
}
