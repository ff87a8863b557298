package awslambda

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/awssim"
	"coldbench/bench/internal/awssim/awssimtest"
	"coldbench/bench/internal/coldstart"
)

// inventory looks at one function and returns what is wrong with it or with the
// account.
func inventory(e *awssimtest.Endpoint, c *Client, name string) error {
	ref, err := ParseRef(name, "")
	if err != nil {
		return err
	}
	s, err := c.Inventory(context.Background(), []Ref{ref})
	if err != nil {
		return err
	}
	if err := s.Errors[ref]; err != nil {
		return err
	}
	return c.Begin(s, Setup{Strategy: coldstart.StrategyConfigUpdate}).Check(s.Functions[ref], coldstart.Config{Variant: "v", MemoryMB: 512, Arch: "amd64"}, nil)
}

// What is wrong is said before anything is changed or invoked, with the way to
// mend it, and without naming the account.
func TestPreflightRefuses(t *testing.T) {
	zero := 0
	is := func(change func(f *awssim.Function)) func(*awssimtest.Endpoint) {
		return func(e *awssimtest.Endpoint) { e.Deploy("one", change) }
	}
	shows := func(member string, value any) func(*awssimtest.Endpoint) {
		return func(e *awssimtest.Endpoint) { e.Shows(map[string]any{member: value}) }
	}
	for _, c := range []struct {
		name        string
		function    string
		change      func(e *awssimtest.Endpoint)
		fault       func(string, int, http.ResponseWriter, *http.Request) bool
		error, hint string
	}{
		{"no such function", "two", nil, nil, "two is not deployed in us-east-1", "make deploy"},
		{"no such version", "one:9", nil, nil, "one:9 is not deployed", "make deploy"},
		{"being updated", "", shows("LastUpdateStatus", "InProgress"), nil, "one is being updated", "wait"},
		{"being created", "", is(func(f *awssim.Function) { f.State = "Pending" }), nil, "being created", "wait"},
		{"failed", "", is(func(f *awssim.Function) { f.State = "Failed" }), nil, "one has failed", "deploy it again"},
		{"being deleted", "", shows("State", "Deleting"), nil, "its state is Deleting", ""},
		{"architecture", "", is(func(f *awssim.Function) { f.Arch = "arm64" }), nil, "architecture arm64, not amd64", "--arch arm64"},
		{"reserved concurrency 0", "", is(func(f *awssim.Function) { f.Reserved = &zero }), nil, "concurrency is 0", "delete-function-concurrency"},
		{"json at warn", "", is(func(f *awssim.Function) { f.LogFormat, f.SystemLogLevel = "JSON", "WARN" }), nil, "hides REPORT", "SystemLogLevel=INFO"},
		{"key not ours", "", shows("Environment", map[string]any{"Error": map[string]string{"ErrorCode": "AccessDeniedException", "Message": "no"}}), nil, "would wipe them", "kms:Decrypt"},
		{"environment full", "", is(func(f *awssim.Function) { f.Env["BIG"] = strings.Repeat("x", 4060) }), nil, "of 4096 bytes", "shorten"},
		{"token there", "", is(func(f *awssim.Function) { f.Env[TokenKey] = "mine" }), nil, "has a variable BENCH_TOKEN already", "take it off"},
		{"nobody", "", nil, awssimtest.Refusing("GetCallerIdentity", 403, "InvalidClientTokenId", "The security token included in the request is invalid."), "InvalidClientTokenId", "log in again"},
		{"expired", "", nil, awssimtest.Refusing("GetCallerIdentity", 403, "ExpiredToken", "The security token included in the request is expired"), "ExpiredToken", "log in again"},
		{"expired later", "", nil, awssimtest.Refusing("GetFunction", 403, "ExpiredTokenException", "The security token included in the request is expired"), "ExpiredToken", "log in again"},
		{"may not look", "", nil, awssimtest.Refusing("GetFunction", 403, "AccessDeniedException", "User: arn:aws:iam::123456789012:user/someone is not authorized to perform: lambda:GetFunction on resource: arn:aws:lambda:us-east-1:123456789012:function:one"), "no permission for lambda:GetFunction", Policy},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := awssimtest.Serve(t, "one")
			if c.change != nil {
				c.change(e)
			}
			e.Fault = c.fault
			client := connect(t, e)
			client.rehearsal = "" // AWS itself lacks nothing
			err := inventory(e, client, cmp.Or(c.function, "one"))
			if err == nil || !strings.Contains(err.Error(), c.error) || !strings.Contains(advice.HintOf(err), c.hint) {
				t.Errorf("%v (hint %q), want %q (hint %q)", err, advice.HintOf(err), c.error, c.hint)
			}
			if s := fmt.Sprint(err, advice.HintOf(err)); strings.Contains(s, "123456789012") || strings.Contains(s, awssim.Account) || strings.Contains(s, "someone") {
				t.Errorf("it names the account or the user: %s", s)
			}
			if n := e.Counts["UpdateFunctionConfiguration"] + e.Counts["Invoke"] + e.Counts["DryRun"]; n != 0 {
				t.Errorf("%d updates and invocations: %q", n, e.Calls)
			}
			if files, _ := os.ReadDir(client.o.JournalDir); len(files) != 0 {
				t.Errorf("%d journals", len(files))
			}
		})
	}
}

func TestNoRegionAndNoCredentials(t *testing.T) {
	for _, k := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE"} {
		t.Setenv(k, "")
		os.Unsetenv(k)
	}
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	if _, err := Connect(t.Context(), Options{}); err == nil || !strings.Contains(err.Error(), "no region") || !strings.Contains(advice.HintOf(err), "--region") {
		t.Errorf("without a region: %v", err)
	}
	if _, err := Connect(t.Context(), Options{Profile: "none"}); err == nil || !strings.Contains(advice.HintOf(err), "--profile") {
		t.Errorf("with a profile that is not there: %v", err)
	}
	e := awssimtest.Serve(t, "one")
	t.Setenv("AWS_ENDPOINT_URL", e.URL)
	c, err := Connect(t.Context(), Options{Region: "eu-west-1"})
	if err != nil {
		t.Fatal(err)
	}
	if want := "endpoint " + strings.TrimPrefix(e.URL, "http://") + ", not AWS"; c.Rehearsal() != want {
		t.Errorf("rehearsal %q, want %q", c.Rehearsal(), want)
	}
	c.rehearsal = ""
	if _, err := c.Inventory(t.Context(), nil); err == nil || !strings.Contains(advice.HintOf(err), "log in again") {
		t.Errorf("without credentials: %v, hint %q", err, advice.HintOf(err))
	}
	if len(e.Calls) != 0 {
		t.Errorf("calls %q", e.Calls)
	}
}

// The SDK's own endpoint is AWS, however it was named.
func TestWhatIsAWS(t *testing.T) {
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	for url, want := range map[string]string{
		"":                                       "",
		"https://lambda.eu-west-1.amazonaws.com": "",
		"http://lambda.eu-west-1.amazonaws.com":  "endpoint lambda.eu-west-1.amazonaws.com, not AWS",
		"http://127.0.0.1:4566":                  "endpoint 127.0.0.1:4566, not AWS",
		"https://lambda.us-east-1.amazonaws.com": "endpoint lambda.us-east-1.amazonaws.com, not AWS",
	} {
		t.Setenv("AWS_ENDPOINT_URL", url)
		c, err := Connect(t.Context(), Options{Region: "eu-west-1"})
		if err != nil {
			t.Fatal(err)
		}
		if c.Rehearsal() != want {
			t.Errorf("%q: %q, want %q", url, c.Rehearsal(), want)
		}
	}
}

// A function that does not answer well is a failure with its reason, never a
// sample.
func TestFunctionsThatFail(t *testing.T) {
	for _, c := range []struct {
		name, payload, functionError, status, errorType string
		want                                            coldstart.Reason
	}{
		{"handler error", `{"errorMessage":"boom","errorType":"errorString"}`, "Unhandled", "", "", coldstart.ReasonResponse},
		{"old timeout", `{"errorMessage":"2024-03-04T17:22:38.033Z b70435cc Task timed out after 3.00 seconds"}`, "Unhandled", "", "", coldstart.ReasonTimeout},
		{"new timeout", `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: x Error: Task timed out after 3.00 seconds"}`, "Unhandled", "timeout", "", coldstart.ReasonTimeout},
		{"out of memory", `{"errorType":"Runtime.OutOfMemory","errorMessage":"signal: killed"}`, "Unhandled", "error", "Runtime.OutOfMemory", coldstart.ReasonOutOfMemory},
		{"exit", `{"errorType":"Runtime.ExitError","errorMessage":"exit status 3"}`, "Unhandled", "error", "Runtime.ExitError", coldstart.ReasonExit},
		{"entrypoint", `{"errorType":"Runtime.InvalidEntrypoint","errorMessage":"no such file"}`, "Unhandled", "error", "Runtime.InvalidEntrypoint", coldstart.ReasonInit},
		{"extension", `{"errorType":"Extension.Crash","errorMessage":"RequestId: x Error: exit status 3"}`, "Unhandled", "error", "Extension.Crash", coldstart.ReasonExit},
		{"status alone", "", "", "error", "Runtime.ExitError", coldstart.ReasonExit},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := awssimtest.Serve(t, "one")
			e.Engine.Handle = func(awssimtest.Event) awssimtest.Answer {
				return awssimtest.Answer{Payload: c.payload, Error: c.functionError, Status: c.status, ErrorType: c.errorType}
			}
			k, targets := open(t, e, connect(t, e), Setup{Strategy: coldstart.StrategyConfigUpdate}, "one")
			env, _, err := targets[0].Start(t.Context())
			var f *coldstart.InvocationError
			if env != nil || !errors.As(err, &f) || f.Reason != c.want || f.Report == "" || f.Output == "" {
				t.Fatalf("%v, %+v; want %s", err, f, c.want)
			}
			if err := k.Close(); err != nil || e.Function("one").Variables[TokenKey] != "" {
				t.Errorf("not restored: %v", err)
			}
		})
	}
}

// Refused invocations are sent once, said to be refused, and the next one waits.
func TestRefusedInvocationsAreRejects(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	e.Fault = func(op string, n int, w http.ResponseWriter, r *http.Request) bool {
		if op != "Invoke" || n > 3 {
			return false
		}
		switch n {
		case 1:
			w.Header().Set("X-Amzn-Errortype", "TooManyRequestsException")
			awssimtest.Reply(w, 429, map[string]string{"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "message": "Rate Exceeded.", "Type": "User"})
		case 2:
			awssimtest.Refuse(w, 502, "ENILimitReachedException", "no more interfaces")
		case 3:
			panic(http.ErrAbortHandler) // the connection is reset
		}
		return true
	}
	_, targets := open(t, e, connect(t, e), Setup{Strategy: coldstart.StrategyConfigUpdate}, "one")
	for i, want := range []struct {
		reason coldstart.ProofReason
		detail string
	}{
		{"throttled", "ReservedFunctionConcurrentInvocationLimitExceeded"}, {"unavailable", "ENILimitReachedException"}, {"unavailable", ""},
	} {
		_, _, err := targets[0].Start(t.Context())
		var np *coldstart.ProofError
		if !errors.As(err, &np) || np.Reason != want.reason || !strings.Contains(np.Detail, want.detail) {
			t.Fatalf("start %d: %v, want %s", i, err, want.reason)
		}
	}
	_, s, err := targets[0].Start(t.Context())
	if err != nil || s.Class != coldstart.ClassCold {
		t.Fatalf("%+v, %v", s, err)
	}
	// After the first refusal nothing had run: no new update was needed.
	if n := e.Counts["UpdateFunctionConfiguration"]; n != 3 {
		t.Errorf("%d updates, want 3", n)
	}
	if n := e.Counts["Invoke"]; n != 4 {
		t.Errorf("%d invocations were sent, want 4", n)
	}
}

// Updates whose answers are lost, or that are refused for a while, are made once
// and put back.
func TestUpdatesSurviveFaults(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	before := maps.Clone(e.Function("one").Variables)
	e.Fault = func(op string, n int, w http.ResponseWriter, r *http.Request) bool {
		switch {
		case op == "UpdateFunctionConfiguration" && n == 1, op == "GetFunction" && n == 3:
			awssimtest.Refuse(w, 429, "TooManyRequestsException", "Rate exceeded")
		case op == "UpdateFunctionConfiguration" && n == 3:
			awssimtest.Refuse(w, 500, "ServiceException", "internal")
		default:
			return false
		}
		return true
	}
	k, targets := open(t, e, connect(t, e), Setup{Strategy: coldstart.StrategyConfigUpdate}, "one")
	for range 2 {
		if _, _, err := targets[0].Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.Close(); err != nil || !maps.Equal(e.Function("one").Variables, before) {
		t.Errorf("%v, %v", e.Function("one").Variables, err)
	}
	if w := k.Warnings(); !slices.ContainsFunc(w, func(s string) bool {
		return strings.HasPrefix(s, "UpdateFunctionConfiguration: 1 of ") && strings.HasSuffix(s, " calls refused for their rate, 1 by the server; they were tried again")
	}) {
		t.Errorf("warnings %q", w)
	}
}

// An update whose answer is lost was made: it must not be taken for somebody
// else's.
func TestALostAnswerIsNotSomebodyElse(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	k, targets := open(t, e, connect(t, e), Setup{Strategy: coldstart.StrategyConfigUpdate}, "one")
	e.Fault = func(op string, n int, w http.ResponseWriter, r *http.Request) bool {
		if op == "UpdateFunctionConfiguration" && n == 1 {
			e.Sim.ServeHTTP(httptest.NewRecorder(), r) // it is made
			panic(http.ErrAbortHandler)
		}
		return false
	}
	_, s, err := targets[0].Start(t.Context())
	if err != nil || !slices.Contains(s.Proof, "token") {
		t.Fatalf("%+v, %v", s, err)
	}
	if err := k.Close(); err != nil || e.Function("one").Variables[TokenKey] != "" {
		t.Errorf("not restored: %v", err)
	}
}

// An update that never ends is given up on, with its function's name.
func TestAnUpdateThatNeverEnds(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	c := connect(t, e)
	c.o.Patience = 300 * time.Millisecond
	_, targets := open(t, e, c, Setup{Strategy: coldstart.StrategyConfigUpdate}, "one")
	slowUpdates(e, 1<<30)
	_, _, err := targets[0].Start(t.Context())
	var f *coldstart.InvocationError
	if !errors.As(err, &f) || f.Reason != coldstart.ReasonEngine || !strings.Contains(err.Error(), "still in progress") {
		t.Errorf("%v", err)
	}
	e.Mu.Lock()
	e.Edit = nil
	e.Mu.Unlock()
}

// One that ends at once, and one whose status the endpoint does not know.
func TestUpdatesThatEndAtOnce(t *testing.T) {
	for _, status := range []string{"Successful", ""} {
		e := awssimtest.Serve(t, "one")
		k, targets := open(t, e, connect(t, e), Setup{Strategy: coldstart.StrategyConfigUpdate}, "one")
		e.Shows(map[string]any{"LastUpdateStatus": status})
		for range 2 {
			if _, _, err := targets[0].Start(t.Context()); err != nil {
				t.Errorf("status %q: %v", status, err)
			}
		}
		if err := k.Close(); err != nil {
			t.Errorf("status %q: %v", status, err)
		}
	}
}

// An endpoint that takes a request and never answers holds nobody up.
func TestEndpointsThatNeverAnswer(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	end := make(chan struct{})
	defer close(end)
	e.Fault = func(op string, n int, _ http.ResponseWriter, _ *http.Request) bool {
		if op == "Invoke" && n == 1 || op == "UpdateFunctionConfiguration" && n == 1 {
			<-end
			return true
		}
		return false
	}
	c := connect(t, e)
	c.counter.deadline, c.beyond = 200*time.Millisecond, 100*time.Millisecond
	e.Shows(map[string]any{"Timeout": 0})
	_, targets := open(t, e, c, Setup{Strategy: coldstart.StrategyConfigUpdate}, "one")
	_, _, err := targets[0].Start(t.Context())
	if np := reject(t, err, "unavailable"); !strings.Contains(np.Detail, "no answer after") {
		t.Errorf("%v", np)
	}
	if _, _, err := targets[0].Start(t.Context()); err != nil {
		t.Error(err)
	}
}
