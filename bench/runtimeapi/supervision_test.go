package runtimeapi

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// TestStdioSupervises: the runtime of a container is let go by "run", after the
// registration, and "ended" ends what is going on.
func TestStdioSupervises(t *testing.T) {
	w := newStdioWorld(t, echo, nil)
	words := make(chan string, 8)
	crash := make(chan struct{})
	w.say = func(conn net.Conn) {
		lines := bufio.NewReader(conn)
		fmt.Fprint(conn, "ready\n")
		_, _ = lines.ReadString('\n')
		fmt.Fprintf(conn, "exec %d outer\n", Clock())
		process := w.toy.processes[0]
		id := process.register("outer", "INVOKE").header.Get("Lambda-Extension-Identifier")
		go func() {
			for process.event(id).status == 200 {
			}
		}()
		go func() {
			<-crash
			fmt.Fprint(conn, "ended 1 exit 7\n")
		}()
		for {
			word, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			words <- strings.TrimSpace(word)
			switch word {
			case "run\n":
				_ = process.Run(t.Context())
				fmt.Fprint(conn, "running\n")
			case "term\n":
				fmt.Fprint(conn, "ended 0 signal 15\n")
			}
		}
	}
	w.ready()
	if word := <-words; word != "run" {
		t.Errorf("said %q", word)
	}
	if !w.probe.supervised {
		t.Error("the probe takes images/start for the runtime")
	}
	if inv, err := w.client.Invoke(w.context(), Event{Payload: []byte(`1`)}); err != nil || inv.Status != "success" {
		t.Fatalf("%+v, %v", inv, err)
	}
	close(crash)
	inv, err := w.client.Invoke(w.context(), Event{Payload: []byte(`2`)})
	if err == nil && inv.Status == "success" { // it was faster
		inv, err = w.client.Invoke(w.context(), Event{Payload: []byte(`3`)})
	}
	if err != nil || inv.ErrorType != "Extension.Crash" || inv.Exit == nil || inv.Exit.Code != 7 {
		t.Fatalf("%+v, %v", inv, err)
	}
	if word := <-words; word != "term" {
		t.Errorf("said %q", word)
	}
}

// supervisedBy returns what images/start does with one extension that subscribes
// to SHUTDOWN, until it is told to run the runtime; run does the rest.
func supervisedBy(w *stdioWorld, run func(process *toyProcess, conn net.Conn)) func(net.Conn) {
	return func(conn net.Conn) {
		lines := bufio.NewReader(conn)
		fmt.Fprint(conn, "ready\n")
		_, _ = lines.ReadString('\n')
		fmt.Fprintf(conn, "exec %d outer\n", Clock())
		process := w.toy.processes[0]
		id := process.register("outer", "SHUTDOWN").header.Get("Lambda-Extension-Identifier")
		go process.event(id)
		if word, _ := lines.ReadString('\n'); word == "run\n" {
			run(process, conn)
		}
	}
}

// TestShutdownOfADeadContainer: nobody waits for extensions that ended with their
// container, of which images/start could say nothing.
func TestShutdownOfADeadContainer(t *testing.T) {
	w := newStdioWorld(t, echo, nil)
	die := make(chan struct{})
	w.say = supervisedBy(w, func(process *toyProcess, conn net.Conn) {
		_ = process.Run(t.Context())
		fmt.Fprint(conn, "running\n")
		<-die
		process.cancel()
	})
	w.ready()
	close(die)
	began := time.Now()
	if err := w.client.CloseEnvironment(w.context()); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(began); d >= shutdownExternal {
		t.Errorf("it took %v", d)
	}
}

// TestContainerThatEndsBeforeTheRuntime: the end between the registration and the
// start of the runtime is a failed init, not a broken emulator.
func TestContainerThatEndsBeforeTheRuntime(t *testing.T) {
	w := newStdioWorld(t, echo, nil)
	w.say = supervisedBy(w, func(*toyProcess, net.Conn) {
		time.AfterFunc(50*time.Millisecond, func() {
			_ = w.client.Exited(StdioExit{Process: 1, Exit: Exit{Code: 137, Signal: 9}})
		})
	})
	if err := w.client.Provision(w.context(), stdioFunction); err != nil {
		t.Fatal(err)
	}
	in, err := w.client.Init(w.context())
	if err != nil || in.Done || in.Status != "error" || in.ErrorType != "Runtime.ExitError" {
		t.Errorf("%+v, %v", in, err)
	}
}

// TestSupervision: what images/start may say after "exec", and what becomes of
// it.
func TestSupervision(t *testing.T) {
	for _, c := range []struct {
		name, said string
		run        string // the error of Run; "" for none
		invalid    bool
		ended      string
		exited     string
	}{
		{name: "runs", said: "running\nended 0 exit 3\n", exited: "{3 0 false}"},
		{name: "a signal", said: "running\nended 0 signal 9\nended 2 exit 0\n", exited: "{137 9 false}", ended: "b {0 0 false} "},
		{name: "out of memory", said: "running\nended 1 signal 9\n", ended: "a {137 9 true} "},
		{name: "no runtime", said: "error 2 executing /x: no such file or directory\n", run: "executing /x: no such file or directory", invalid: true},
		{name: "no extension", said: "failed 1 fork/exec /opt/extensions/a: permission denied\n", run: "EOF",
			ended: "a {0 0 false} fork/exec /opt/extensions/a: permission denied"},
		{name: "ends", said: "", run: "waiting for the runtime to start: EOF"},
		{name: "half a line", said: "runn", run: "EOF"},
		{name: "nonsense", said: "hello\n", run: `said "hello"`},
		{name: "unknown program", said: "ended 3 exit 0\n", run: "names no program that runs"},
		{name: "ends twice", said: "ended 1 exit 0\nended 1 exit 0\n", run: "names no program that runs", ended: "a {0 0 false} "},
	} {
		t.Run(c.name, func(t *testing.T) {
			exited, ended := "", ""
			done := make(chan struct{})
			start := &Starter{lines: bufio.NewReader(strings.NewReader(c.said)), conn: deaf{io.Discard}}
			s := start.Supervise([]string{"a", "b"}, func(x Exit) { exited = fmt.Sprint(x); close(done) }, func() bool { return true })
			err := s.Run(t.Context())
			if (err == nil) != (c.run == "") || err != nil && !strings.HasSuffix(err.Error(), c.run) || errors.Is(err, ErrInvalidEntrypoint) != c.invalid {
				t.Errorf("run: %v, want %q", err, c.run)
			}
			for x := range s.Ended() {
				ended += fmt.Sprintf("%s %v %s", x.Name, x.Exit, x.LaunchError)
			}
			if c.exited != "" {
				<-done
			}
			if ended != c.ended || exited != c.exited {
				t.Errorf("ended %q, exited %q; want %q, %q", ended, exited, c.ended, c.exited)
			}
		})
	}
}

func FuzzParseEnd(f *testing.F) {
	for _, s := range []string{"ended 0 exit 0", "ended 1 exit 7", "ended 12 signal 9", "ended 0 signal 0", "ended -1 exit 0", "failed 1 fork/exec /x: no", "failed 0 x", "ended", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		n, end, err := parseEnd(line)
		if err != nil {
			if n != 0 || end != (ExtensionEnd{}) {
				t.Errorf("%q: a value beside an error: %d, %+v", line, n, end)
			}
			return
		}
		if n < 0 || end.Exit.Signal != 0 && end.Exit.Code != 128+end.Exit.Signal {
			t.Errorf("%q: %d, %+v", line, n, end)
		}
		printed := fmt.Sprintf("ended %d exit %d", n, end.Exit.Code)
		switch {
		case end.LaunchError != "":
			printed = fmt.Sprintf("failed %d %s", n, end.LaunchError)
		case end.Exit.Signal != 0:
			printed = fmt.Sprintf("ended %d signal %d", n, end.Exit.Signal)
		}
		if m, again, err := parseEnd(printed); err != nil || m != n || again != end {
			t.Errorf("%q, printed as %q: %d, %+v, %v", line, printed, m, again, err)
		}
	})
}

// deaf is a connection that nothing comes from.
type deaf struct{ io.Writer }

func (deaf) Read([]byte) (int, error)    { return 0, io.EOF }
func (deaf) SetDeadline(time.Time) error { return nil }
