package runtimeapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// asFunction is the variable that turns the test program into a function.
const asFunction = "RUNTIMEAPI_TEST_FUNCTION"

func TestMain(m *testing.M) {
	switch os.Getenv(asFunction) {
	case "":
		os.Exit(m.Run())
	case "plain":
		lambda.Start(clientFunction)
	case "sigterm":
		lambda.StartWithOptions(clientFunction, lambda.WithEnableSIGTERM(func() {
			fmt.Println("got SIGTERM")
			os.Exit(0)
		}))
	}
}

// clientFunction does what the event says.
func clientFunction(ctx context.Context, event struct{ Do, Text string }) (any, error) {
	switch event.Do {
	case "error":
		return nil, errors.New(event.Text)
	case "panic":
		panic(event.Text)
	case "exit":
		os.Exit(3)
	case "hang":
		select {}
	case "large":
		return strings.Repeat("x", 7<<20), nil
	case "stream":
		return bytes.NewBufferString(event.Text), nil
	case "broken stream":
		return io.MultiReader(strings.NewReader(event.Text), iotestError{}), nil
	}
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	return map[string]any{
		"text": event.Text, "id": lc.AwsRequestID, "arn": lc.InvokedFunctionArn, "left": time.Until(deadline).Milliseconds(),
		"name": lambdacontext.FunctionName, "memory": lambdacontext.MemoryLimitInMB, "trace": os.Getenv("_X_AMZN_TRACE_ID"),
	}, nil
}

type iotestError struct{}

func (iotestError) Read([]byte) (int, error) { return 0, errors.New("the source dried up") }

// forked is a Launcher of real processes.
type forked struct {
	path string
	env  []string
	out  *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

type forkedProcess struct {
	cmd  *exec.Cmd
	done chan struct{}
	exit Exit
}

func (l *forked) Launch(context.Context, Phase) (Process, error) {
	cmd := exec.Command(l.path)
	cmd.Env, cmd.Stdout, cmd.Stderr = l.env, l.out, l.out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return &forkedProcess{cmd: cmd, done: make(chan struct{})}, nil
}

func (p *forkedProcess) Exec(context.Context) (Started, error) {
	s := Started{ClockNs: Clock()}
	if err := p.cmd.Start(); err != nil {
		return s, fmt.Errorf("%w: %w", ErrInvalidEntrypoint, err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait()
		if s := p.cmd.ProcessState.Sys().(syscall.WaitStatus); s.Signaled() {
			p.exit = Exit{Signal: int(s.Signal())}
		} else {
			p.exit = Exit{Code: s.ExitStatus()}
		}
	}()
	return s, nil
}
func (p *forkedProcess) Done() <-chan struct{}    { return p.done }
func (p *forkedProcess) Exit() Exit               { return p.exit }
func (p *forkedProcess) MaxMemory() (int64, bool) { return 0, false }
func (p *forkedProcess) Terminate()               { _ = p.cmd.Process.Signal(syscall.SIGTERM) }
func (p *forkedProcess) Kill() {
	if p.cmd.Process != nil {
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.done
	}
}

// client makes an environment of the test program on AWS's own runtime client.
func client(t *testing.T, kind string, f Function) (*Environment, *forked) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(ln)
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l := &forked{path: path, env: append(f.Environ(nil, s.Addr()), asFunction+"="+kind), out: &lockedBuffer{}}
	e, err := s.NewEnvironment(f, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(e.Close(), s.Close()); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the function wrote:\n%.2000s", l.out)
		}
	})
	return e, l
}

// TestClient runs AWS's own runtime client in real processes.
func TestClient(t *testing.T) {
	e, _ := client(t, "plain", Function{Name: "f", MemoryMB: 512, Timeout: 60 * time.Second})
	if in := mustInit(t, e); !in.Done || in.EndedNs <= in.StartedNs {
		t.Fatalf("init %+v", in)
	}
	good := func(inside bool) {
		t.Helper()
		inv, err := e.Invoke(t.Context(), Event{Payload: []byte(`{"text":"hi"}`), TraceID: "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0"})
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Text, ID, Arn, Name, Trace string
			Left, Memory               int
		}
		if err := json.Unmarshal(inv.Response, &got); err != nil || inv.InitInside != inside || inv.Status != "success" {
			t.Fatalf("%+v: %v", inv, err)
		}
		if got.Text != "hi" || got.ID != inv.RequestID || got.Arn != "arn:aws:lambda:us-east-1:012345678912:function:f" || got.Name != "f" ||
			got.Memory != 512 || got.Left > 60000 || !strings.HasPrefix(got.Trace, "Root=1-5bef4de7") || inv.ContentType != "application/json" {
			t.Errorf("the function saw %+v", got)
		}
		if strings.Contains(inv.Log, "Max Memory Used") {
			t.Errorf("memory was never measured: %q", inv.Log)
		}
	}
	good(false)
	good(false)
	for _, c := range []struct {
		event, status, errorType, functionError, response string
		inside                                            bool
	}{
		{`{"do":"stream","text":"as it is"}`, "success", "", "", "as it is", false},
		{`{"do":"error","text":"bad"}`, "failure", "Function.Unknown", "Unhandled", `{"errorMessage":"bad","errorType":"errorString"}`, false},
		{`no JSON`, "failure", "Function.Unknown", "Unhandled", `"errorType":"SyntaxError"`, false},
		{`{"do":"broken stream","text":"half"}`, "failure", "Function.Unknown", "Unhandled", `"errorMessage":"the source dried up"`, false},
		{`{"do":"panic","text":"boom"}`, "error", "Runtime.ExitError", "Unhandled", `{"errorMessage":"boom","errorType":"string","stackTrace":[`, true},
		{`{"do":"exit"}`, "error", "Runtime.ExitError", "Unhandled", "Runtime exited with error: exit status 3", true},
		{`{"do":"large"}`, "error", "Function.ResponseSizeTooLarge", "Unhandled", "Response payload size (7340034 bytes) exceeded", true},
	} {
		inv := invoke(t, e, c.event)
		if inv.Status != c.status || inv.ErrorType != c.errorType || inv.FunctionError != c.functionError || !strings.Contains(string(inv.Response), c.response) {
			t.Errorf("%s: got %.600s", c.event, fmt.Sprintf("%+v %s", inv, inv.Response))
		}
		good(c.inside)
	}
}

// TestClientTimeout kills a real process at the timeout.
func TestClientTimeout(t *testing.T) {
	e, _ := client(t, "plain", Function{Name: "f", MemoryMB: 128, Timeout: 2 * time.Second})
	if in := mustInit(t, e); !in.Done {
		t.Fatalf("init %+v", in)
	}
	if inv := invoke(t, e, `{"do":"hang"}`); inv.Status != "timeout" || !strings.Contains(inv.Log, "\tDuration: 2000.00 ms\t") {
		t.Errorf("%+v", inv)
	}
	if inv := invoke(t, e, `{}`); inv.Status != "success" || !inv.InitInside {
		t.Errorf("%+v", inv)
	}
}

// TestClientSIGTERM gives a function with an internal extension, which is how
// AWS's client asks for it, a signal before it is killed.
func TestClientSIGTERM(t *testing.T) {
	e, l := client(t, "sigterm", Function{Name: "f", MemoryMB: 128, Timeout: time.Minute})
	if in := mustInit(t, e); !in.Done {
		t.Fatalf("init %+v", in)
	}
	if inv := invoke(t, e, `{}`); inv.Status != "success" {
		t.Errorf("%+v", inv)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(l.out.String(), "got SIGTERM") {
		t.Errorf("the function wrote %q", l.out)
	}
}

// TestClientEntrypoint says in AWS's words what cannot be executed.
func TestClientEntrypoint(t *testing.T) {
	e, l := client(t, "plain", Function{Name: "f", MemoryMB: 128})
	l.path = "/nothing/here"
	if in := mustInit(t, e); in.Done || in.ErrorType != "Runtime.InvalidEntrypoint" {
		t.Errorf("init %+v", in)
	}
	inv := invoke(t, e, `{}`)
	if inv.ErrorType != "Runtime.InvalidEntrypoint" || !strings.Contains(string(inv.Response), "Error: fork/exec /nothing/here: no such file or directory") {
		t.Errorf("%+v %s", inv, inv.Response)
	}
}
