package cli_test

import (
	"testing"
	"time"
)

// The functions of a round are updated, waited for and invoked side by side.
// BenchmarkAWSRound is to be held against the 0.2 s of an update's wait and the
// 0.3 s of an invocation.
func BenchmarkAWSRound(b *testing.B) {
	c := newCloud(b, "one", "two", "three")
	for _, f := range c.Functions {
		f.PollsPerUpdate = 2
	}
	c.Wait = 300 * time.Millisecond
	const few, many = 2, 10
	args := func(runs string) []string {
		return []string{"--cold", "--runs", runs, "a=one", "b=two", "c=three"}
	}
	c.bench(0, args("1")...) // afterwards no image is new
	for b.Loop() {
		began := time.Now()
		c.bench(0, args("2")...)
		first := time.Since(began)
		began = time.Now()
		c.bench(0, args("10")...)
		b.ReportMetric((time.Since(began)-first).Seconds()/(many-few), "s/round")
	}
}
