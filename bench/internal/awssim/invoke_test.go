package awssim_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"coldbench/bench/internal/awssim"
	"coldbench/bench/internal/awssim/awssimtest"
)

// An environment is cold once and warm afterwards; the report says so.
func TestColdThenWarm(t *testing.T) {
	w := newWorld(t, awssim.Options{Engine: newToys()})
	w.deploy("f", awssim.Function{MemoryMB: 512})
	cold, warm := w.invoke("f"), w.invoke("f")
	if cold.Instance != 1 || cold.Count != 1 || warm.Instance != 1 || warm.Count != 2 || cold.version != "$LATEST" || cold.Memory != 512 {
		t.Errorf("cold %+v, warm %+v", cold, warm)
	}
	c, m := cold.report.Metrics, warm.report.Metrics
	if c.InitDurationMs == nil || *c.InitDurationMs != 2.35 || *c.DurationMs != 1.23 || *c.BilledDurationMs != 4 || *c.MemorySizeMB != 512 {
		t.Errorf("cold: %s", cold.tail)
	}
	if m.InitDurationMs != nil || m.DurationMs == nil || *m.BilledDurationMs != 2 {
		t.Errorf("warm: %s", warm.tail)
	}
	if lines := strings.Split(cold.tail, "\n"); len(lines) != 4 || !strings.HasPrefix(lines[0], "START ") || !strings.HasPrefix(lines[1], "END ") || !strings.HasSuffix(lines[2], "Init Duration: 2.35 ms\t") {
		t.Errorf("log %q", lines)
	}
	if n := w.server.Stats(); n.Invocations != 2 || n.Served != 2 || n.Cold != 1 || n.Warm != 1 || n.Environments != 1 {
		t.Errorf("%+v", n)
	}
}

// An update is not in force while it is in progress, and then no old environment
// serves any more.
func TestUpdatesDropEnvironments(t *testing.T) {
	c := newClock()
	e := newToys()
	w := newWorld(t, awssim.Options{Engine: e, Clock: c.Now})
	w.deploy("f", awssim.Function{Env: map[string]string{"KEY": "old"}})
	w.invoke("f")
	if out := w.update("f", map[string]string{"KEY": "new"}); out.LastUpdateStatus != types.LastUpdateStatusInProgress || out.Environment.Variables["KEY"] != "new" {
		t.Errorf("%+v", out)
	}
	if got := w.invoke("f"); got.Instance != 1 || got.Variables["KEY"] != "old" {
		t.Errorf("during the update: %+v", got)
	}
	_, err := w.lambda.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f")})
	refused(t, err, 409, "ResourceConflictException")
	if s := w.get("f").LastUpdateStatus; s != types.LastUpdateStatusInProgress {
		t.Errorf("at the first poll: %s", s)
	}
	if s := w.get("f").LastUpdateStatus; s != types.LastUpdateStatusSuccessful {
		t.Errorf("at the second poll: %s", s)
	}
	if got := w.invoke("f"); got.Instance != 2 || got.Count != 1 || got.Variables["KEY"] != "new" || got.report.Metrics.InitDurationMs == nil {
		t.Errorf("after the update: %+v", got)
	}
	eventually(t, "the old environment ends", func() bool { return e.Open() == 1 })
	// Who does not poll waits a second.
	w.update("f", map[string]string{"KEY": "third"})
	c.add(999 * time.Millisecond)
	if got := w.invoke("f"); got.Variables["KEY"] != "new" {
		t.Errorf("too early: %+v", got)
	}
	c.add(time.Millisecond)
	if got := w.invoke("f"); got.Variables["KEY"] != "third" || got.Count != 1 {
		t.Errorf("too late: %+v", got)
	}
}

// An environment that serves while its function is updated ends with its answer.
func TestUpdatesDropEnvironmentsThatServe(t *testing.T) {
	e := newToys()
	entered, leave := make(chan struct{}), make(chan struct{})
	e.Handle = func(awssimtest.Event) awssimtest.Answer {
		entered <- struct{}{}
		<-leave
		return awssimtest.Answer{Payload: "{}"}
	}
	w := newWorld(t, awssim.Options{Engine: e})
	w.deploy("f", awssim.Function{})
	done := make(chan error, 1)
	go func() { _, err := w.try("f"); done <- err }()
	<-entered
	w.update("f", map[string]string{"KEY": "new"})
	w.updated("f")
	if e.Open() != 1 {
		t.Errorf("%d machines while one serves", e.Open())
	}
	close(leave)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	eventually(t, "the environment ends", func() bool { return e.Open() == 0 })
}

func TestEnvironmentsExpire(t *testing.T) {
	c := newClock()
	e := newToys()
	w := newWorld(t, awssim.Options{Engine: e, Clock: c.Now, KeepWarm: time.Minute})
	w.deploy("f", awssim.Function{})
	w.invoke("f")
	c.add(59 * time.Second)
	if got := w.invoke("f"); got.Count != 2 {
		t.Errorf("before it expires: %+v", got)
	}
	c.add(time.Minute)
	if got := w.invoke("f"); got.Instance != 2 || got.Count != 1 {
		t.Errorf("after it has expired: %+v", got)
	}
	// Nobody asks, and it ends all the same.
	c.add(time.Hour)
	eventually(t, "nothing is left", func() bool { return e.Open() == 0 && w.server.Stats().Environments == 0 })
}

// hold is a toy's handler that answers when it is told to.
func hold(e *awssimtest.Engine) (entered, leave chan struct{}) {
	entered, leave = make(chan struct{}, 100), make(chan struct{})
	e.Handle = func(m awssimtest.Event) awssimtest.Answer {
		entered <- struct{}{}
		<-leave
		return awssimtest.Answer{Payload: "{}"}
	}
	return entered, leave
}

// Invocations that overlap have environments of their own, up to the limits.
func TestConcurrency(t *testing.T) {
	two := 2
	for _, c := range []struct {
		name     string
		reserved *int
		reason   types.ThrottleReason
	}{
		{"account", nil, types.ThrottleReasonConcurrentInvocationLimitExceeded},
		{"reserved", &two, types.ThrottleReasonReservedFunctionConcurrentInvocationLimitExceeded},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newToys()
			entered, leave := hold(e)
			w := newWorld(t, awssim.Options{Engine: e, Concurrency: 5})
			w.deploy("f", awssim.Function{Reserved: c.reserved})
			w.deploy("other", awssim.Function{})
			limit := 5
			if c.reserved != nil {
				limit = 2
			}
			var wg sync.WaitGroup
			for range limit {
				wg.Go(func() {
					if _, err := w.try("f"); err != nil {
						t.Error(err)
					}
				})
			}
			for range limit {
				<-entered
			}
			_, err := w.try("f")
			refused(t, err, 429, "TooManyRequestsException")
			var throttled *types.TooManyRequestsException
			if !errors.As(err, &throttled) || throttled.Reason != c.reason || aws.ToString(throttled.RetryAfterSeconds) != "1" {
				t.Errorf("%+v", throttled)
			}
			if c.reserved != nil { // others have what is left
				wg.Go(func() {
					if _, err := w.try("other"); err != nil {
						t.Error(err)
					}
				})
				<-entered
			}
			close(leave)
			wg.Wait()
			n := w.server.Stats()
			if n.Refused != 1 || n.Cold != n.Served || e.Made() != n.Cold {
				t.Errorf("%+v", n)
			}
			// Warm ones are used again, one at a time.
			if w.invoke("f"); w.server.Stats().Cold != n.Cold {
				t.Error("a new environment beside idle ones")
			}
		})
	}
}

// The environment that answered last is used next, and none serves two at once.
func TestWarmEnvironmentsAreUsedOneAtATime(t *testing.T) {
	e := newToys()
	release := []chan struct{}{make(chan struct{}), make(chan struct{})}
	entered := make(chan int, 2)
	e.Handle = func(m awssimtest.Event) awssimtest.Answer {
		if string(m.Payload) == `"wait"` {
			entered <- m.Instance
			<-release[m.Instance-1]
		}
		return awssimtest.Answer{Payload: fmt.Sprintf(`{"instance":%d,"count":%d}`, m.Instance, m.Count)}
	}
	w := newWorld(t, awssim.Options{Engine: e})
	w.deploy("f", awssim.Function{})
	wait := func(in *lambda.InvokeInput) { in.Payload = []byte(`"wait"`) }
	for range 2 {
		answers := make(chan invoked, 2)
		for range 2 {
			go func() {
				got, err := w.try("f", wait)
				if err != nil {
					t.Error(err)
				}
				answers <- got
			}()
		}
		if a, b := <-entered, <-entered; a == b {
			t.Errorf("environment %d serves two", a)
		}
		release[1] <- struct{}{}
		<-answers
		release[0] <- struct{}{}
		<-answers
		if got := w.invoke("f"); got.Instance != 1 {
			t.Errorf("environment %d, and 1 answered last", got.Instance)
		}
	}
	if e.Made() != 2 {
		t.Errorf("%d environments", e.Made())
	}
}

func TestReservedConcurrency(t *testing.T) {
	w := newWorld(t, awssim.Options{Engine: newToys(), Concurrency: 150})
	w.deploy("f", awssim.Function{})
	put := func(n int32) error {
		_, err := w.lambda.PutFunctionConcurrency(t.Context(), &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("f"), ReservedConcurrentExecutions: aws.Int32(n)})
		return err
	}
	refused(t, put(51), 400, "InvalidParameterValueException")
	if err := put(50); err != nil {
		t.Fatal(err)
	}
	settings, err := w.lambda.GetAccountSettings(t.Context(), &lambda.GetAccountSettingsInput{})
	if err != nil || settings.AccountLimit.ConcurrentExecutions != 150 || *settings.AccountLimit.UnreservedConcurrentExecutions != 100 || settings.AccountUsage.FunctionCount != 1 {
		t.Errorf("%+v, %v", settings, err)
	}
	if err := put(0); err != nil {
		t.Fatal(err)
	}
	_, err = w.try("f")
	refused(t, err, 429, "TooManyRequestsException")
	out, err := w.lambda.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("f")})
	if err != nil || out.Concurrency == nil || *out.Concurrency.ReservedConcurrentExecutions != 0 {
		t.Errorf("%+v, %v", out, err)
	}
	if _, err := w.lambda.DeleteFunctionConcurrency(t.Context(), &lambda.DeleteFunctionConcurrencyInput{FunctionName: aws.String("f")}); err != nil {
		t.Fatal(err)
	}
	w.invoke("f")
}

func TestWhatInvokeRefuses(t *testing.T) {
	w := newWorld(t, awssim.Options{Engine: newToys()})
	w.deploy("f", awssim.Function{})
	for _, c := range []struct {
		name   string
		change func(in *lambda.InvokeInput)
		status int
		code   string
	}{
		{"no function", func(in *lambda.InvokeInput) { in.FunctionName = aws.String("g") }, 404, "ResourceNotFoundException"},
		{"no version", qualified("7"), 404, "ResourceNotFoundException"},
		{"no JSON", func(in *lambda.InvokeInput) { in.Payload = []byte("{") }, 400, "InvalidRequestContentException"},
		{"too large", func(in *lambda.InvokeInput) { in.Payload = []byte(`"` + strings.Repeat("x", 6<<20+200) + `"`) }, 413, "RequestTooLargeException"},
		{"too large for later", func(in *lambda.InvokeInput) {
			in.Payload, in.InvocationType = []byte(`"`+strings.Repeat("x", 1<<20)+`"`), types.InvocationTypeEvent
		}, 413, "RequestTooLargeException"},
		{"another type", func(in *lambda.InvokeInput) { in.InvocationType = "Later" }, 400, "InvalidParameterValueException"},
		{"no base64", func(in *lambda.InvokeInput) { in.ClientContext = aws.String("{}") }, 400, "InvalidRequestContentException"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := w.try("f", c.change)
			refused(t, err, c.status, c.code)
		})
	}
	if n := w.server.Stats(); n.Invocations != n.Refused || n.Invocations != 7 || n.Environments != 0 {
		t.Errorf("%+v", n)
	}
}

func TestDryRunRunsNothing(t *testing.T) {
	w := newWorld(t, awssim.Options{Engine: newToys()})
	w.deploy("f", awssim.Function{})
	out, err := w.lambda.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f"), InvocationType: types.InvocationTypeDryRun})
	if err != nil || out.StatusCode != 204 {
		t.Errorf("%+v, %v", out, err)
	}
	if n := w.server.Stats(); n.Invocations != 0 || n.Cold != 0 || n.Calls["DryRun"] != 1 {
		t.Errorf("%+v", n)
	}
}

// An asynchronous invocation that fails is tried twice more, with one request
// ID.
func TestAsynchronousInvocations(t *testing.T) {
	e := newToys()
	attempts := 0
	var mu sync.Mutex
	e.Handle = func(awssimtest.Event) awssimtest.Answer {
		mu.Lock()
		defer mu.Unlock()
		attempts++
		return awssimtest.Answer{Payload: "{}", Error: "Unhandled"}
	}
	w := newWorld(t, awssim.Options{Engine: e, Ingestion: -1})
	w.deploy("f", awssim.Function{})
	out, err := w.lambda.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f"), InvocationType: types.InvocationTypeEvent, Payload: []byte("{}")})
	if err != nil || out.StatusCode != 202 {
		t.Fatalf("%+v, %v", out, err)
	}
	eventually(t, "three attempts", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return attempts == 3
	})
	eventually(t, "two retries are counted", func() bool { return w.server.Stats().Retries == 2 })
	eventually(t, "three reports", func() bool { return len(w.filter("/aws/lambda/f", `"REPORT RequestId"`)) == 3 })
	events := w.filter("/aws/lambda/f", `"REPORT RequestId"`)
	if a, b := events[0], events[2]; (*a.Message)[:60] != (*b.Message)[:60] {
		t.Errorf("%s and %s", *a.Message, *b.Message)
	}
}

// The first invocation of an inactive function fails and wakes it.
func TestInactiveFunctionsWakeUp(t *testing.T) {
	w := newWorld(t, awssim.Options{Engine: newToys()})
	w.deploy("f", awssim.Function{State: "Inactive"})
	if c := w.get("f"); c.State != types.StateInactive || c.StateReasonCode != types.StateReasonCodeIdle {
		t.Errorf("%+v", c)
	}
	for range 2 {
		_, err := w.try("f")
		refused(t, err, 409, "ResourceConflictException")
	}
	if s := w.get("f").State; s != types.StatePending {
		t.Errorf("state %s", s)
	}
	w.updated("f")
	w.invoke("f")
}

// The tail holds the last 4 KB of the invocation's own log, cut wherever.
func TestLogTail(t *testing.T) {
	e := newToys()
	e.Handle = func(m awssimtest.Event) awssimtest.Answer {
		n := 3
		if string(m.Payload) == `"much"` {
			n = 300
		}
		for range n {
			m.Spec.Output("line " + strings.Repeat("x", 95))
		}
		return awssimtest.Answer{Payload: "{}"}
	}
	w := newWorld(t, awssim.Options{Engine: e})
	w.deploy("f", awssim.Function{})
	if got := w.invoke("f"); strings.Count(got.tail, "line ") != 3 || !strings.HasPrefix(got.tail, "START ") {
		t.Errorf("%q", got.tail)
	}
	got := w.invoke("f", func(in *lambda.InvokeInput) { in.Payload = []byte(`"much"`) })
	if len(got.tail) != 4096 || got.report.RequestID == "" || strings.Contains(got.tail, "START") {
		t.Errorf("%d bytes: %q", len(got.tail), got.tail)
	}
	if got := w.invoke("f"); strings.Count(got.tail, "line ") != 3 || strings.Count(got.tail, "REPORT") != 1 {
		t.Errorf("another invocation's log: %q", got.tail)
	}
	if got := w.invoke("f", func(in *lambda.InvokeInput) { in.LogType = types.LogTypeNone }); got.tail != "" {
		t.Errorf("a tail that nobody asked for: %q", got.tail)
	}
}

func TestFunctionErrors(t *testing.T) {
	e := newToys()
	e.Handle = func(awssimtest.Event) awssimtest.Answer {
		return awssimtest.Answer{Payload: `{"errorMessage":"boom"}`, Error: "Unhandled"}
	}
	w := newWorld(t, awssim.Options{Engine: e})
	w.deploy("f", awssim.Function{})
	if got := w.invoke("f"); got.failure != "Unhandled" {
		t.Errorf("%+v", got)
	}
}

// An engine that can't make environments is a server's error and leaves nothing.
func TestBrokenEngine(t *testing.T) {
	e := &awssimtest.Engine{Broken: errors.New("no namespaces")}
	w := newWorld(t, awssim.Options{Engine: e})
	w.deploy("f", awssim.Function{})
	_, err := w.try("f")
	refused(t, err, 500, "ServiceException")
	if n := w.server.Stats(); n.Environments != 0 || n.Refused != 1 {
		t.Errorf("%+v", n)
	}
	e.Broken = nil
	w.invoke("f")
}

// What the platform adds is waited for, is in Init Duration, and is billed once.
func TestLatency(t *testing.T) {
	w := newWorld(t, awssim.Options{Engine: newToys(), Latency: "aws", Seed: 3})
	w.deploy("f", awssim.Function{})
	began := time.Now()
	got := w.invoke("f")
	took := float64(time.Since(began)) / 1e6
	m := got.report.Metrics
	if m.InitDurationMs == nil || *m.InitDurationMs < 20+2.34 || took < *m.InitDurationMs-2.35 {
		t.Fatalf("%v ms: %s", took, got.tail)
	}
	if sum := *m.InitDurationMs + *m.DurationMs; math.Abs(*m.BilledDurationMs-math.Ceil(sum)) > 1 {
		t.Errorf("billed: %s", got.tail)
	}
	if m := w.invoke("f").report.Metrics; m.InitDurationMs != nil || *m.BilledDurationMs != 2 {
		t.Errorf("warm: %+v", m)
	}
	if _, err := awssim.New(awssim.Options{Engine: newToys(), Latency: "mars"}); err == nil {
		t.Error("another latency")
	}
}

// A call that is under way when the rehearsal ends does not hold it up.
func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	e := newToys()
	entered, leave := hold(e)
	w := newWorld(t, awssim.Options{Engine: e})
	w.deploy("f", awssim.Function{})
	done := make(chan error, 1)
	go func() { _, err := w.try("f"); done <- err }()
	<-entered
	closed := make(chan error, 1)
	go func() { closed <- w.server.Close() }()
	close(leave)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	<-done // served or refused: it is answered
	_, err := w.lambda.GetFunction(context.Background(), &lambda.GetFunctionInput{FunctionName: aws.String("f")})
	refused(t, err, 503, "ServiceUnavailableException")
}
