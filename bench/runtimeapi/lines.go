package runtimeapi

import (
	"fmt"
	"strings"
)

// report is what a REPORT line says.
type report struct {
	requestID         string
	durationNs        int64
	initNs            *int64
	memoryMB          int
	maxMemoryMB       *int64
	status, errorType string
}

// ms returns nanoseconds as milliseconds.
func ms(ns int64) float64 { return float64(ns) / 1e6 }

// billedMs returns what is billed of so many nanoseconds: the started
// milliseconds of the sum, rounded up once.
func billedMs(ns int64) int64 { return (ns + 999_999) / 1_000_000 }

func startLine(id, version string) string {
	return "START RequestId: " + id + " Version: " + version + "\n"
}

func endLine(id string) string { return "END RequestId: " + id + "\n" }

func (r report) text() string {
	var b strings.Builder
	total := r.durationNs
	if r.initNs != nil {
		total += *r.initNs
	}
	fmt.Fprintf(&b, "REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: %d MB", r.requestID, ms(r.durationNs), billedMs(total), r.memoryMB)
	if r.maxMemoryMB != nil {
		fmt.Fprintf(&b, "\tMax Memory Used: %d MB", *r.maxMemoryMB)
	}
	if r.initNs != nil {
		fmt.Fprintf(&b, "\tInit Duration: %.2f ms", ms(*r.initNs))
	}
	b.WriteString(tail(r.status, r.errorType))
	return b.String()
}

func initReportLine(ns int64, phase Phase, status, errorType string) string {
	return fmt.Sprintf("INIT_REPORT Init Duration: %.2f ms\tPhase: %s%s", ms(ns), phase, tail(status, errorType))
}

// tail ends a line: without a status there is a tab before the newline.
func tail(status, errorType string) string {
	s := ""
	if status != "" {
		s += "\tStatus: " + status
	}
	if errorType != "" {
		s += "\tError Type: " + errorType
	}
	if s == "" {
		s = "\t"
	}
	return s + "\n"
}
