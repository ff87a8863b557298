package sandbox

import (
	"context"
	"slices"
	"testing"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/runtimeapi"
)

// samplesPerLoop is how many samples of each are taken each time: enough for a
// median, also where the benchmark is run once.
const samplesPerLoop = 200

// BenchmarkColdStart takes whole cold samples, limits on: provisioning, init,
// the change of the quota, one invocation, and the end of all of it. After each
// it takes the floor's (see floor_test.go), so that both see the same machine,
// and reports the medians and how many times the floor a sample takes.
func BenchmarkColdStart(b *testing.B) {
	e := engine(b)
	open, err := e.open(coldstart.Config{Variant: "function", MemoryMB: 512, Arch: arch}, unpack(b, "function"),
		coldstart.Options{LimitCPU: true, Timeout: 3 * time.Second})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = open.server.Close() }()
	f := newFloor(b)
	var s spent
	for range 20 { // the files are in the page cache afterwards
		s.take(b, open)
		if err := f.cold(); err != nil {
			b.Fatal(err)
		}
	}
	s = spent{}
	var floors []time.Duration
	for b.Loop() {
		for range samplesPerLoop {
			s.take(b, open)
			began := time.Now()
			if err := f.cold(); err != nil {
				b.Fatal(err)
			}
			floors = append(floors, time.Since(began))
		}
	}
	b.ReportMetric(0, "ns/op") // it would be of both
	for unit, all := range map[string][]time.Duration{
		"ms-provision": s.provision, "ms-init": s.init, "ms-invoke": s.invoke, "ms-close": s.close, "ms/sample": s.whole, "ms/floor": floors,
	} {
		b.ReportMetric(ms(median(all)), unit)
	}
	b.ReportMetric(1000/ms(median(s.whole)), "samples/s")
	b.ReportMetric(ms(median(s.whole))/ms(median(floors)), "x-floor")
}

// spent is what the steps of cold samples took.
type spent struct{ provision, init, invoke, close, whole []time.Duration }

// take takes one cold sample.
func (s *spent) take(b *testing.B, open *opened) {
	ctx := context.Background()
	began := time.Now()
	m, err := open.machine()
	if err != nil {
		b.Fatal(err)
	}
	if err := m.Provision(ctx); err != nil {
		b.Fatal(err)
	}
	ready := time.Now()
	in, err := m.Init(ctx)
	if err != nil || !in.Done {
		b.Fatal(in, err)
	}
	initialized := time.Now()
	if err := m.Limit(ctx); err != nil {
		b.Fatal(err)
	}
	inv, err := m.Invoke(ctx, runtimeapi.Event{Payload: []byte(`{"name":"you"}`)})
	if err != nil || inv.Status != "success" {
		b.Fatal(inv, err)
	}
	answered := time.Now()
	if err := m.Close(); err != nil {
		b.Fatal(err)
	}
	closed := time.Now()
	s.provision = append(s.provision, ready.Sub(began))
	s.init = append(s.init, initialized.Sub(ready))
	s.invoke = append(s.invoke, answered.Sub(initialized))
	s.close = append(s.close, closed.Sub(answered))
	s.whole = append(s.whole, closed.Sub(began))
}

func median(all []time.Duration) time.Duration {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
