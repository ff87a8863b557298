package awslambda

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/awssim/awssimtest"
	"coldbench/bench/internal/coldstart"
)

// start makes one cold start of the function "one".
func start(t *testing.T, e *awssimtest.Endpoint, s Setup) (coldstart.Sample, error) {
	t.Helper()
	_, targets := open(t, e, connect(t, e), s, "one")
	_, sample, err := targets[0].Start(t.Context())
	return sample, err
}

func reject(t *testing.T, err error, reason coldstart.ProofReason) *coldstart.ProofError {
	t.Helper()
	var np *coldstart.ProofError
	if !errors.As(err, &np) || np.Reason != reason {
		t.Fatalf("%v, want a reject: %s", err, reason)
	}
	return np
}

// Answers of endpoints that differ from AWS's, and of AWS on odd days.
func TestReadingOddAnswers(t *testing.T) {
	noLog := func(h http.Header, _ string, _ *string) { h.Del("X-Amz-Log-Result") }
	other := "11111111-1111-4111-8111-111111111111"
	for _, c := range []struct {
		name string
		sent func(h http.Header, id string, report *string)
		want string // init duration, or the reason why there is none
	}{
		{"official emulator's order", func(_ http.Header, id string, r *string) {
			*r = "REPORT RequestId: " + id + "\tInit Duration: 7.50 ms\tDuration: 5.00 ms\tBilled Duration: 5 ms\tMemory Size: 512 MB\tMax Memory Used: 512 MB\t"
		}, "7.5"},
		{"two reports, the last counts", func(_ http.Header, id string, r *string) {
			*r = "REPORT RequestId: " + id + "\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 512 MB\tMax Memory Used: 1 MB\tInit Duration: 1.00 ms\t\n" + *r
		}, "44.1"},
		{"another request's report before it", func(_ http.Header, id string, r *string) {
			*r = strings.ReplaceAll(*r, id, other) + "\n" + *r
		}, "44.1"},
		{"json", func(_ http.Header, id string, r *string) {
			*r = `{"time":"2026-11-24T08:00:00.000Z","type":"platform.report","record":{"requestId":"` + id + `","metrics":{"durationMs":1.642,"billedDurationMs":176,"memorySizeMB":512,"maxMemoryUsedMB":67,"initDurationMs":174.055},"status":"success"}}`
		}, "174.055"},
		{"snapstart", func(_ http.Header, id string, r *string) {
			*r = "REPORT RequestId: " + id + "\tDuration: 6.34 ms\tBilled Duration: 310 ms\tMemory Size: 512 MB\tMax Memory Used: 155 MB\tRestore Duration: 511.25 ms\tBilled Restore Duration: 303 ms\t"
		}, "restored"},
		{"suppressed init", func(_ http.Header, id string, r *string) {
			*r = "INIT_REPORT Init Duration: 10009.13 ms\tPhase: init\tStatus: timeout\nINIT_REPORT Init Duration: 1666.62 ms\tPhase: invoke\n" +
				"REPORT RequestId: " + id + "\tDuration: 1687.96 ms\tBilled Duration: 1688 ms\tMemory Size: 512 MB\tMax Memory Used: 9 MB\t"
		}, "suppressed"},
		{"x-ray on its own line", func(_ http.Header, id string, r *string) {
			*r += "\nXRAY TraceId: 1-5f0a-1\tSegmentId: 1\tSampled: true\t"
		}, "44.1"},
		{"warm", func(_ http.Header, id string, r *string) { *r = strings.Split(*r, "Init Duration")[0] }, "not-cold"},
		{"another request's report alone", func(_ http.Header, id string, r *string) { *r = strings.ReplaceAll(*r, id, other) }, "wrong-request"},
		{"another memory size", func(_ http.Header, id string, r *string) { *r = strings.ReplaceAll(*r, "Size: 512", "Size: 128") }, "wrong-memory"},
		{"another version", func(h http.Header, _ string, _ *string) { h.Set("X-Amz-Executed-Version", "3") }, "wrong-version"},
		{"no request id", func(h http.Header, _ string, _ *string) { h.Del("X-Amzn-Requestid") }, "engine"},
		{"a report that can't be read", func(_ http.Header, id string, r *string) { *r = strings.ReplaceAll(*r, "44.10", "many") }, "engine"},
		{"no log tail", noLog, "44.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := awssimtest.Serve(t, "one")
			e.Sent = c.sent
			s, err := start(t, e, Setup{Strategy: coldstart.StrategyConfigUpdate})
			var np *coldstart.ProofError
			var f *coldstart.InvocationError
			got := ""
			switch {
			case errors.As(err, &np):
				got = string(np.Reason)
			case errors.As(err, &f):
				got = string(f.Reason)
			case err != nil:
				got = err.Error()
			case s.Class == coldstart.ClassSuppressedInit:
				got = "suppressed"
			case s.Metrics.RestoreDurationMs != nil:
				got = "restored"
			case s.Metrics.InitDurationMs != nil:
				got = fmt.Sprint(*s.Metrics.InitDurationMs)
			}
			if got != c.want {
				t.Errorf("%s (%v, %+v), want %s", got, err, s, c.want)
			}
			if err != nil && s.RequestID != "" {
				t.Errorf("an error with a sample: %+v", s)
			}
		})
	}
}

// Without a log tail the REPORT is looked for in CloudWatch Logs: through empty
// pages, late, in the stream of its own environment, up to a deadline.
func TestReadingFromCloudWatchLogs(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	e.Sent = func(h http.Header, _ string, r *string) {
		h.Del("X-Amz-Log-Result")
	}
	asked := 0
	page := func(w http.ResponseWriter, next string, events ...any) bool {
		awssimtest.Reply(w, 200, map[string]any{"events": append([]any{}, events...), "nextToken": next})
		return true
	}
	e.Fault = func(op string, _ int, w http.ResponseWriter, r *http.Request) bool {
		if op != "FilterLogEvents" {
			return false
		}
		asked++
		var in map[string]any
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		switch token := in["nextToken"]; {
		case asked < 3:
			return page(w, "") // not ingested yet
		case token == nil:
			return page(w, "a")
		case token == "a":
			return page(w, "b", map[string]any{"timestamp": 1, "logStreamName": "other",
				"message": "REPORT RequestId: 11111111-1111-4111-8111-111111111111\tDuration: 9.00 ms\tBilled Duration: 9 ms\tMemory Size: 512 MB\tMax Memory Used: 1 MB\tInit Duration: 9.00 ms\t\n"})
		case token == "b":
			delete(in, "nextToken") // the endpoint's own pages follow
		}
		text, _ := json.Marshal(in)
		r.Body = io.NopCloser(bytes.NewReader(text))
		return false
	}
	start := func() (coldstart.Sample, error) {
		_, targets := open(t, e, connect(t, e), Setup{Strategy: coldstart.StrategyConfigUpdate}, "one")
		_, s, err := targets[0].Start(t.Context())
		return s, err
	}
	s, err := start()
	if err != nil || *s.Metrics.InitDurationMs != 44.1 {
		t.Fatalf("%+v, %v", s, err)
	}
	e.Fault = func(op string, _ int, w http.ResponseWriter, _ *http.Request) bool {
		return op == "FilterLogEvents" && page(w, "again") // the token never ends
	}
	if _, err := start(); err == nil || !strings.Contains(err.Error(), "no log tail") || !strings.Contains(err.Error(), "/aws/lambda/one does not show it") {
		t.Errorf("%v", err)
	}
}

func TestNoLogGroup(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	e.Sent = func(h http.Header, _ string, _ *string) { h.Del("X-Amz-Log-Result") }
	e.Fault = awssimtest.Refusing("FilterLogEvents", 400, "ResourceNotFoundException", "The specified log group does not exist.")
	c := connect(t, e)
	c.o.LogPatience = 100 * time.Millisecond
	_, targets := open(t, e, c, Setup{Strategy: coldstart.StrategyConfigUpdate}, "one")
	_, _, err := targets[0].Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "log group /aws/lambda/one does not exist") || !strings.Contains(advice.HintOf(err), "AWSLambdaBasicExecutionRole") {
		t.Errorf("%v, hint %q", err, advice.HintOf(err))
	}
}

// What was not proved cold is no sample: whatever the platform's line says, the
// function's word counts too.
func TestColdnessIsProvedTwice(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	_, targets := open(t, e, connect(t, e), Setup{Strategy: coldstart.StrategyConfigUpdate, Expect: "hello"}, "one")
	payload := func(format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		e.Engine.Handle = func(e awssimtest.Event) awssimtest.Answer {
			return awssimtest.Answer{Payload: strings.ReplaceAll(text, "TOKEN", e.Token())}
		}
	}
	begin := func() error {
		_, _, err := targets[0].Start(t.Context())
		return err
	}
	payload(`{"message":"hello","instanceId":"a","invocation":1,"token":"TOKEN"}`)
	if err := begin(); err != nil {
		t.Fatal(err)
	}
	reject(t, begin(), "not-cold") // the same instance
	payload(`{"message":"hello","instanceId":"b","invocation":2,"token":"TOKEN"}`)
	reject(t, begin(), "not-cold")
	payload(`{"message":"hello","instanceId":"c","invocation":1,"token":"bench-0000000000000000"}`)
	reject(t, begin(), "wrong-token")
	payload(`{"message":"goodbye","instanceId":"d","invocation":1}`)
	var failure *coldstart.InvocationError
	if err := begin(); !errors.As(err, &failure) || failure.Reason != coldstart.ReasonResponse {
		t.Errorf("an unexpected answer: %v", err)
	}
	payload(`"hello"`) // says nothing of itself
	if err := begin(); err != nil {
		t.Error(err)
	}
	payload(`{"message":"hello","instanceId":"e","invocation":1,"token":"TOKEN","processUptimeMs":90000}`)
	_, s, err := targets[0].Start(t.Context())
	if err != nil || s.Phases.ClientMs != nil || s.Proof[len(s.Proof)-1] != coldstart.ProofProactiveInit || s.Metrics.InitDurationMs == nil {
		t.Errorf("an environment that was initialized ahead: %+v, %v", s, err)
	}
}

// A warm invocation has to come from the environment of the cold one.
func TestWarmthIsProved(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	_, targets := open(t, e, connect(t, e), Setup{Strategy: coldstart.StrategyConfigUpdate}, "one")
	says := func(payload string) {
		e.Engine.Handle = func(awssimtest.Event) awssimtest.Answer { return awssimtest.Answer{Payload: payload} }
	}
	env, cold, err := targets[0].Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	said := cold.Function.InstanceID
	says(`{"instanceId":"elsewhere","invocation":2}`)
	_, err = env.Invoke(t.Context())
	reject(t, err, "not-warm")
	says(fmt.Sprintf(`{"instanceId":%q,"invocation":1}`, said))
	_, err = env.Invoke(t.Context())
	reject(t, err, "not-warm")
	e.Sent = func(_ http.Header, _ string, r *string) { *r += "Init Duration: 1.00 ms\t" }
	e.Engine.Handle = nil
	_, err = env.Invoke(t.Context())
	reject(t, err, "not-warm")
	e.Sent = nil
	// Three invocations of it were made since: the function knows.
	s, err := env.Invoke(t.Context())
	if err != nil || s.Invocation != 5 || s.Class != coldstart.ClassWarm {
		t.Errorf("%+v, %v", s, err)
	}
}
