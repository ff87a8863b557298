package awslambda

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"coldbench/bench/internal/awssim/awssimtest"
	"coldbench/bench/internal/coldstart"
)

// What an endpoint with fixed waits lets one see of bench's own time: each
// benchmark reports a ratio, with what it should be in its name.

// BenchmarkWarm holds warm invocations against a bare loop of the SDK's, in
// turns: the part of its rate that is reached. An answer takes 1 ms.
func BenchmarkWarm(b *testing.B) {
	e := awssimtest.Serve(b, "one")
	e.Engine.Wait = time.Millisecond
	cfg, err := configure(b.Context(), Options{Rehearsal: e.URL})
	if err != nil {
		b.Fatal(err)
	}
	bare := lambda.NewFromConfig(cfg)
	in := &lambda.InvokeInput{FunctionName: aws.String("one"), Payload: []byte(`{}`), LogType: types.LogTypeTail}
	_, targets := open(b, e, connect(b, e), Setup{Strategy: coldstart.StrategyConfigUpdate}, "one")
	env, _, err := targets[0].Start(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	var floor, ours time.Duration
	for b.Loop() {
		const turn = 20
		began := time.Now()
		for range turn {
			if _, err := bare.Invoke(b.Context(), in); err != nil {
				b.Fatal(err)
			}
		}
		floor += time.Since(began)
		began = time.Now()
		for range turn {
			if _, err := env.Invoke(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		ours += time.Since(began)
	}
	b.ReportMetric(float64(floor)/float64(ours), "of-bare-rate(>=0.9)")
}

// BenchmarkConfigUpdate makes cold starts of one function: an update that takes
// 1 s and an invocation of 0.1 s, against which each is held.
func BenchmarkConfigUpdate(b *testing.B) {
	e := awssimtest.Serve(b, "one")
	const update, wait = time.Second, 100 * time.Millisecond
	e.Engine.Wait = wait
	e.UpdatesTake(map[string]time.Duration{"one": update})
	c := connect(b, e)
	c.clock = coldstart.Wall{}
	_, targets := open(b, e, c, Setup{Strategy: coldstart.StrategyConfigUpdate}, "one")
	began := time.Now()
	for b.Loop() {
		if _, _, err := targets[0].Start(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(time.Since(began))/float64(b.N)/float64(update+wait), "of-waits(<=1.15)")
	b.ReportMetric(float64(e.Counts["UpdateFunctionConfiguration"])/float64(b.N), "updates/op")
	b.ReportMetric(float64(e.Counts["GetFunction"])/float64(b.N), "polls/op")
}

// BenchmarkBurst makes 50 cold starts of 0.3 s with one update, against one cold
// start with its update.
func BenchmarkBurst(b *testing.B) {
	e := awssimtest.Serve(b, "one")
	e.Engine.Wait = 300 * time.Millisecond
	e.UpdatesTake(map[string]time.Duration{"one": 500 * time.Millisecond})
	c := connect(b, e)
	c.clock = coldstart.Wall{}
	_, targets := open(b, e, c, Setup{Strategy: coldstart.StrategyBurst, Concurrency: 50}, "one")
	var one, fifty time.Duration
	for b.Loop() {
		began := time.Now()
		if _, _, err := targets[0].Start(b.Context()); err != nil {
			b.Fatal(err)
		}
		one += time.Since(began)
		began = time.Now()
		made, err := targets[0].(coldstart.Burster).Burst(b.Context(), 50)
		if err != nil || len(made) != 50 {
			b.Fatal(fmt.Errorf("%d starts: %w", len(made), err))
		}
		fifty += time.Since(began)
		for _, m := range made {
			if m.Err != nil {
				b.Fatal(m.Err)
			}
		}
	}
	b.ReportMetric(float64(fifty)/float64(one), "of-one-start(<=2)")
}
