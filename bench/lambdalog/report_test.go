package lambdalog_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"coldbench/bench/lambdalog"
)

// awsLines returns AWS's own text events of testdata, each with its XRAY line.
func awsLines(t testing.TB) []string {
	t.Helper()
	var events []string
	for _, line := range strings.SplitAfter(read(t, "testdata/aws.log"), "\n") {
		switch {
		case strings.HasPrefix(line, "XRAY"):
			events[len(events)-1] += line
		case line != "":
			events = append(events, line)
		}
	}
	if len(events) < 30 || strings.Count(events[0], "\t") < 4 {
		t.Fatalf("testdata/aws.log: %d events, or their tabs are gone", len(events))
	}
	return events
}

// jsonLines returns the JSON events of a file of testdata.
func jsonLines(t testing.TB, name string) []string {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(read(t, name)), "\n")
	if len(lines) < 3 {
		t.Fatalf("%s: %d events", name, len(lines))
	}
	return lines
}

func read(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// reprint prints an event as AWS does.
func reprint(t *testing.T, e lambdalog.Event) string {
	t.Helper()
	switch {
	case e.Report != nil:
		return e.Report.Text()
	case e.InitReport != nil:
		return e.InitReport.Text()
	case e.RestoreReport != nil:
		return e.RestoreReport.Text()
	}
	t.Fatalf("%s is not printed", e.Kind)
	return ""
}

func TestTextIsAWSs(t *testing.T) {
	for _, line := range awsLines(t) {
		e, err := lambdalog.Parse(line)
		if err != nil {
			t.Errorf("%q: %v", line, err)
			continue
		}
		if got := reprint(t, e); got != line {
			t.Errorf("got  %q\nwant %q", got, line)
		}
		if e.Raw != line {
			t.Errorf("raw  %q\nwant %q", e.Raw, line)
		}
	}
}

func TestJSONIsAWSs(t *testing.T) {
	for _, line := range jsonLines(t, "testdata/aws.jsonl") {
		r, err := lambdalog.ParseReport(line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if got := string(r.JSON()); got != line {
			t.Errorf("got  %s\nwant %s", got, line)
		}
	}
}

// show writes metrics as JSON.
func show(m lambdalog.Metrics) string {
	b, err := json.Marshal(m)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

const id = "3f2a9d5e-6a53-4b0c-9d55-0e6c2f1b7a42"

func TestFormsOfReport(t *testing.T) {
	const cold = `{"initDurationMs":44.1,"durationMs":1.23,"billedDurationMs":46,"memorySizeMB":128,"maxMemoryUsedMB":17}`
	const warm = `{"durationMs":1.23,"billedDurationMs":2,"memorySizeMB":128,"maxMemoryUsedMB":17}`
	tests := []struct{ name, text, want string }{
		{"cold", "REPORT RequestId: " + id + "\tDuration: 1.23 ms\tBilled Duration: 46 ms\tMemory Size: 128 MB\tMax Memory Used: 17 MB\tInit Duration: 44.10 ms\t\n", cold},
		{"blanks", "REPORT RequestId: " + id + " Duration: 1.23 ms Billed Duration: 46 ms Memory Size: 128 MB Max Memory Used: 17 MB Init Duration: 44.10 ms", cold},
		{"runs of blanks", "REPORT RequestId: " + id + "   Duration: 1.23 ms    Billed Duration: 46 ms        Memory Size: 128 MB     Max Memory Used: 17 MB  Init Duration: 44.10 ms        \n", cold},
		{"newlines", "REPORT RequestId: " + id + "\nDuration: 1.23 ms\nBilled Duration: 46 ms\nMemory Size: 128 MB\nMax Memory Used: 17 MB\nInit Duration: 44.10 ms\n", cold},
		{"no-break spaces", "REPORT RequestId: " + id + "\u00a0Duration: 1.23\u00a0ms\u00a0Billed Duration: 46 ms\u00a0Memory Size: 128 MB\u00a0Max Memory Used: 17 MB Init Duration: 44.10 ms", cold},
		{"emulator", "REPORT RequestId: " + id + "\tInit Duration: 44.10 ms\tDuration: 1.23 ms\tBilled Duration: 46 ms\tMemory Size: 128 MB\tMax Memory Used: 17 MB\t\n", cold},
		{"another order", "REPORT Max Memory Used: 17 MB\tMemory Size: 128 MB\tInit Duration: 44.10 ms\tBilled Duration: 46 ms\tDuration: 1.23 ms\tRequestId: " + id, cold},
		{"blank in 2019", "REPORT RequestId: " + id + "\tInit Duration: 44.10 ms\tDuration: 1.23 ms\tBilled Duration: 46 ms Memory Size: 128 MB\tMax Memory Used: 17 MB\t", cold},
		{"blank and tab", "REPORT RequestId: " + id + "\tDuration: 1.23 ms\tBilled Duration: 2 ms \tMemory Size: 128 MB\tMax Memory Used: 17 MB\t", warm},
		{"quoted tabs", `REPORT RequestId: ` + id + `\tDuration: 1.23 ms\tBilled Duration: 46 ms\tMemory Size: 128 MB\tMax Memory Used: 17 MB\tInit Duration: 44.10 ms\t\n`, cold},
		{"twice quoted", `REPORT RequestId: ` + id + `\\tDuration: 1.23 ms\\tBilled Duration: 46 ms\\tMemory Size: 128 MB\\tMax Memory Used: 17 MB\\tInit Duration: 44.10 ms\\t\\n`, cold},
		{"in a JSON member", `    "message": "REPORT RequestId: ` + id + `\tDuration: 1.23 ms\tBilled Duration: 46 ms\tMemory Size: 128 MB\tMax Memory Used: 17 MB\tInit Duration: 44.10 ms\t\n",`, cold},
		{"in a JSON object", `{"timestamp": 1764520984917, "message": "REPORT RequestId: ` + id + `\tDuration: 1.23 ms\tBilled Duration: 46 ms\tMemory Size: 128 MB\tMax Memory Used: 17 MB\tInit Duration: 44.10 ms\t\n"}`, cold},
		{"in CSV", "1764520984917,\"REPORT RequestId: " + id + "\tDuration: 1.23 ms\tBilled Duration: 46 ms\tMemory Size: 128 MB\tMax Memory Used: 17 MB\tInit Duration: 44.10 ms\t\n\"\n", cold},
		{"behind a timestamp", "2025-10-27T12:05:27.123Z 2025/10/27/[$LATEST]aa01 REPORT RequestId: " + id + "\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 17 MB\t\n", warm},
		{"behind a service", "scratch_1  | REPORT RequestId: " + id + "\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 17 MB\t\n", warm},
		{"wrapped in a name", "REPORT RequestId: \n" + id + "\tDuration: 1.23 ms\tBilled Duration: 46 ms\tMemory Size: 128 MB\tMax \nMemory Used: 17 MB\tInit Duration: 44.10\nms\n\nRequest ID\n", cold},
		{"no request id", "REPORT Duration: 1.23 ms Billed Duration: 2 ms Memory Size: 128 MB Max Memory Used: 17 MB", warm},
		{"managed instances", "REPORT RequestId: x\tDuration: 125.46 ms\n", `{"durationMs":125.46}`},
		{"other emulator", "REPORT RequestId: " + id + "\tDuration: 10 ms\tBilled Duration: 110.00000000000001 ms\n", `{"durationMs":10,"billedDurationMs":110.00000000000001}`},
		{"zero init", "REPORT RequestId: " + id + "\tInit Duration: 0.00 ms\tDuration: 1.00 ms\t\n", `{"initDurationMs":0,"durationMs":1}`},
		{"values missing", "REPORT RequestId: " + id + "\tDuration: \tBilled Duration: 2 ms\tInit Duration:\t\n", `{"billedDurationMs":2}`},
		{"longer names", "REPORT RequestId: " + id + "\tBilled Restore Duration: 303 ms\tBilled Duration: 610 ms\tRestore Duration: 511.25 ms\t", `{"billedDurationMs":610,"restoreDurationMs":511.25,"billedRestoreDurationMs":303}`},
		{"unknown names", "REPORT RequestId: " + id + "\tNetwork Duration: 9.99 ms\tDuration: 1.00 ms\tCarbon: 3 g\t\n", `{"durationMs":1}`},
		{"the function goes on", "REPORT RequestId: " + id + "\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 17 MB\t\nInit Duration: 99.00 ms\n", warm},
		{"a table", "`REPORT RequestId: " + id + "\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 17 MB`", warm},
		{"a table's cell", "REPORT RequestId: " + id + "\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 17 MB\t| 5 ms |", warm},
		{"after INIT_REPORT", "INIT_REPORT Init Duration: 9.00 ms\tPhase: init\tStatus: timeout\nSTART RequestId: " + id + " Version: $LATEST\nEND RequestId: " + id + "\nREPORT RequestId: " + id + "\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 17 MB\t\n", warm},
		{"pretty JSON", "2026-10-08T07:30:29.470Z\n{\n  \"time\": \"2026-10-08T07:30:29.470Z\",\n  \"type\": \"platform.report\",\n  \"record\": {\n    \"requestId\": \"" + id + "\",\n    \"metrics\": {\n      \"durationMs\": 1.23,\n \"billedDurationMs\": 2, \"memorySizeMB\": 128, \"maxMemoryUsedMB\": 17 }\n  }\n}\n", warm},
		{"JSON in CSV", `1764520984917,"{""time"":""2026-10-08T07:30:29.470Z"",""type"":""platform.report"",""record"":{""requestId"":""` + id + `"",""metrics"":{""durationMs"":1.23,""billedDurationMs"":2,""memorySizeMB"":128,""maxMemoryUsedMB"":17}}}"`, warm},
		{"JSON in JSON", `{"timestamp":1,"message":"{\"time\":\"2026-10-08T07:30:29.470Z\",\"type\":\"platform.report\",\"record\":{\"requestId\":\"` + id + `\",\"metrics\":{\"durationMs\":1.23,\"billedDurationMs\":2,\"memorySizeMB\":128,\"maxMemoryUsedMB\":17}}}"}`, warm},
		{"JSON in a member", `"message": "{\"time\":\"2026-10-08T07:30:29.470Z\",\"type\":\"platform.report\",\"record\":{\"requestId\":\"` + id + `\",\"metrics\":{\"durationMs\":1.23,\"billedDurationMs\":2,\"memorySizeMB\":128,\"maxMemoryUsedMB\":17}}}",`, warm},
		{"JSON null", `{"type":"platform.report","record":{"requestId":"` + id + `","metrics":{"durationMs":1.5,"initDurationMs":null}}}`, `{"durationMs":1.5}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, err := lambdalog.ParseReport(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := show(r.Metrics); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if strings.Contains(test.text, id) && r.RequestID != id {
				t.Errorf("request id %q", r.RequestID)
			}
			if strings.Contains(test.want, "init") != r.Cold() && !strings.Contains(test.want, "restore") {
				t.Errorf("cold is %v", r.Cold())
			}
		})
	}
}

func TestBadReports(t *testing.T) {
	const head = "REPORT RequestId: " + id + "\tDuration: 1.00 ms\t"
	tests := []struct {
		text   string
		offset int
		err    error
	}{
		{"-1.00 ms", 0, lambdalog.ErrNumber},
		{"1h8.40ms", 0, lambdalog.ErrNumber},
		{"1 ms ms", 5, lambdalog.ErrText},
		{"1 ms 2 ms", 5, lambdalog.ErrText},
		{"1 s", 0, lambdalog.ErrUnit},
		{"1 msec", 0, lambdalog.ErrUnit},
		{"1 MB", 0, lambdalog.ErrUnit},
		{"NaN ms", 0, lambdalog.ErrNumber},
		{"Inf ms", 0, lambdalog.ErrNumber},
		{"0x1p4 ms", 0, lambdalog.ErrNumber},
		{"1e3 ms", 0, lambdalog.ErrNumber},
		{"1,000 ms", 0, lambdalog.ErrNumber},
		{"1.2.3 ms", 0, lambdalog.ErrNumber},
		{".5 ms", 0, lambdalog.ErrNumber},
		{"5. ms", 0, lambdalog.ErrNumber},
		{"5", 0, lambdalog.ErrTruncated},
		{"5 m", 0, lambdalog.ErrTruncated},
		{"5.", 0, lambdalog.ErrTruncated},
		{"5\tMemory Size: 1 MB", 0, lambdalog.ErrUnit},
		{strings.Repeat("9", 400) + " ms", 0, lambdalog.ErrNumber},
		{"1 ms\tInit Duration: 1 ms", 5, lambdalog.ErrDuplicate},
		{"1 ms\tMax Mem", 5, lambdalog.ErrTruncated},
		{"1 ms\tStatus: time", 13, lambdalog.ErrTruncated},
		{"1 ms\tStatus: error\tError Type: Runtime.Ex", 31, lambdalog.ErrTruncated},
		{"1 ms\tand more", 5, lambdalog.ErrText},
	}
	for _, test := range tests {
		const key = "Init Duration: "
		r, err := lambdalog.ParseReport(head + key + test.text)
		var at *lambdalog.SyntaxError
		if !errors.As(err, &at) || !errors.Is(err, test.err) {
			t.Errorf("%q: %v, want %v", test.text, err, test.err)
			continue
		}
		if want := len(head+key) + test.offset; at.Offset != want {
			t.Errorf("%q: offset %d, want %d", test.text, at.Offset, want)
		}
		if show(r.Metrics) != "{}" || r.RequestID != "" {
			t.Errorf("%q: an error with the values %+v", test.text, r)
		}
	}
}

func TestBadJSON(t *testing.T) {
	const head = `{"time":"2026-10-08T07:30:29.470Z","type":"platform.report","record":{"requestId":"` + id + `","metrics":{"durationMs":`
	for _, test := range []struct {
		number string
		err    error
	}{
		{"-1", lambdalog.ErrNumber},
		{`"1"`, lambdalog.ErrNumber},
		{"1e999", lambdalog.ErrNumber},
		{"true", lambdalog.ErrNumber},
		{"NaN", lambdalog.ErrJSON},
		{"1h8", lambdalog.ErrJSON},
		{"0x10", lambdalog.ErrJSON},
		{"01", lambdalog.ErrJSON},
	} {
		_, err := lambdalog.ParseReport(head + test.number + "}}}")
		var at *lambdalog.SyntaxError
		if !errors.As(err, &at) || !errors.Is(err, test.err) || at.Offset < len(head) || at.Offset > len(head)+1 {
			t.Errorf("%s: %v", test.number, err)
		}
	}
	_, err := lambdalog.ParseReport(head + `1,"durationMs":2}}}`)
	if !errors.Is(err, lambdalog.ErrDuplicate) {
		t.Errorf("a metric given twice: %v", err)
	}
}

func TestNoReport(t *testing.T) {
	for _, text := range []string{
		"", "REPORT", "REPORT of the day", "REPORTED Duration: 1 ms", "MY_REPORT RequestId: x\tDuration: 1.00 ms\t",
		"INIT_REPORT Init Duration: 1.00 ms\tPhase: init", "START RequestId: x Version: 1\n", "{}", `{"type":"platform.start"}`,
		`{"type":"platform.runtimeDone","record":{"metrics":{"durationMs":1}}}`,
	} {
		if r, err := lambdalog.ParseReport(text); !errors.Is(err, lambdalog.ErrNoEvent) {
			t.Errorf("%q: %+v, %v", text, r, err)
		}
	}
}
