package runtimeapi

import "coldbench/bench/lambdalog"

func ms(ns int64) float64 { return float64(ns) / 1e6 }

// billedMs returns the started milliseconds, which are billed.
func billedMs(ns int64) int64 { return (ns + 999_999) / 1_000_000 }

// mebibytes returns bytes as MiB, rounded up.
func mebibytes(n int64) int64 { return (n + 1<<20 - 1) >> 20 }

// Times are what a REPORT says of how long an invocation took, in nanoseconds.
type Times struct {
	// DurationNs is from handing out the event to the next request for one.
	DurationNs int64
	// InitNs and RestoreNs are the init and the restore of a snapshot before it; nil for none.
	InitNs, RestoreNs *int64
}

// Bill puts the times into a REPORT, and what is billed: the started milliseconds of the
// sum, rounded up once; of the restore those that are billed as such. It fills in every
// REPORT that is printed here.
func (t Times) Bill(r *lambdalog.Report) {
	duration, sum := ms(t.DurationNs), t.DurationNs
	m := &r.Metrics
	m.DurationMs, m.InitDurationMs, m.RestoreDurationMs, m.BilledRestoreDurationMs = &duration, nil, nil, nil
	if t.InitNs != nil {
		init := ms(*t.InitNs)
		m.InitDurationMs = &init
		sum += *t.InitNs
	}
	if t.RestoreNs != nil {
		restore, billed := ms(*t.RestoreNs), float64(billedMs(*t.RestoreNs))
		m.RestoreDurationMs, m.BilledRestoreDurationMs = &restore, &billed
		sum += billedMs(*t.RestoreNs) * 1_000_000
	}
	billed := float64(billedMs(sum))
	m.BilledDurationMs = &billed
}

// reportLine composes the REPORT line of an invocation and the init billed with it, nil
// for none. As on Lambda it has a status only if the platform ended the invocation, and
// no Max Memory Used if that was never known.
func (e *Environment) reportLine(inv *Invocation, initNs *int64) string {
	size := float64(e.fn.MemoryMB)
	r := lambdalog.Report{RequestID: inv.RequestID}
	r.Metrics.MemorySizeMB = &size
	Times{DurationNs: inv.EndedNs - inv.HandedOutNs, InitNs: initNs}.Bill(&r)
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
