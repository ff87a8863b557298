package localenv

import (
	"cmp"
	"errors"
	"fmt"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/lambdalog"
	"coldbench/bench/runtimeapi"
)

// sampleOf reads a log text by the same parser as a log on AWS.
func sampleOf(requestID string, invocation runtimeapi.Invocation) (coldstart.Sample, error) {
	report, raw, err := lambdalog.FindReport(invocation.Log, requestID)
	if err != nil {
		return coldstart.Sample{}, err
	}
	sample := coldstart.Sample{
		Start:     coldstart.Warm,
		RequestID: report.RequestID,
		Metrics:   coldstart.Metrics(report.Metrics),
		Raw:       raw,
	}
	if report.Metrics.DurationMs == nil || report.Metrics.BilledDurationMs == nil {
		return coldstart.Sample{}, fmt.Errorf("no Duration or no Billed Duration in %q", raw)
	}
	if f, ok := coldstart.ParseAnswer(invocation.Response); ok {
		sample.Function = f
	}
	return sample, nil
}

func failureOf(i runtimeapi.Invocation, m Machine) *coldstart.InvocationError {
	if i.Status == "success" && i.FunctionError == "" {
		return nil
	}
	failure := &coldstart.InvocationError{Reason: reasonOf(i), Output: m.Output(), Err: describe(i)}
	if _, raw, err := lambdalog.FindReport(i.Log, i.RequestID); err == nil {
		failure.Report = raw
	}
	return failure
}

// reasonOf says in a word why an invocation failed. An init that failed again inside it
// is the reason whatever ended it.
func reasonOf(i runtimeapi.Invocation) coldstart.Reason {
	switch {
	case i.ErrorType == "Runtime.OutOfMemory" || (i.Exit != nil && i.Exit.OutOfMemory):
		return coldstart.ReasonOutOfMemory
	case i.InitFailed:
		return coldstart.ReasonInit
	case i.Status == "timeout":
		return coldstart.ReasonTimeout
	case i.Exit != nil && i.ErrorType != "Function.ResponseSizeTooLarge":
		return coldstart.ReasonExit // after a refused answer the runtime may end itself
	}
	return coldstart.ReasonResponse
}

// describe uses the words of the error document if there is one.
func describe(i runtimeapi.Invocation) error {
	text := cmp.Or(i.ErrorType, i.Status)
	if i.FunctionError == "" && i.Exit != nil {
		return fmt.Errorf("%s: %s", text, i.Exit.Status()) // the answer came before
	}
	if document := string(i.Response); document != "" {
		const most = 300
		if len(document) > most {
			document = document[:most] + "…"
		}
		return fmt.Errorf("%s: %s", text, document)
	}
	return errors.New(text)
}
