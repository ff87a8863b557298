package awssim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"coldbench/bench/internal/awssim"
	"coldbench/bench/internal/awssim/awssimtest"
)

// publish makes version 1 of a function.
func (w *world) publish(name string) {
	w.t.Helper()
	if _, err := w.lambda.PublishVersion(w.t.Context(), &lambda.PublishVersionInput{FunctionName: aws.String(name)}); err != nil {
		w.t.Fatal(err)
	}
	eventually(w.t, "a published version", func() bool {
		out, err := w.lambda.GetFunction(w.t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String(name), Qualifier: aws.String("1")})
		return err == nil && out.Configuration.State == types.StateActive
	})
}

// One invocation more may be served by an environment of before an update.
func TestStaleEnvironments(t *testing.T) {
	w := newWorld(t, awssim.Options{Engine: newToys(), Faults: awssim.Faults{Stale: 1}})
	w.deploy("f", awssim.Function{})
	w.invoke("f")
	for i := range 2 {
		w.update("f", map[string]string{"KEY": fmt.Sprint(i)})
		w.updated("f")
		if got := w.invoke("f"); got.Instance != i+1 || got.Variables["KEY"] == fmt.Sprint(i) || got.report.Cold() {
			t.Errorf("after update %d: %+v", i, got)
		}
		if got := w.invoke("f"); got.Instance != i+2 || got.Variables["KEY"] != fmt.Sprint(i) || !got.report.Cold() {
			t.Errorf("then: %+v", got)
		}
	}
	if n := w.server.Stats(); n.Faults["stale"] != 2 || n.Environments != 1 {
		t.Errorf("%+v", n)
	}
}

// An environment that is initialized in an update serves the first invocation
// after it, whose report holds the init all the same.
func TestInitializedAhead(t *testing.T) {
	c, e := newClock(), newToys()
	w := newWorld(t, awssim.Options{Engine: e, Clock: c.Now, Faults: awssim.Faults{Ahead: 1}})
	w.deploy("f", awssim.Function{})
	w.update("f", map[string]string{"KEY": "new"})
	eventually(t, "an environment ahead", func() bool { return e.Open() == 1 })
	w.get("f")
	c.add(1499 * time.Millisecond)
	if s := w.get("f").LastUpdateStatus; s != types.LastUpdateStatusInProgress {
		t.Errorf("status %s in less than 1.5 s", s)
	}
	c.add(time.Millisecond)
	w.updated("f")
	got := w.invoke("f")
	if got.Instance != 1 || got.Count != 1 || got.Variables["KEY"] != "new" || got.report.Metrics.InitDurationMs == nil || *got.report.Metrics.BilledDurationMs != 4 {
		t.Errorf("%+v\n%s", got, got.tail)
	}
	if n := w.server.Stats(); n.Cold != 1 || n.Warm != 1 || n.Faults["ahead"] != 1 {
		t.Errorf("%+v", n)
	}
	// One that nobody ever asks for.
	w.update("f", nil)
	eventually(t, "an environment ahead", func() bool { return e.Open() == 2 })
	if _, err := w.lambda.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String("f")}); err != nil {
		t.Fatal(err)
	}
}

// Environments of provisioned concurrency stand ready and do not expire.
func TestProvisionedConcurrency(t *testing.T) {
	c, e := newClock(), newToys()
	w := newWorld(t, awssim.Options{Engine: e, Clock: c.Now, Ingestion: -1})
	w.deploy("f", awssim.Function{PackageType: "Zip"})
	c.add(time.Second)
	if _, err := w.lambda.PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: aws.String("f")}); err != nil {
		t.Fatal(err)
	}
	c.add(time.Second)
	get := func() (*lambda.GetProvisionedConcurrencyConfigOutput, error) {
		return w.lambda.GetProvisionedConcurrencyConfig(t.Context(), &lambda.GetProvisionedConcurrencyConfigInput{FunctionName: aws.String("f"), Qualifier: aws.String("1")})
	}
	put := func(qualifier string, n int32) error {
		_, err := w.lambda.PutProvisionedConcurrencyConfig(t.Context(), &lambda.PutProvisionedConcurrencyConfigInput{
			FunctionName: aws.String("f"), Qualifier: aws.String(qualifier), ProvisionedConcurrentExecutions: aws.Int32(n),
		})
		return err
	}
	_, err := get()
	refused(t, err, 404, "ProvisionedConcurrencyConfigNotFoundException")
	refused(t, put("$LATEST", 1), 400, "InvalidParameterValueException")
	refused(t, put("1", 5000), 400, "InvalidParameterValueException")
	if err := put("1", 2); err != nil {
		t.Fatal(err)
	}
	eventually(t, "two environments that stand ready", func() bool {
		out, err := get()
		return err == nil && out.Status == types.ProvisionedConcurrencyStatusEnumReady && aws.ToInt32(out.AvailableProvisionedConcurrentExecutions) == 2
	})
	c.add(time.Hour)
	got := w.invoke("f", qualified("1"))
	if got.Count != 1 || got.report.Metrics.InitDurationMs == nil || w.server.Stats().Cold != 2 {
		t.Errorf("%+v\n%s", got, got.tail)
	}
	if n := len(w.filter("/aws/lambda/f", `"INIT_REPORT"`)); n != 2 {
		t.Errorf("%d lines of their init", n)
	}
	if _, err := w.lambda.DeleteProvisionedConcurrencyConfig(t.Context(), &lambda.DeleteProvisionedConcurrencyConfigInput{FunctionName: aws.String("f"), Qualifier: aws.String("1")}); err != nil {
		t.Fatal(err)
	}
	_, err = get()
	refused(t, err, 404, "ProvisionedConcurrencyConfigNotFoundException")
	c.add(time.Hour)
	eventually(t, "none", func() bool { return w.server.Stats().Environments == 0 })
}

// Published versions with SnapStart are restored: what is billed is the started
// milliseconds of Duration and Billed Restore Duration together.
func TestSnapStart(t *testing.T) {
	for _, format := range []string{"Text", "JSON"} {
		w := newWorld(t, awssim.Options{Engine: newToys()})
		w.deploy("f", awssim.Function{PackageType: "Zip", SnapStart: true, LogFormat: format})
		w.publish("f")
		if s := w.get("f").SnapStart; s.ApplyOn != types.SnapStartApplyOnPublishedVersions || s.OptimizationStatus != types.SnapStartOptimizationStatusOff {
			t.Errorf("%+v", s)
		}
		if got := w.invoke("f"); got.report.Metrics.InitDurationMs == nil || got.report.Metrics.RestoreDurationMs != nil {
			t.Errorf("$LATEST: %s", got.tail)
		}
		got := w.invoke("f", qualified("1"))
		m := got.report.Metrics
		if m.InitDurationMs != nil || m.RestoreDurationMs == nil || *m.BilledRestoreDurationMs != 3 || *m.BilledDurationMs != 5 {
			t.Errorf("%s", got.tail)
		}
		want := []string{"RESTORE_START Runtime Version: provided:al2023.v0", "RESTORE_REPORT Restore Duration: 2.35 ms", "Restore Duration: 2.35 ms\tBilled Restore Duration: 3 ms"}
		if format == "JSON" {
			want = []string{"platform.restoreStart", "platform.restoreReport", `"restoreDurationMs":2.346,"billedRestoreDurationMs":3`}
		}
		for _, text := range want {
			if !strings.Contains(got.tail, text) {
				t.Errorf("%q is not in\n%s", text, got.tail)
			}
		}
		if got := w.invoke("f", qualified("1")); got.report.Cold() || strings.Contains(got.tail, "RESTORE") {
			t.Errorf("warm: %s", got.tail)
		}
	}
	s, err := awssim.New(awssim.Options{Engine: newToys()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Deploy("f", img, awssim.Function{State: "Gone"}); err == nil {
		t.Error("a state that there is not")
	}
}

// What is pending or has failed says so and can't be invoked.
func TestStates(t *testing.T) {
	for _, state := range []types.State{types.StatePending, types.StateFailed} {
		w := newWorld(t, awssim.Options{Engine: newToys()})
		w.deploy("f", awssim.Function{State: string(state)})
		if c := w.get("f"); c.State != state || aws.ToString(c.StateReason) == "" || c.StateReasonCode == "" {
			t.Errorf("%+v", c)
		}
		_, err := w.try("f")
		refused(t, err, 409, "ResourceConflictException")
	}
}

// An alias may stand for two versions.
func TestWeightedAliases(t *testing.T) {
	w := newWorld(t, awssim.Options{Engine: newToys()})
	w.deploy("f", awssim.Function{})
	w.publish("f")
	w.update("f", map[string]string{"KEY": "second"})
	w.updated("f")
	if _, err := w.lambda.PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: aws.String("f")}); err != nil {
		t.Fatal(err)
	}
	make := func(name string, weights map[string]float64) error {
		_, err := w.lambda.CreateAlias(t.Context(), &lambda.CreateAliasInput{
			FunctionName: aws.String("f"), Name: aws.String(name), FunctionVersion: aws.String("1"), RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: weights},
		})
		return err
	}
	for _, bad := range []map[string]float64{{"3": 0.5}, {"2": 1.5}, {"2": 0.1, "1": 0.1}} {
		refused(t, make("bad", bad), 400, "InvalidParameterValueException")
	}
	if err := make("live", map[string]float64{"2": 0.5}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both versions", func() bool {
		_, err := w.try("f", qualified("2"))
		return err == nil
	})
	versions := map[string]int{}
	for range 40 {
		versions[w.invoke("f", qualified("live")).version]++
	}
	if versions["1"] < 8 || versions["2"] < 8 || versions["1"]+versions["2"] != 40 {
		t.Errorf("versions %v", versions)
	}
	a, err := w.lambda.UpdateAlias(t.Context(), &lambda.UpdateAliasInput{FunctionName: aws.String("f"), Name: aws.String("live"), RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{}}})
	if err != nil || a.RoutingConfig != nil {
		t.Errorf("%+v, %v", a, err)
	}
	for range 5 {
		if v := w.invoke("f", qualified("live")).version; v != "1" {
			t.Errorf("version %s without weights", v)
		}
	}
}

// Everything is of one account: what the function is told, too.
func TestOneAccount(t *testing.T) {
	arn := ""
	e := &awssimtest.Engine{Handle: func(m awssimtest.Event) awssimtest.Answer {
		arn = m.Spec.Function.ARN()
		return awssimtest.Answer{Payload: "{}"}
	}}
	w := newWorld(t, awssim.Options{Engine: e})
	w.deploy("f", awssim.Function{})
	w.invoke("f")
	if want := aws.ToString(w.get("f").FunctionArn); arn != want || !strings.Contains(arn, ":"+awssim.Account+":") {
		t.Errorf("the function is %s, and told %s", want, arn)
	}
}
