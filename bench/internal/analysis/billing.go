package analysis

import (
	"fmt"
	"math"
	"strings"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
)

// oddBills are the Billed Durations that do not fit their parts: the line may have
// been misread or of another invocation. They stay in the tables.
type oddBills struct {
	n        int
	examples []string
}

const mostExamples = 3

func (o *oddBills) add(s *coldstart.Sample) {
	least, most, ok := expected(s)
	if !ok {
		return
	}
	if b := *s.Metrics.BilledDurationMs; b < least || b > most {
		if o.n++; o.n <= mostExamples {
			o.examples = append(o.examples, fmt.Sprintf("seq %d of %s: %g ms for parts that come to %g", s.Seq, s.Config.Variant, b, least))
		}
	}
}

func (o oddBills) text() string {
	if o.n == 0 {
		return ""
	}
	text := fmt.Sprintf("Billed Duration is not the sum of what REPORT says, rounded up, in %s: %s", plan.Plural(o.n, "sample"), strings.Join(o.examples, "; "))
	if o.n > len(o.examples) {
		text += "; …"
	}
	return text + "."
}

// expected returns the least and greatest Billed Duration that the parts of a sample
// allow; false if a part is missing. Billed is ceil(Init + Duration) before rounding:
// the sum of the printed ones may be 0.01 too high or too low.
func expected(s *coldstart.Sample) (least, most float64, ok bool) {
	m := s.Metrics
	if m.BilledDurationMs == nil || m.DurationMs == nil {
		return 0, 0, false
	}
	sum, extra := *m.DurationMs, 0.0
	switch {
	case m.BilledRestoreDurationMs != nil:
		extra = *m.BilledRestoreDurationMs
	case m.InitDurationMs != nil:
		sum += *m.InitDurationMs
	case s.Class == coldstart.ClassCold || s.Class == coldstart.ClassFirstAfterDeploy:
		return 0, 0, false
	}
	const print = 0.01
	return math.Ceil(sum-print-1e-9) + extra, math.Ceil(sum) + 1 + extra, true
}
