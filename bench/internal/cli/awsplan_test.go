package cli

import (
	"math"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/backend/awslambda"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/price"
)

func planFor(t *testing.T, region string, change func(p *plan.Plan)) (text string, cost float64) {
	t.Helper()
	for _, k := range []string{"AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_CA_BUNDLE"} {
		t.Setenv(k, "")
	}
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	client, err := awslambda.Connect(t.Context(), awslambda.Options{Region: region})
	if err != nil {
		t.Fatal(err)
	}
	m := awsMeasure{measure: measure{
		out: t.TempDir(), pricing: pricing{table: price.Default()},
		plan: plan.Plan{Runs: 50, WarmRuns: 5, Strategy: "config-update", Parallel: 4, Burst: 50},
	}}
	if change != nil {
		change(&m.plan)
	}
	var targets []awslambda.Target
	inventory := &awslambda.Inventory{Account: awslambda.Account{ARN: "arn:aws:iam::123456789012:user/me", Concurrent: 10, Unreserved: 10}}
	for _, name := range []string{"a", "b"} {
		ref := awslambda.Ref{Name: "p-" + name}
		targets = append(targets, awslambda.Target{
			Selection: awslambda.Selection{Variant: name, Ref: ref},
			Config:    coldstart.Config{Variant: name, MemoryMB: 1024, Arch: "amd64"},
			Facts:     &awslambda.Facts{Ref: ref, MemoryMB: 1024, Arch: "amd64", Timeout: 3 * time.Second, Reserved: -1},
		})
	}
	a := &app{Env: Env{Dir: t.TempDir()}}
	return a.awsPlan(client, inventory, m, targets)
}

// What a run would do on AWS is said before it is done, and what it costs is of
// the region's own prices.
func TestAWSPlan(t *testing.T) {
	text, cost := planFor(t, "us-east-1", nil)
	for _, want := range []string{
		"100 cold starts and 500 warm invocations in us-east-1 as arn:aws:iam::123456789012:user/me", "102 updates of 2 functions by strategy config-update",
		"expected time: about 4m10s", "expected cost: about 0.0051 USD (prices of 20",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	// 100 of 2 s and 500 of 0.2 s at 1 GB, and 600 requests.
	if want := 300*0.0000166667 + 600*0.0000002; math.Abs(cost-want) > 1e-4 {
		t.Errorf("%g USD, want %g", cost, want)
	}
	if text, cost := planFor(t, "xx-nowhere-1", nil); !math.IsNaN(cost) || !strings.Contains(text, "not known") {
		t.Errorf("%g USD in a region without prices\n%s", cost, text)
	}
	text, cost = planFor(t, "us-east-1", func(p *plan.Plan) { p.Strategy, p.Redeploy = "code-update", 10 })
	for _, want := range []string{
		"60 rounds of 2 configs", "10 deployments to each function, of images that it never had: 1 first cold start after each, then 5 of the 50\n",
		"126 updates of 2 functions by strategy code-update", "expected time: about 9m10s", "expected cost: about 0.0058 USD",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	// And 20 first ones of 2 s.
	if want := 340*0.0000166667 + 620*0.0000002; math.Abs(cost-want) > 1e-4 {
		t.Errorf("%g USD, want %g", cost, want)
	}
	text, _ = planFor(t, "us-east-1", func(p *plan.Plan) { p.Strategy, p.WarmRuns = "burst", 0 })
	if !strings.Contains(text, "12 updates of 2 functions by strategy burst") { // five bursts of ten each
		t.Errorf("bursts:\n%s", text)
	}
	text, _ = planFor(t, "us-east-1", func(p *plan.Plan) { p.Strategy = "idle" })
	if !strings.Contains(text, "strategy idle, which changes nothing") {
		t.Errorf("idle:\n%s", text)
	}
}
