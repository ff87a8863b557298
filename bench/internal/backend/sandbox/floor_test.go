//go:build linux

package sandbox

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"testing"
	"time"
)

// The floor: what a cold start costs at least, with fork and exec, the least of
// a Runtime API, no isolation, no limits and no measurement. Nothing of the
// engine is in this file: it is what BenchmarkColdStart compares the engine with.

// floor serves one process after another.
type floor struct {
	listener net.Listener
	binary   string
	// events holds the event that waits for a GET /next; asked is told of each.
	events chan string
	asked  chan struct{}
}

func newFloor(tb testing.TB) *floor {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = l.Close() })
	f := &floor{listener: l, binary: bin(tb, "function"), events: make(chan string, 1), asked: make(chan struct{}, 2)}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go f.serve(c)
		}
	}()
	return f
}

// serve answers the requests of one connection: a process may open a second.
func (f *floor) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	r := bufio.NewReader(c)
	for {
		method, err := request(r)
		if err != nil {
			return
		}
		if method == "POST" {
			_, _ = io.WriteString(c, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
			continue
		}
		select {
		case event := <-f.events:
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n"+
				"Lambda-Runtime-Deadline-Ms: %d\r\nContent-Length: %d\r\n\r\n%s", time.Now().Add(3*time.Second).UnixMilli(), len(event), event)
		default: // the second GET waits for ever
		}
		f.asked <- struct{}{}
	}
}

// cold starts a process, has it answer one event, waits until it asks for the
// next one, and ends it.
func (f *floor) cold() error {
	f.events <- `{"name":"you"}`
	cmd := exec.Command(f.binary)
	cmd.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + f.listener.Addr().String()}
	if err := cmd.Start(); err != nil {
		return err
	}
	for range 2 {
		select {
		case <-f.asked:
		case <-time.After(10 * time.Second):
			return errors.New("the function does not ask for an event")
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	return nil
}

// request reads one request to its end and returns its method.
func request(r *bufio.Reader) (string, error) {
	req, err := http.ReadRequest(r)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(io.Discard, req.Body)
	return req.Method, err
}

// TestFloor: the floor is the time of a real cold start, not of a mistake.
func TestFloor(t *testing.T) {
	if err := newFloor(t).cold(); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command(bin(t, "function"))
	cmd.Env, cmd.Stderr = []string{}, &log
	if err := cmd.Run(); err == nil || log.Len() == 0 {
		t.Errorf("the function does not need a Runtime API: %v, %q", err, &log)
	}
}
