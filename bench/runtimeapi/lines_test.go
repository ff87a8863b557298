package runtimeapi

import (
	"testing"

	"coldbench/bench/lambdalog"
)

// TestReportLine compares with AWS's own lines: one ceiling of the sum of the
// unrounded values, missing values left out.
func TestReportLine(t *testing.T) {
	ns := func(v int64) *int64 { return &v }
	for _, c := range []struct {
		durationNs int64
		initNs     *int64
		memory     int64
		status     string
		errorType  string
		want       string
	}{
		{1_000_000, nil, 0, "success", "", "REPORT RequestId: id\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\t\n"},
		{1_000_001, nil, 0, "success", "", "REPORT RequestId: id\tDuration: 1.00 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\t\n"},
		{61_090_000, ns(3986_500_000), 193 << 20, "success", "", "REPORT RequestId: id\tDuration: 61.09 ms\tBilled Duration: 4048 ms\tMemory Size: 128 MB\tMax Memory Used: 193 MB\tInit Duration: 3986.50 ms\t\n"},
		{400_000, ns(600_000), 1, "success", "", "REPORT RequestId: id\tDuration: 0.40 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\tMax Memory Used: 1 MB\tInit Duration: 0.60 ms\t\n"},
		{404_000, ns(600_000), 1<<20 + 1, "failure", "Function.X", "REPORT RequestId: id\tDuration: 0.40 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 2 MB\tInit Duration: 0.60 ms\t\n"},
		{600_000_000_000, ns(476_750_000), 0, "timeout", "Sandbox.Timedout", "REPORT RequestId: id\tDuration: 600000.00 ms\tBilled Duration: 600477 ms\tMemory Size: 128 MB\tInit Duration: 476.75 ms\tStatus: timeout\n"},
		{11_480_000, nil, 10 << 20, "error", "Runtime.InvalidEntrypoint", "REPORT RequestId: id\tDuration: 11.48 ms\tBilled Duration: 12 ms\tMemory Size: 128 MB\tMax Memory Used: 10 MB\tStatus: error\tError Type: Runtime.InvalidEntrypoint\n"},
	} {
		e := &Environment{fn: Function{MemoryMB: 128}, memory: c.memory, known: c.memory > 0}
		inv := Invocation{RequestID: "id", HandedOutNs: 5, EndedNs: 5 + c.durationNs, Status: c.status, ErrorType: c.errorType}
		got := e.reportLine(&inv, c.initNs)
		if got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
		if _, err := lambdalog.ParseReport(got); err != nil {
			t.Errorf("%q: %v", got, err)
		}
	}
}

// What is billed is the started milliseconds of the sum, rounded up once; of a
// restoring those that are billed as such. The sums are those of lines that Lambda
// has printed.
func TestBill(t *testing.T) {
	ns := func(n int64) *int64 { return &n }
	for _, c := range []struct {
		times Times
		want  string
	}{
		{Times{DurationNs: 1_000_000}, "Duration: 1.00 ms\tBilled Duration: 1 ms\t"},
		{Times{DurationNs: 61_090_000, InitNs: ns(3_986_500_000)}, "Duration: 61.09 ms\tBilled Duration: 4048 ms\tInit Duration: 3986.50 ms\t"},
		{Times{DurationNs: 1_058_150_000, InitNs: ns(1_307_680_000)}, "Duration: 1058.15 ms\tBilled Duration: 2366 ms\tInit Duration: 1307.68 ms\t"},
		{Times{DurationNs: 306_340_000, RestoreNs: ns(302_500_000)}, "Duration: 306.34 ms\tBilled Duration: 610 ms\tRestore Duration: 302.50 ms\tBilled Restore Duration: 303 ms\t"},
	} {
		old := 9.0
		r := lambdalog.Report{RequestID: "id", Metrics: lambdalog.Metrics{InitDurationMs: &old, RestoreDurationMs: &old}}
		c.times.Bill(&r)
		if got, want := r.Text(), "REPORT RequestId: id\t"+c.want+"\n"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
