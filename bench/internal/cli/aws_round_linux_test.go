package cli_test

import (
	"testing"
	"time"
)

// The functions of a round are updated, waited for and invoked side by side.
// BenchmarkAWSRound holds a round of three functions, whose updates take 0.5, 0.75
// and 1 s and whose invocations take 0.3 s, against the slowest of them.
func BenchmarkAWSRound(b *testing.B) {
	c := newCloud(b, "one", "two", "three")
	const wait, slowest = 300 * time.Millisecond, time.Second
	c.Engine.Wait = wait
	c.UpdatesTake(map[string]time.Duration{"one": slowest / 2, "two": slowest * 3 / 4, "three": slowest})
	const few, many = 2, 8
	args := func(runs string) []string {
		return []string{"--cold", "--runs", runs, "a=one", "b=two", "c=three"}
	}
	c.bench(0, args("1")...) // afterwards no image is new
	for b.Loop() {
		began := time.Now()
		c.bench(0, args("2")...)
		first := time.Since(began)
		began = time.Now()
		c.bench(0, args("8")...)
		round := (time.Since(began) - first) / (many - few)
		b.ReportMetric(round.Seconds(), "s/round")
		b.ReportMetric(float64(round)/float64(slowest+wait), "of-slowest(<=1.15)")
	}
}
