package awslambda

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"coldbench/bench/internal/backend/awslambda/awstest"
	"coldbench/bench/internal/coldstart"
)

// What an endpoint with fixed waits lets one see of bench's own time. Compare
// BenchmarkWarm with BenchmarkBareLoop (an answer takes 1 ms in both), and the two cold ones with the waits
// they name.

func BenchmarkBareLoop(b *testing.B) {
	e := awstest.Serve(b, "one")
	e.Latency = time.Millisecond
	c := connect(b, e)
	in := &lambda.InvokeInput{FunctionName: aws.String("one"), Payload: []byte(`{}`), LogType: types.LogTypeTail}
	for b.Loop() {
		if _, err := c.control.Invoke(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWarm(b *testing.B) {
	e := awstest.Serve(b, "one")
	e.Latency = time.Millisecond
	_, targets := open(b, e, connect(b, e), Setup{Strategy: ConfigUpdate}, "one")
	env, _, err := targets[0].Start(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := env.Invoke(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkConfigUpdate makes cold starts of one function: an update that is
// through at the second poll (0.2 s), and an invocation of 0.1 s.
func BenchmarkConfigUpdate(b *testing.B) {
	e := awstest.Serve(b, "one")
	e.Wait, e.Functions["one"].PollsPerUpdate = 100*time.Millisecond, 2
	_, targets := open(b, e, connect(b, e), Setup{Strategy: ConfigUpdate}, "one")
	for b.Loop() {
		if _, _, err := targets[0].Start(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(e.Counts["UpdateFunctionConfiguration"])/float64(b.N), "updates/op")
	b.ReportMetric(float64(e.Counts["GetFunction"])/float64(b.N), "polls/op")
}

// BenchmarkBurst makes 50 cold starts of one function, each of 0.3 s.
func BenchmarkBurst(b *testing.B) {
	e := awstest.Serve(b, "one")
	e.Wait = 300 * time.Millisecond
	_, targets := open(b, e, connect(b, e), Setup{Strategy: Burst, Concurrency: 50}, "one")
	for b.Loop() {
		made, err := targets[0].(coldstart.Burster).Burst(b.Context(), 50)
		if err != nil || len(made) != 50 {
			b.Fatal(fmt.Errorf("%d starts: %w", len(made), err))
		}
		for _, m := range made {
			if m.Err != nil {
				b.Fatal(m.Err)
			}
		}
	}
}
