package runtimeapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// StdioClient is bench's end of the connection to an emulator in a container, with the
// methods of an Environment.
type StdioClient struct {
	peer *stdioPeer
	host StdioHost
	done chan struct{}
	err  error
}

// NewStdioClient talks to the emulator that reads w and writes r. The connection ends when
// r does; closing w ends the emulator.
func NewStdioClient(r io.Reader, w io.Writer, host StdioHost) *StdioClient {
	c := &StdioClient{host: host, done: make(chan struct{})}
	c.peer = newStdioPeer(w, c.serve)
	go func() {
		defer close(c.done)
		c.err = c.peer.serve(r)
	}()
	return c
}

func (c *StdioClient) serve(ctx context.Context, call string, body json.RawMessage) (any, error) {
	switch call {
	case callLaunch:
		l, err := decoded[StdioLaunch](call, body)
		if err == nil {
			err = c.host.Launch(ctx, l)
		}
		return nil, err
	case callKill:
		process, err := decoded[int](call, body)
		if err == nil {
			err = c.host.Kill(ctx, process)
		}
		return nil, err
	case callOutput:
		t, err := decoded[stdioText](call, body)
		if err == nil {
			c.host.Output(t.Text, t.End)
		}
		return nil, err
	}
	return nil, fmt.Errorf("unknown call %q", call)
}

// Done is closed when the connection has ended and every Launch and Kill has returned.
func (c *StdioClient) Done() <-chan struct{} { return c.done }

// Err says why the connection ended: nil between two records. It is valid after Done.
func (c *StdioClient) Err() error { return c.err }

// ask calls the emulator; what it returns beside an error is the zero value.
func ask[T any](ctx context.Context, c *StdioClient, call string, body any) (answer T, err error) {
	if err = c.peer.call(ctx, call, body, &answer); err != nil {
		return *new(T), err
	}
	return answer, nil
}

// Hello waits for the emulator to answer for the first time.
func (c *StdioClient) Hello(ctx context.Context) (StdioHello, error) {
	return ask[StdioHello](ctx, c, callHello, nil)
}

// Provision makes a new environment, ready to execute, in place of the one before.
func (c *StdioClient) Provision(ctx context.Context, f Function) error {
	return c.peer.call(ctx, callProvision, f, nil)
}

// Init executes the entrypoint and waits for the end of init.
func (c *StdioClient) Init(ctx context.Context) (Init, error) {
	return ask[Init](ctx, c, callInit, nil)
}

// Invoke hands out one event and waits for the end of the invocation.
func (c *StdioClient) Invoke(ctx context.Context, e Event) (Invocation, error) {
	return ask[Invocation](ctx, c, callInvoke, e)
}

// Throttled returns how long the CPU limit has held the environment back since it was made;
// false if unknown.
func (c *StdioClient) Throttled(ctx context.Context) (time.Duration, bool) {
	t, err := ask[stdioThrottled](ctx, c, callThrottled, nil)
	return time.Duration(t.Ns), t.Known && err == nil
}

// CloseEnvironment ends the environment and returns when nothing of it is left.
func (c *StdioClient) CloseEnvironment(ctx context.Context) error {
	return c.peer.call(ctx, callClose, nil, nil)
}

// Exited tells the emulator that a process has ended.
func (c *StdioClient) Exited(e StdioExit) error {
	return c.peer.tell(callExited, e)
}
