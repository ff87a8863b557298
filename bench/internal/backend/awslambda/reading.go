package awslambda

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/lambdalog"
)

type reading struct {
	report lambdalog.Report
	raw    string
	// log is the text that is known to be of this invocation's environment.
	log        string
	suppressed bool
}

// read finds the REPORT in the log tail or else in CloudWatch Logs, never another one's.
func (c *Client) read(ctx context.Context, f *Facts, want coldstart.Start, a answer) (reading, error) {
	r, err := readingOf(a.tail, a.requestID)
	if err == nil {
		return r, nil
	}
	if !errors.Is(err, lambdalog.ErrNotFound) {
		return reading{}, &coldstart.InvocationError{Reason: coldstart.ReasonEngine, Output: a.tail, Err: err}
	}
	if a.requestID == "" {
		return reading{}, &coldstart.InvocationError{Reason: coldstart.ReasonEngine, Output: a.tail, Err: errors.New("the endpoint lacks x-amzn-RequestId: a REPORT can't be told from another's")}
	}
	if other, raw := otherReport(a.tail); other != "" {
		return reading{}, &coldstart.ProofError{Want: want, Reason: coldstart.WrongRequest, Report: raw,
			Detail: fmt.Sprintf("the answer's request ID is %s, its log tail holds the REPORT of %s", a.requestID, other)}
	}
	text, err := c.fetch(ctx, f, a)
	if err == nil {
		r, err = readingOf(text, a.requestID)
	}
	if err != nil {
		if ctx.Err() != nil {
			return reading{}, ctx.Err()
		}
		if fatal(err) {
			return reading{}, fmt.Errorf("%w: %w", coldstart.ErrAbort, err)
		}
		why := "the answer carries no log tail"
		if a.tail != "" {
			why = "the answer's log tail was cut off before REPORT"
		}
		return reading{}, &coldstart.InvocationError{Reason: coldstart.ReasonEngine, Output: a.tail, Err: fmt.Errorf("reading REPORT: %s, and %w", why, err)}
	}
	return r, nil
}

// readingOf reads a text that is of one invocation, or of one environment.
func readingOf(text, requestID string) (reading, error) {
	report, raw, err := lambdalog.FindReport(text, requestID)
	if err != nil {
		return reading{}, err
	}
	r := reading{report: report, raw: raw, log: text}
	if report.Cold() || !strings.Contains(text, "INIT_REPORT") && !strings.Contains(text, "initReport") {
		return r, nil
	}
	// An INIT_REPORT names no request: it is of the next REPORT.
	s := lambdalog.NewScanner(strings.NewReader(text))
	for s.Scan() {
		switch e := s.Event(); {
		case e.Kind == lambdalog.KindReport && e.RequestID != requestID:
			r.suppressed = false
		case e.Kind == lambdalog.KindReport:
			return r, nil
		case e.Kind == lambdalog.KindInitReport && e.InitReport != nil && e.InitReport.Phase == "invoke":
			r.suppressed = true
		}
	}
	return r, nil
}

// otherReport returns the request of the last REPORT in a text.
func otherReport(text string) (requestID, raw string) {
	s := lambdalog.NewScanner(strings.NewReader(text))
	for s.Scan() {
		if e := s.Event(); e.Kind == lambdalog.KindReport && e.RequestID != "" {
			requestID, raw = e.RequestID, e.Raw
		}
	}
	return requestID, raw
}

func failureOf(a answer, r reading) *coldstart.InvocationError {
	status, kind := r.report.Status, r.report.ErrorType
	bad := status != "" && status != "success"
	if a.functionError == "" && !bad {
		return nil
	}
	text := scrub(string(a.payload))
	if len(text) > 300 {
		text = text[:300] + "…"
	}
	f := &coldstart.InvocationError{Reason: reasonOf(a, r), Output: lastBytes(a.tail, 4<<10), Report: r.raw}
	switch {
	case kind != "":
		f.Err = fmt.Errorf("%s: %s", kind, text)
	case a.functionError != "":
		f.Err = fmt.Errorf("%s: %s", a.functionError, text)
	default:
		f.Err = fmt.Errorf("status %s: %s", status, text)
	}
	return f
}

func reasonOf(a answer, r reading) coldstart.Reason {
	said := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(r.report.ErrorType, w) || strings.Contains(string(a.payload), w) {
				return true
			}
		}
		return false
	}
	switch {
	case said("Runtime.OutOfMemory", "signal: killed"):
		return coldstart.ReasonOutOfMemory
	case r.report.Status == "timeout" || said("Sandbox.Timedout", "Task timed out after"):
		return coldstart.ReasonTimeout
	case r.suppressed || said("Runtime.InvalidEntrypoint", "Runtime.InvalidWorkingDir", "Runtime.ImportModuleError", "Extension.InitError", "Extension.LaunchError"):
		return coldstart.ReasonInit
	case said("Runtime.ExitError", "Extension.Crash", "Extension.ExitError"):
		return coldstart.ReasonExit
	}
	return coldstart.ReasonResponse
}

func lastBytes(s string, n int) string {
	if len(s) > n {
		s = s[len(s)-n:]
	}
	return strings.ToValidUTF8(s, "")
}
