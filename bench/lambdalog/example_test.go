package lambdalog_test

import (
	"errors"
	"fmt"
	"strings"

	"coldbench/bench/lambdalog"
)

func ExampleParseReport() {
	r, err := lambdalog.ParseReport("REPORT RequestId: 3f2a9d5e-6a53-4b0c-9d55-0e6c2f1b7a42\tDuration: 1.23 ms\t" +
		"Billed Duration: 46 ms\tMemory Size: 128 MB\tMax Memory Used: 17 MB\tInit Duration: 44.10 ms\t\n")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.RequestID, "cold:", r.Cold())
	fmt.Println(*r.Metrics.InitDurationMs, *r.Metrics.DurationMs, *r.Metrics.BilledDurationMs)
	fmt.Println("restored:", r.Metrics.RestoreDurationMs != nil)
	// Output:
	// 3f2a9d5e-6a53-4b0c-9d55-0e6c2f1b7a42 cold: true
	// 44.1 1.23 46
	// restored: false
}

func ExampleParseReport_error() {
	_, err := lambdalog.ParseReport("REPORT RequestId: 3f2a\tDuration: 1h8.40ms\t\n")
	fmt.Println(err)
	var at *lambdalog.SyntaxError
	if errors.As(err, &at) {
		fmt.Println(at.Key, "at byte", at.Offset)
	}
	// Output:
	// byte 33: Duration "1h8.40ms": not a number from 0 up
	// Duration at byte 33
}

func ExampleReport_JSON() {
	duration, billed := 0.618, 1.0
	r := lambdalog.Report{RequestID: "3f2a", Status: "success", Time: "2026-11-24T08:30:00.000Z"}
	r.Metrics.DurationMs, r.Metrics.BilledDurationMs = &duration, &billed
	fmt.Printf("%q\n%s\n", r.Text(), r.JSON())
	// Output:
	// "REPORT RequestId: 3f2a\tDuration: 0.62 ms\tBilled Duration: 1 ms\t\n"
	// {"time":"2026-11-24T08:30:00.000Z","type":"platform.report","record":{"requestId":"3f2a","metrics":{"durationMs":0.618,"billedDurationMs":1},"status":"success"}}
}

func ExampleScanner() {
	log := "scratch_1  | START RequestId: 3f2a Version: $LATEST\n" +
		"scratch_1  | hello\n" +
		"scratch_1  | REPORT RequestId: 3f2a\tDuration: 0.62 ms\tBilled Duration: 1 ms\t\n" +
		"scratch_1  | REPORT RequestId: 8fc6\tDuration: 0.6\n"
	s := lambdalog.NewScanner(strings.NewReader(log))
	for s.Scan() {
		e := s.Event()
		fmt.Println(e.Line, e.Stream, e.Kind, e.RequestID, e.Err)
	}
	fmt.Println(s.Err())
	// Output:
	// 1 scratch_1 start 3f2a <nil>
	// 3 scratch_1 report 3f2a <nil>
	// 4 scratch_1 report 8fc6 byte 46: Duration "0.6": cut off
	// <nil>
}

func ExampleFindReport() {
	log := lambdalog.StartLine("3f2a", "$LATEST") + lambdalog.EndLine("3f2a") +
		"REPORT RequestId: 3f2a\tDuration: 0.62 ms\tBilled Duration: 1 ms\t\n"
	_, raw, err := lambdalog.FindReport(log, "3f2a")
	fmt.Printf("%q %v\n", raw, err)
	_, _, err = lambdalog.FindReport(log, "8fc6")
	fmt.Println(err)
	// Output:
	// "REPORT RequestId: 3f2a\tDuration: 0.62 ms\tBilled Duration: 1 ms\t\n" <nil>
	// reading the log of "8fc6": no REPORT of the request
}
