package sandbox

import (
	"context"
	"runtime"
	"testing"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/runtimeapi"
)

// BenchmarkColdStart is a whole cold sample, limits on: provisioning, init, the
// change of the quota, one invocation, and the end of all of it.
func BenchmarkColdStart(b *testing.B) {
	e := engine(b)
	open, err := e.open(coldstart.Config{Variant: "function", MemoryMB: 512, Arch: runtime.GOARCH}, unpack(b, "function"),
		coldstart.Options{LimitCPU: true, Timeout: 3 * time.Second})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = open.server.Close() }()
	ctx := context.Background()
	var provision, init, invoke, end time.Duration
	cold := func() {
		m, err := open.machine()
		if err != nil {
			b.Fatal(err)
		}
		t0 := time.Now()
		if err := m.Provision(ctx); err != nil {
			b.Fatal(err)
		}
		t1 := time.Now()
		in, err := m.Init(ctx)
		if err != nil || !in.Done {
			b.Fatal(in, err)
		}
		t2 := time.Now()
		if err := m.Limit(ctx); err != nil {
			b.Fatal(err)
		}
		inv, err := m.Invoke(ctx, runtimeapi.Event{Payload: []byte(`{"name":"you"}`)})
		if err != nil || inv.Status != "success" {
			b.Fatal(inv, err)
		}
		t3 := time.Now()
		if err := m.Close(); err != nil {
			b.Fatal(err)
		}
		provision += t1.Sub(t0)
		init += t2.Sub(t1)
		invoke += t3.Sub(t2)
		end += time.Since(t3)
	}
	for i := 0; i < 20; i++ {
		cold()
	}
	provision, init, invoke, end = 0, 0, 0, 0
	for b.Loop() {
		cold()
	}
	n := float64(b.N) * 1e6
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "samples/s")
	b.ReportMetric(float64(provision)/n, "ms-provision")
	b.ReportMetric(float64(init)/n, "ms-init")
	b.ReportMetric(float64(invoke)/n, "ms-invoke")
	b.ReportMetric(float64(end)/n, "ms-close")
}
