package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"coldbench/bench/runtimeapi"
)

// TestMain makes the test program the emulator, a function or an extension,
// as its first argument says.
func TestMain(m *testing.M) {
	as := ""
	if len(os.Args) > 1 {
		as = os.Args[1]
	}
	switch {
	case as == "as-rie":
		os.Args = append(os.Args[:1], os.Args[2:]...)
		main()
	case as == "as-rie-with-extensions":
		s, err := readSettings(os.Args[4:], os.Environ())
		if err != nil {
			panic(err)
		}
		s.extensions = os.Args[2]
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		fmt.Println(standalone(ctx, s, os.Args[3], "127.0.0.1:0", os.Stdout, os.Stderr))
	case as == "as-function":
		fmt.Println("init of the function")
		if mark := os.Getenv("RIE_TEST_MARK"); mark != "" {
			_, err := os.Stat(mark)
			fmt.Println("mark found:", err == nil)
		}
		lambda.Start(testFunction)
	case strings.Contains(os.Args[0], "/extensions/"):
		testExtension(filepath.Base(os.Args[0]))
	default:
		os.Exit(m.Run())
	}
}

func testFunction(event struct {
	Do, Text string
	Ms       int
}) (any, error) {
	fmt.Println("handling", event.Text)
	time.Sleep(time.Duration(event.Ms) * time.Millisecond)
	switch event.Do {
	case "error":
		return nil, errors.New(event.Text)
	case "exit":
		os.Exit(3)
	case "hang":
		select {}
	case "chat":
		fmt.Println(strings.Repeat("x", 8000))
	case "orphan":
		// In a session of its own, and its parent gone at once.
		out, err := exec.Command("/bin/sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & echo $!").Output()
		return strings.TrimSpace(string(out)), err
	case "env":
		return os.Environ(), nil
	}
	return map[string]any{"text": event.Text, "pid": os.Getpid()}, nil
}

// testExtension is an external extension that takes 20 ms for each event and
// ends after SHUTDOWN. RIE_TEST_EXTENSION has it do something before it
// registers: "mark" after 100 ms, "exit" with 7, or "exit in event".
func testExtension(name string) {
	todo := os.Getenv("RIE_TEST_EXTENSION")
	switch todo {
	case "mark":
		time.Sleep(100 * time.Millisecond)
		if err := os.WriteFile(os.Getenv("RIE_TEST_MARK"), nil, 0o644); err != nil {
			panic(err)
		}
	case "exit":
		os.Exit(7)
	}
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2020-01-01/extension/"
	req, _ := http.NewRequest("POST", api+"register", strings.NewReader(`{"events":["INVOKE","SHUTDOWN"]}`))
	req.Header.Set("Lambda-Extension-Name", name)
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != 200 {
		panic(fmt.Sprint(resp, err))
	}
	id := resp.Header.Get("Lambda-Extension-Identifier")
	for {
		time.Sleep(20 * time.Millisecond)
		req, _ := http.NewRequest("GET", api+"event/next", nil)
		req.Header.Set("Lambda-Extension-Identifier", id)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Printf("extension got %.23s\n", b)
		switch {
		case todo == "exit in event":
			os.Exit(7)
		case strings.Contains(string(b), "SHUTDOWN"):
			return
		}
	}
}

// emulator is a running emulator.
type emulator struct {
	t    *testing.T
	cmd  *exec.Cmd
	addr string
	url  string
	out  *buffer
	err  *buffer
	done chan struct{}
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// free returns an address that nothing listens at.
func free(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func self(t *testing.T) string {
	p, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// emulate starts an emulator with the function that follows its flags; env is
// added to this program's.
func emulate(t *testing.T, env []string, command ...string) *emulator {
	t.Helper()
	addr := free(t)
	return begin(t, addr, env, exec.Command(self(t), append([]string{"as-rie", "--listen", addr, "--runtime-api-address", "127.0.0.1:0"}, command...)...))
}

func begin(t *testing.T, addr string, env []string, cmd *exec.Cmd) *emulator {
	t.Helper()
	e := &emulator{t: t, cmd: cmd, addr: addr, url: "http://" + addr + "/2015-03-31/functions/function/invocations", out: &buffer{}, err: &buffer{}, done: make(chan struct{})}
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = e.out, e.err
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = cmd.Wait(); close(e.done) }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-e.done:
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill()
			t.Error("SIGTERM did not end the emulator")
		}
		if t.Failed() {
			t.Logf("stdout:\n%.4000s\nstderr:\n%.4000s", e.out, e.err)
		}
	})
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			return e
		}
		select {
		case <-e.done:
			t.Fatalf("the emulator ended: %s", e.err)
		default:
		}
		if time.Now().After(end) {
			t.Fatal("the emulator does not listen")
		}
	}
}

// post invokes the function and returns the answer, its body and its log.
func (e *emulator) post(event string, header ...string) (*http.Response, string, string) {
	e.t.Helper()
	req, err := http.NewRequest("POST", e.url, strings.NewReader(event))
	if err != nil {
		e.t.Fatal(err)
	}
	req.Header.Set("X-Amz-Log-Type", "Tail")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	log, err := base64.StdEncoding.DecodeString(resp.Header.Get("X-Amz-Log-Result"))
	if err != nil {
		e.t.Fatal(err)
	}
	return resp, string(body), string(log)
}

// function is the command of the test function.
func function(t *testing.T) []string { return []string{self(t), "as-function"} }

// TestInvoke invokes a real function through a real emulator, with success and
// without.
func TestInvoke(t *testing.T) {
	e := emulate(t, []string{"AWS_LAMBDA_FUNCTION_TIMEOUT=2", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256", "AWS_LAMBDA_FUNCTION_VERSION=7", "AWS_ACCESS_KEY_ID=AKIAX", "AWS_LAMBDA_MAX_CONCURRENCY=4"}, function(t)...)
	resp, body, log := e.post(`{"text":"one"}`)
	id := resp.Header.Get("x-amzn-RequestId")
	if resp.StatusCode != 200 || resp.Header.Get("X-Amz-Function-Error") != "" || resp.Header.Get("X-Amz-Executed-Version") != "7" || resp.Header.Get("Content-Type") != "application/json" || !strings.HasPrefix(body, `{"pid":`) {
		t.Errorf("%v %s", resp, body)
	}
	want := "init of the function\nSTART RequestId: " + id + " Version: 7\nhandling one\nEND RequestId: " + id + "\nREPORT RequestId: " + id + "\tDuration: "
	if !strings.HasPrefix(log, want) || !strings.Contains(log, "\tMemory Size: 256 MB\tMax Memory Used: ") || !strings.Contains(log, "\tInit Duration: ") {
		t.Errorf("log %q\nwant %q", log, want)
	}
	resp, _, log = e.post(`{"text":"two"}`)
	if strings.Contains(log, "nit") || !strings.HasPrefix(log, "START RequestId: "+resp.Header.Get("x-amzn-RequestId")) {
		t.Errorf("warm log %q", log)
	}
	if _, _, log = e.post(`{"do":"chat"}`); len(log) != 4096 || !strings.HasPrefix(log, "xxx") || !strings.Contains(log, "\nREPORT RequestId: ") {
		t.Errorf("a log of %d bytes: %.40q", len(log), log)
	}
	for _, c := range []struct{ event, body, report string }{
		{`{"do":"error","text":"bad"}`, `{"errorMessage":"bad","errorType":"errorString"}`, " MB\t\n"},
		{`{"do":"exit"}`, `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: ID Error: Runtime exited with error: exit status 3"}`, "\tStatus: error\tError Type: Runtime.ExitError\n"},
		{`{"do":"hang"}`, `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ID Error: Task timed out after 2.00 seconds"}`, "\tStatus: timeout\n"},
	} {
		resp, body, log := e.post(c.event)
		want := strings.ReplaceAll(c.body, "ID", resp.Header.Get("x-amzn-RequestId"))
		if resp.StatusCode != 200 || resp.Header.Get("X-Amz-Function-Error") != "Unhandled" || body != want || !strings.HasSuffix(log, c.report) {
			t.Errorf("%s: %v %s %q", c.event, resp, body, log)
		}
		if resp, body, _ := e.post(`{"text":"again"}`); resp.Header.Get("X-Amz-Function-Error") != "" || !strings.Contains(body, "again") {
			t.Errorf("after %s: %v %s", c.event, resp, body)
		}
	}
	_, body, _ = e.post(`{"do":"env"}`)
	for _, want := range []string{"AWS_ACCESS_KEY_ID=AKIAX", "AWS_LAMBDA_FUNCTION_NAME=test_function", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256", "_HANDLER=as-function"} {
		if !strings.Contains(body, `"`+want+`"`) {
			t.Errorf("the function's environment lacks %s", want)
		}
	}
	if strings.Contains(body, "MAX_CONCURRENCY") {
		t.Error("the function sees a reserved variable of the container")
	}
	if strings.Contains(e.err.String(), "rie:") {
		t.Errorf("stderr %q", e.err)
	}
}

// TestQueue invokes from many sides at once: everyone gets its own answer.
func TestQueue(t *testing.T) {
	e := emulate(t, nil, function(t)...)
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() {
			text := fmt.Sprint("n", i)
			resp, body, log := e.post(`{"text":"` + text + `","ms":2}`)
			var got struct{ Text string }
			if err := json.Unmarshal([]byte(body), &got); err != nil || got.Text != text || resp.StatusCode != 200 {
				t.Errorf("%s: %v %s", text, resp, body)
			}
			if strings.Count(log, "START ") != 1 || !strings.Contains(log, "handling "+text+"\n") {
				t.Errorf("%s: log %q", text, log)
			}
		})
	}
	wg.Wait()
	for i := range 200 {
		text := fmt.Sprint("m", i)
		_, _, log := e.post(`{"text":"` + text + `"}`)
		if _, rest, ok := strings.Cut(log, "handling "+text+"\n"); !ok || !strings.HasPrefix(rest, "END ") {
			t.Fatalf("%s: log %q", text, log)
		}
	}
	if n := strings.Count(e.out.String(), "\tInit Duration: "); n != 1 {
		t.Errorf("%d cold starts", n)
	}
}

// TestInitFails prints INIT_REPORT at once, and answers.
func TestInitFails(t *testing.T) {
	for _, c := range []struct {
		command   []string
		errorType string
		text      string
	}{
		{[]string{"/nothing/here"}, "Runtime.InvalidEntrypoint", "fork/exec /nothing/here: no such file or directory"},
		{[]string{"nothing-in-path"}, "Runtime.InvalidEntrypoint", "fork/exec nothing-in-path: no such file or directory"},
		{[]string{"/bin/sh", "-c", "echo dying; exit 4"}, "Runtime.ExitError", "Runtime exited with error: exit status 4"},
	} {
		t.Run(c.errorType+" "+c.command[0], func(t *testing.T) {
			e := emulate(t, nil, c.command...)
			resp, body, log := e.post(`{}`)
			if resp.StatusCode != 200 || resp.Header.Get("X-Amz-Function-Error") != "Unhandled" ||
				body != `{"errorType":"`+c.errorType+`","errorMessage":"RequestId: `+resp.Header.Get("x-amzn-RequestId")+` Error: `+c.text+`"}` {
				t.Errorf("%v %s", resp, body)
			}
			for _, phase := range []string{"init", "invoke"} {
				if want := "\tPhase: " + phase + "\tStatus: error\tError Type: " + c.errorType + "\n"; !strings.Contains(log, want) {
					t.Errorf("log %q lacks %q", log, want)
				}
			}
		})
	}
}

// TestTerm ends the emulator and everything the function started, in and out of
// its process group.
func TestTerm(t *testing.T) {
	e := emulate(t, nil, function(t)...)
	_, body, _ := e.post(`{"do":"orphan"}`)
	var text string
	if err := json.Unmarshal([]byte(body), &text); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	orphan, err := strconv.Atoi(text)
	if err != nil || syscall.Kill(orphan, 0) != nil {
		t.Fatalf("the orphan %q is not there: %v", text, err)
	}
	// One that is under way is not waited for.
	go http.Post(e.url, "", strings.NewReader(`{"do":"hang"}`))
	for !strings.Contains(e.out.String(), "handling \n") || strings.Count(e.out.String(), "START ") < 2 {
		time.Sleep(time.Millisecond)
	}
	if err := e.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-e.done
	if c := e.cmd.ProcessState.ExitCode(); c != 0 {
		t.Errorf("exit code %d", c)
	}
	if syscall.Kill(orphan, 0) == nil {
		t.Error("the orphan is still there")
	}
}

// TestReaps leaves no zombies while it runs.
func TestReaps(t *testing.T) {
	e := emulate(t, nil, "/bin/sh", "-c", "for i in 1 2 3 4 5; do (setsid true &) ; done; exec "+self(t)+" as-function")
	e.post(`{}`)
	if _, err := os.Stat("/proc/thread-self/children"); err != nil {
		t.Skip("SKIP: this kernel does not list children")
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		pids := runtimeapi.Descendants(e.cmd.Process.Pid)[1:]
		if len(pids) == 1 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("children %v", pids)
		}
	}
}

// TestProcessOne runs the emulator as process 1 of a namespace.
func TestProcessOne(t *testing.T) {
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Skip("SKIP: unshare is not here")
	}
	args := []string{"--pid", "--fork", "--mount-proc", "--kill-child"}
	if os.Getuid() != 0 {
		args = append(args, "--user", "--map-root-user")
	}
	if out, err := exec.Command(unshare, append(args, "true")...).CombinedOutput(); err != nil {
		t.Skipf("SKIP: no namespaces here: %v %s", err, out)
	}
	addr := free(t)
	args = append(args, self(t), "as-rie", "--listen", addr, "--runtime-api-address", "127.0.0.1:0")
	e := begin(t, addr, []string{"AWS_LAMBDA_FUNCTION_TIMEOUT=1"}, exec.Command(unshare, append(args, function(t)...)...))
	for range 2 {
		if _, body, _ := e.post(`{"text":"one"}`); !strings.Contains(body, "one") {
			t.Errorf("body %s", body)
		}
		if _, body, _ := e.post(`{"do":"orphan"}`); !strings.HasPrefix(body, `"`) {
			t.Errorf("body %s", body)
		}
		if _, body, _ := e.post(`{"do":"hang"}`); !strings.Contains(body, "Sandbox.Timedout") {
			t.Errorf("body %s", body)
		}
	}
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", e.cmd.Process.Pid))
	pids := runtimeapi.Numbers(children)
	if len(pids) != 1 {
		t.Fatalf("children of unshare %v", pids)
	}
	if err := syscall.Kill(pids[0], syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-e.done
	if c := e.cmd.ProcessState.ExitCode(); c != 0 {
		t.Errorf("exit code %d", c)
	}
}

// emulateExtensions starts an emulator with extensions of these names and
// modes.
func emulateExtensions(t *testing.T, env []string, modes map[string]os.FileMode) *emulator {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "extensions")
	if err := os.MkdirAll(filepath.Join(dir, "a folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(self(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, mode := range modes {
		if err := os.WriteFile(filepath.Join(dir, name), b, mode); err != nil {
			t.Fatal(err)
		}
	}
	addr := free(t)
	return begin(t, addr, env, exec.Command(self(t), append([]string{"as-rie-with-extensions", dir, addr}, function(t)...)...))
}

// TestExtensions launches the programs of the extensions' folder, waits for
// them, and tells them of the end.
func TestExtensions(t *testing.T) {
	e := emulateExtensions(t, nil, map[string]os.FileMode{"one": 0o755, "two": 0o755})
	for range 2 {
		_, _, log := e.post(`{}`)
		_, rest, _ := strings.Cut(log, "\tDuration: ")
		duration, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
		if err != nil || duration < 20 {
			t.Errorf("log %q", log)
		}
		if _, rest, ok := strings.Cut(log, "\tInit Duration: "); ok {
			if init, err := strconv.ParseFloat(strings.Fields(rest)[0], 64); err != nil || init < 20 {
				t.Errorf("log %q", log)
			}
		}
	}
	if got := strings.Count(e.out.String(), `extension got {"eventType":"INVOKE"`); got != 4 {
		t.Errorf("%d events in\n%s", got, e.out)
	}
	if err := e.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-e.done
	if got := strings.Count(e.out.String(), `extension got {"eventType":"SHUTDOWN"`); got != 2 {
		t.Errorf("%d times told of the end in\n%s", got, e.out)
	}
}

// TestRuntimeAwaitsExtensions: the runtime finds what an extension made before
// it registered.
func TestRuntimeAwaitsExtensions(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "mark")
	e := emulateExtensions(t, []string{"RIE_TEST_EXTENSION=mark", "RIE_TEST_MARK=" + mark}, map[string]os.FileMode{"one": 0o755})
	_, _, log := e.post(`{}`)
	_, rest, _ := strings.Cut(log, "\tInit Duration: ")
	if init, err := strconv.ParseFloat(strings.SplitN(rest, " ", 2)[0], 64); err != nil || init < 100 {
		t.Errorf("log %q", log)
	}
	if out := e.out.String(); !strings.Contains(out, "mark found: true\n") {
		t.Errorf("the runtime was started too early:\n%s", out)
	}
}

// TestExtensionsThatFail: the end of an extension is the answer to the
// invocation, at once: the function's timeout is five minutes.
func TestExtensionsThatFail(t *testing.T) {
	for _, c := range []struct {
		todo       string
		mode       os.FileMode
		kind, text string
	}{
		{"exit", 0o755, "Extension.Crash", "exit status 7"},
		{"exit in event", 0o755, "Extension.Crash", "exit status 7"},
		{"", 0o644, "Extension.LaunchError", "permission denied"},
	} {
		t.Run(c.todo, func(t *testing.T) {
			e := emulateExtensions(t, []string{"RIE_TEST_EXTENSION=" + c.todo}, map[string]os.FileMode{"one": c.mode})
			resp, body, log := e.post(`{"do":"hang"}`)
			if !strings.HasPrefix(body, `{"errorType":"`+c.kind+`","errorMessage":"RequestId: `) || !strings.HasSuffix(body, c.text+`"}`) {
				t.Errorf("%v %s", resp.Status, body)
			}
			if !strings.Contains(log, "\tStatus: error\tError Type: "+c.kind) {
				t.Errorf("log %q", log)
			}
		})
	}
}

// TestKillWithoutRuntime: Done is closed, too, if the runtime was not started.
func TestKillWithoutRuntime(t *testing.T) {
	for _, extensions := range []bool{false, true} {
		folder := t.TempDir()
		if extensions { // one that can't be started, so that nothing runs
			if err := os.WriteFile(filepath.Join(folder, "one"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		// Without its goroutine: nothing but this test's own children may be reaped.
		r := &reaper{children: map[int]func(syscall.WaitStatus){}, reaped: make(chan struct{})}
		l := &launcher{command: []string{"/no/such/program"}, folder: folder, out: newOutput(io.Discard), reaper: r}
		p, err := l.Launch(t.Context(), runtimeapi.PhaseInit)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Exec(t.Context()); errors.Is(err, runtimeapi.ErrInvalidEntrypoint) == extensions {
			t.Errorf("extensions %v: %v", extensions, err)
		}
		p.Kill()
		p.Kill()
		select {
		case <-p.Done():
		default:
			t.Errorf("extensions %v: killed, and not done", extensions)
		}
	}
}

// TestStart refuses settings that are none, before anything is started.
func TestStart(t *testing.T) {
	for _, c := range []struct {
		env, args []string
		code      int
		text      string
	}{
		{[]string{"AWS_LAMBDA_FUNCTION_TIMEOUT=2.5"}, []string{"/bin/true"}, 2, `rie: AWS_LAMBDA_FUNCTION_TIMEOUT="2.5": a whole number from 1 to 86400 is needed` + "\n"},
		{[]string{"AWS_LAMBDA_FUNCTION_TIMEOUT=0"}, []string{"/bin/true"}, 2, `rie: AWS_LAMBDA_FUNCTION_TIMEOUT="0": a whole number from 1 to 86400 is needed` + "\n"},
		{[]string{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=lots"}, []string{"/bin/true"}, 2, `rie: AWS_LAMBDA_FUNCTION_MEMORY_SIZE="lots": a whole number from 1 to 1048576 is needed` + "\n"},
		{nil, []string{"--listen", "nowhere", "/bin/true"}, 1, "rie: listening for invocations: listen tcp: address nowhere: missing port in address\n"},
		{nil, []string{"--listen", "127.0.0.1:0", "--runtime-api-address", "nowhere", "/bin/true"}, 1, "rie: listening for the runtime: listen tcp: address nowhere: missing port in address\n"},
		{nil, []string{"--no-such-flag"}, 2, "flag provided but not defined: -no-such-flag\n"},
	} {
		var out, err bytes.Buffer
		if code := run(t.Context(), c.args, c.env, &out, &err); code != c.code || !strings.HasPrefix(err.String(), c.text) || out.Len() > 0 {
			t.Errorf("%v %v: code %d, stderr %q", c.env, c.args, code, err.String())
		}
	}
	var err bytes.Buffer
	if code := run(t.Context(), []string{"--help"}, nil, io.Discard, &err); code != 0 || !strings.Contains(err.String(), "-listen HOST:PORT") {
		t.Errorf("--help: code %d, %q", code, err.String())
	}
}
