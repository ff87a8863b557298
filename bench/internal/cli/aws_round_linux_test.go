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
	c.Wait = 300 * time.Millisecond
	c.Functions["one"].Takes = 500 * time.Millisecond
	c.Functions["two"].Takes = 750 * time.Millisecond
	c.Functions["three"].Takes = time.Second
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
		b.ReportMetric(float64(round)/float64(c.Functions["three"].Takes+c.Wait), "of-slowest(<=1.15)")
	}
}
