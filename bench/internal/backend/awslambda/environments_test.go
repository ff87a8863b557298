package awslambda

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/awssim"
	"coldbench/bench/internal/awssim/awssimtest"
	"coldbench/bench/internal/coldstart"
)

// Environments that Lambda had initialized before they were asked for are cold,
// counted, and without the client's time; those of provisioned concurrency are no
// cold starts at all, and that a function has some is said beforehand.
func TestEnvironmentsInitializedAhead(t *testing.T) {
	for _, provisioned := range []bool{false, true} {
		e := awssimtest.ServeWith(t, awssim.Options{KeepWarm: time.Nanosecond}, "one") // each start is cold
		e.Publish("one", "", "live")
		if provisioned {
			e.Fault = func(op string, _ int, w http.ResponseWriter, _ *http.Request) bool {
				if op != "GetProvisionedConcurrencyConfig" {
					return false
				}
				awssimtest.Reply(w, 200, map[string]any{"Status": "READY", "AllocatedProvisionedConcurrentExecutions": 1})
				return true
			}
		}
		k, targets := open(t, e, connect(t, e), Setup{Strategy: coldstart.StrategyBurst, Concurrency: 2}, "one:live")
		warned := slices.ContainsFunc(k.inventory.Functions[Ref{"one", "live"}].Warnings, func(s string) bool { return strings.Contains(s, "provisioned concurrency") })
		if warned != provisioned {
			t.Errorf("warned of provisioned concurrency: %v", warned)
		}
		_, s, err := targets[0].Start(t.Context()) // one that was made on demand
		if err != nil || s.Phases.ClientMs == nil || slices.Contains(s.Proof, coldstart.ProofProactiveInit) {
			t.Fatalf("%+v, %v", s, err)
		}
		e.Engine.Handle = func(e awssimtest.Event) awssimtest.Answer {
			return awssimtest.Answer{Payload: fmt.Sprintf(`{"instanceId":"i%d","invocation":%d,"processUptimeMs":90000}`, e.Instance, e.Count)}
		}
		_, s, err = targets[0].Start(t.Context())
		counted := slices.ContainsFunc(k.Warnings(), func(s string) bool { return strings.HasPrefix(s, "1 cold starts were initialized by Lambda before") })
		switch {
		case provisioned:
			reject(t, err, "provisioned")
		case err != nil || s.Phases.ClientMs != nil || s.Metrics.InitDurationMs == nil || !slices.Contains(s.Proof, coldstart.ProofProactiveInit) || !counted:
			t.Errorf("%+v, %v, warnings %q", s, err, k.Warnings())
		}
	}
}

// An alias may stand for two versions at a time: what the other one answers is no
// sample.
func TestWeightedAliases(t *testing.T) {
	e := awssimtest.ServeWith(t, awssim.Options{KeepWarm: time.Nanosecond}, "one")
	e.Publish("one", "", "live")
	n := 0
	e.Sent = func(h http.Header, _ string, _ *string) {
		if n++; n == 2 {
			h.Set("X-Amz-Executed-Version", "8")
		}
	}
	_, targets := open(t, e, connect(t, e), Setup{Strategy: coldstart.StrategyBurst, Concurrency: 2}, "one:live")
	for i := range 3 {
		_, s, err := targets[0].Start(t.Context())
		if i == 1 {
			if np := reject(t, err, "wrong-version"); !strings.Contains(np.Detail, "version 8 was executed, not 1") {
				t.Errorf("%v", np)
			}
		} else if err != nil || s.Class != coldstart.ClassCold {
			t.Errorf("%+v, %v", s, err)
		}
	}
}

// An environment of before the update may answer once more: that is no sample,
// and the next update is.
func TestStaleEnvironments(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	_, targets := open(t, e, connect(t, e), Setup{Strategy: coldstart.StrategyConfigUpdate}, "one")
	e.Engine.Handle = func(awssimtest.Event) awssimtest.Answer {
		return awssimtest.Answer{Payload: `{"message":"hello","instanceId":"old","invocation":7,"token":"bench-0000000000000000"}`}
	}
	_, _, err := targets[0].Start(t.Context())
	reject(t, err, "wrong-token")
	e.Engine.Handle = nil
	if _, s, err := targets[0].Start(t.Context()); err != nil || !slices.Contains(s.Proof, "token") || e.Counts["UpdateFunctionConfiguration"] != 2 {
		t.Errorf("%+v, %v, %d updates", s, err, e.Counts["UpdateFunctionConfiguration"])
	}
}

// An update that fails is a failure with Lambda's reason, and what is left of it
// is put back.
func TestUpdatesThatFail(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	failUpdate(e, "UpdateFunctionConfiguration")
	k, targets := open(t, e, connect(t, e), Setup{Strategy: coldstart.StrategyConfigUpdate}, "one")
	_, _, err := targets[0].Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "updating function one: it failed: the image is gone") {
		t.Errorf("%v", err)
	}
	if err := k.Close(); err != nil || e.Function("one").Variables[TokenKey] != "" {
		t.Errorf("not restored: %v, %v", err, e.Function("one").Variables)
	}
}

// Where all of the account's concurrency is reserved, that is said before a
// function is asked to run.
func TestNoConcurrencyLeft(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	e.Fault = func(op string, _ int, w http.ResponseWriter, _ *http.Request) bool {
		if op != "GetAccountSettings" {
			return false
		}
		awssimtest.Reply(w, 200, map[string]any{"AccountLimit": map[string]any{"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 0}})
		return true
	}
	s, err := connect(t, e).Inventory(t.Context(), []Ref{{Name: "one"}})
	if err != nil || !slices.ContainsFunc(s.Warnings, func(w string) bool { return strings.Contains(w, "concurrency is reserved") }) {
		t.Errorf("%+v, %v", s, err)
	}
}
