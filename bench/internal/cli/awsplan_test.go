package cli

import (
	"math"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/backend/awslambda"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/runfile"
)

func planFor(t *testing.T, region string, change func(m *awsMeasure)) awsPlan {
	t.Helper()
	for _, k := range []string{"AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_CA_BUNDLE"} {
		t.Setenv(k, "")
	}
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	client, err := awslambda.Connect(t.Context(), awslambda.Options{Region: region})
	if err != nil {
		t.Fatal(err)
	}
	m := awsMeasure{measure: measure{measureFlags: measureFlags{runs: 50, warmRuns: 5, out: t.TempDir()}}, awsFlags: awsFlags{strategy: "config-update", parallel: 4, burst: 50}}
	if change != nil {
		change(&m)
	}
	var configs []awsConfig
	inventory := &awslambda.Inventory{Account: awslambda.Account{ARN: "arn:aws:iam::123456789012:user/me", Concurrent: 10, Unreserved: 10}}
	for _, name := range []string{"a", "b"} {
		configs = append(configs, awsConfig{
			awsWant: awsWant{variant: name, ref: awslambda.Ref{Name: "p-" + name}},
			config:  coldstart.Config{Variant: name, MemoryMB: 1024, Arch: "amd64"},
			facts:   &awslambda.Facts{Ref: awslambda.Ref{Name: "p-" + name}, MemoryMB: 1024, Arch: "amd64", Timeout: 3 * time.Second, Reserved: -1},
		})
	}
	a := &app{Env: Env{Dir: t.TempDir()}}
	return a.awsPlan(client, inventory, m, configs)
}

// What a run would do on AWS is said before it is done, and what it costs is of
// the region's own prices.
func TestAWSPlan(t *testing.T) {
	p := planFor(t, "us-east-1", nil)
	for _, want := range []string{
		"100 cold starts and 500 warm invocations in us-east-1 as arn:aws:iam::123456789012:user/me", "102 updates of 2 functions by strategy config-update",
		"expected time: about 4m10s", "expected cost: about 0.0051 USD (prices of 20",
	} {
		if !strings.Contains(p.text, want) {
			t.Errorf("%q is not in\n%s", want, p.text)
		}
	}
	// 100 of 2 s and 500 of 0.2 s at 1 GB, and 600 requests.
	if want := 300*0.0000166667 + 600*0.0000002; math.Abs(p.dollars-want) > 1e-4 {
		t.Errorf("%g USD, want %g", p.dollars, want)
	}
	if p := planFor(t, "xx-nowhere-1", nil); !math.IsNaN(p.dollars) || !strings.Contains(p.text, "not known") {
		t.Errorf("%g USD in a region without prices\n%s", p.dollars, p.text)
	}
	p = planFor(t, "us-east-1", func(m *awsMeasure) { m.awsFlags.strategy, m.awsFlags.redeploy = "code-update", 10 })
	for _, want := range []string{
		"60 rounds of 2 configs", "10 deployments to each function, of images that it never had: 1 first cold start after each, then 5 of the 50\n",
		"126 updates of 2 functions by strategy code-update", "expected time: about 9m10s", "expected cost: about 0.0058 USD",
	} {
		if !strings.Contains(p.text, want) {
			t.Errorf("%q is not in\n%s", want, p.text)
		}
	}
	// And 20 first ones of 2 s.
	if want := 340*0.0000166667 + 620*0.0000002; math.Abs(p.dollars-want) > 1e-4 {
		t.Errorf("%g USD, want %g", p.dollars, want)
	}
	p = planFor(t, "us-east-1", func(m *awsMeasure) { m.awsFlags.strategy, m.warmRuns = "burst", 0 })
	if !strings.Contains(p.text, "12 updates of 2 functions by strategy burst") { // five bursts of ten each
		t.Errorf("bursts:\n%s", p.text)
	}
	p = planFor(t, "us-east-1", func(m *awsMeasure) { m.awsFlags.strategy = "idle" })
	if !strings.Contains(p.text, "strategy idle, which changes nothing") {
		t.Errorf("idle:\n%s", p.text)
	}
}

// An earlier run on AWS says better than a guess what an invocation is billed.
func TestBilledOfEarlierRuns(t *testing.T) {
	cold, warm := 120.0, 3.0
	run := &runfile.Run{Samples: []coldstart.Sample{
		{Config: coldstart.Config{Variant: "a"}, Metrics: coldstart.Metrics{InitDurationMs: &cold, BilledDurationMs: &cold}},
		{Config: coldstart.Config{Variant: "a"}, Metrics: coldstart.Metrics{BilledDurationMs: &warm}},
	}}
	for _, c := range []struct {
		variant string
		cold    bool
		want    float64
	}{{"a", true, 120}, {"a", false, 3}, {"b", true, coldGuessMs}, {"b", false, warmGuessMs}} {
		if got := billed([]*runfile.Run{run}, c.variant, c.cold); got != c.want {
			t.Errorf("%s, cold %t: %g, want %g", c.variant, c.cold, got, c.want)
		}
	}
}
