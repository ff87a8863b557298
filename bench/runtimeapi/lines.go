package runtimeapi

import "coldbench/bench/lambdalog"

// ms returns nanoseconds as milliseconds.
func ms(ns int64) float64 { return float64(ns) / 1e6 }

// billedMs returns what is billed of so many nanoseconds: the started
// milliseconds of the sum, rounded up once.
func billedMs(ns int64) int64 { return (ns + 999_999) / 1_000_000 }

// mebibytes returns bytes as MiB, rounded up.
func mebibytes(n int64) int64 { return (n + 1<<20 - 1) >> 20 }

// reportLine composes the REPORT line of an invocation; initNs is the init that
// is billed with it, nil for none. As on Lambda it has a status where the
// platform ended the invocation, and none where the handler answered with an
// error; and no Max Memory Used where it was never known.
func (e *Environment) reportLine(inv *Invocation, initNs *int64) string {
	durationNs := inv.EndedNs - inv.HandedOutNs
	duration, size := ms(durationNs), float64(e.fn.MemoryMB)
	r := lambdalog.Report{RequestID: inv.RequestID}
	r.Metrics.DurationMs, r.Metrics.MemorySizeMB = &duration, &size
	if initNs != nil {
		init := ms(*initNs)
		r.Metrics.InitDurationMs = &init
		durationNs += *initNs
	}
	billed := float64(billedMs(durationNs))
	r.Metrics.BilledDurationMs = &billed
	if e.known {
		used := float64(mebibytes(e.memory))
		r.Metrics.MaxMemoryUsedMB = &used
	}
	switch inv.Status {
	case "error":
		r.Status, r.ErrorType = "error", inv.ErrorType
	case "timeout":
		r.Status = "timeout"
	}
	return r.Text()
}

// initReportLine composes the INIT_REPORT line of an init that failed.
func initReportLine(ns int64, phase Phase, status, errorType string) string {
	duration := ms(ns)
	return lambdalog.InitReport{DurationMs: &duration, Phase: string(phase), Status: status, ErrorType: errorType}.Text()
}
