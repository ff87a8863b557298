package lambdalog_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"coldbench/bench/lambdalog"
)

const (
	other  = "8fc6f963-411b-58b5-8483-a32130c0f45d"
	coldOf = "REPORT RequestId: %s\tDuration: %s ms\tBilled Duration: 4 ms\tMemory Size: 512 MB\tMax Memory Used: 9 MB\tInit Duration: 2.41 ms\t\n"
	trace  = "XRAY TraceId: 1-66d978e5-56c7378e556e94b5461da07c\tSegmentId: 29c3839e6ecb5895\tSampled: true\t\n"
)

// summary writes events as "line kind request/duration time stream", so that a
// test shows them all.
func summary(t *testing.T, log io.Reader) string {
	t.Helper()
	var b strings.Builder
	s := lambdalog.NewScanner(log)
	for s.Scan() {
		e := s.Event()
		fmt.Fprintf(&b, "%d %s", e.Line, e.Kind)
		if e.RequestID != "" {
			fmt.Fprintf(&b, " %s", e.RequestID[:min(len(e.RequestID), 4)])
		}
		switch {
		case e.Err != nil:
			fmt.Fprintf(&b, " error")
		case e.Report != nil:
			fmt.Fprintf(&b, " %s", show(e.Report.Metrics))
			if x := e.Report.XRay; x != nil {
				fmt.Fprintf(&b, " traced %s", x.SegmentID)
			}
		case e.InitReport != nil:
			fmt.Fprintf(&b, " %v %s", *e.InitReport.DurationMs, e.InitReport.Phase)
		}
		for _, f := range e.Fields {
			fmt.Fprintf(&b, " %s=%s", f.Key, f.Value)
		}
		if e.Time != "" {
			fmt.Fprintf(&b, " at %s", e.Time)
		}
		if e.Stream != "" {
			fmt.Fprintf(&b, " in %s", e.Stream)
		}
		b.WriteByte('\n')
	}
	if err := s.Err(); err != nil {
		t.Error(err)
	}
	return b.String()
}

func TestScanner(t *testing.T) {
	const numbers = `{"initDurationMs":2.41,"durationMs":0.62,"billedDurationMs":4,"memorySizeMB":512,"maxMemoryUsedMB":9}`
	report := fmt.Sprintf(coldOf, id, "0.62")
	tests := []struct{ name, log, want string }{
		{
			"a log stream",
			"INIT_START Runtime Version: provided:al2023.v98\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:0eb6\n" +
				"EXTENSION\tName: lambda-adapter\tState: Ready\tEvents: [INVOKE,SHUTDOWN]\n" +
				lambdalog.StartLine(id, "") + "REPORT: all is well\n{\"level\":\"INFO\",\"msg\":\"hello\"}\n" +
				lambdalog.EndLine(id) + report + trace +
				lambdalog.StartLine(other, "7") + lambdalog.EndLine(other) + fmt.Sprintf(coldOf, other, "1.5 s\t"),
			"1 initStart Runtime Version=provided:al2023.v98 Runtime Version ARN=arn:aws:lambda:us-east-1::runtime:0eb6\n" +
				"2 extension Name=lambda-adapter State=Ready Events=[INVOKE,SHUTDOWN]\n" +
				"3 start 3f2a Version=$LATEST\n6 end 3f2a\n7 report 3f2a " + numbers + " traced 29c3839e6ecb5895\n" +
				"9 start 8fc6 Version=7\n10 end 8fc6\n11 report 8fc6 error\n",
		},
		{
			"the old style of a timeout",
			lambdalog.StartLine(id, "") + "2024-03-04T17:22:38.033Z " + id + " Task timed out after 3.00 seconds\n\n" + lambdalog.EndLine(id),
			"1 start 3f2a Version=$LATEST\n2 timeout 3f2a Timeout=3.00 seconds at 2024-03-04T17:22:38.033Z\n4 end 3f2a\n",
		},
		{
			"docker compose",
			"scratch_1  | some text\nscratch_1  | " + report + "scratch_1  | " + trace + "al2_1      | " + lambdalog.EndLine(other),
			"2 report 3f2a " + numbers + " traced 29c3839e6ecb5895 in scratch_1\n4 end 8fc6 in al2_1\n",
		},
		{
			"aws logs tail",
			"2025-10-27T12:05:27.123000+00:00 2025/10/27/[$LATEST]aa01 " + report +
				"2025/10/27/[3]bb02 2025-10-27T12:05:28.123000 " + lambdalog.EndLine(other),
			"1 report 3f2a " + numbers + " at 2025-10-27T12:05:27.123000+00:00 in 2025/10/27/[$LATEST]aa01\n" +
				"2 end 8fc6 at 2025-10-27T12:05:28.123000 in 2025/10/27/[3]bb02\n",
		},
		{
			"a CSV export",
			"timestamp,message\n1764520984917,\"START RequestId: " + id + " Version: $LATEST\n\"\n1764520984918,\"" + report + "\"\n" +
				`1764520984919,"{""time"":""2026-10-08T07:30:29.470Z"",""type"":""platform.start"",""record"":{""requestId"":""` + other + `"",""version"":""1""}}"` + "\n",
			"2 start 3f2a Version=$LATEST at 1764520984917\n4 report 3f2a " + numbers + " at 1764520984918\n" +
				"6 start 8fc6 version=1 at 2026-10-08T07:30:29.470Z\n",
		},
		{
			"the command line's JSON",
			"{\n  \"events\": [\n    {\n      \"logStreamName\": \"2025/10/27/[$LATEST]aa01\",\n      \"timestamp\": 1764520984917,\n      \"message\": " +
				quoted(report) + ",\n      \"ingestionTime\": 1764520984999\n    },\n    {\n      \"logStreamName\": \"2025/10/27/[$LATEST]aa01\",\n" +
				"      \"timestamp\": 1764520984918,\n      \"message\": \"{\\\"time\\\":\\\"2026-10-08T07:30:29.470Z\\\",\\\"type\\\":\\\"platform.initReport\\\",\\\"record\\\":{\\\"phase\\\":\\\"init\\\",\\\"metrics\\\":{\\\"durationMs\\\":5.125}}}\"\n    }\n  ]\n}\n",
			"3 report 3f2a " + numbers + " at 1764520984917 in 2025/10/27/[$LATEST]aa01\n" +
				"9 initReport 5.125 init at 2026-10-08T07:30:29.470Z in 2025/10/27/[$LATEST]aa01\n",
		},
		{
			"Logs Insights",
			`[{"@timestamp":"2026-10-08 07:30:29.470","@message":` + quoted(report) + `,"@logStream":"s"},{"@message":"END RequestId: ` + other + `\n"}]`,
			"1 report 3f2a " + numbers + " at 2026-10-08 07:30:29.470 in s\n1 end 8fc6\n",
		},
		{
			"Docker's json-file",
			`{"log":` + quoted(report) + `,"stream":"stdout","time":"2026-10-08T07:30:29.470Z"}` + "\n",
			"1 report 3f2a " + numbers + " at 2026-10-08T07:30:29.470Z\n",
		},
		{
			"wrapped",
			"REPORT RequestId: " + id + "  Duration: 0.62 ms  Billed\n   Duration: 4 ms  Memory Size: 512\n   MB  Max Memory Used: 9 MB\n   Init Duration: 2.41 ms\n" + trace + "Duration: 3 ms\n",
			"1 report 3f2a " + numbers + " traced 29c3839e6ecb5895\n",
		},
		{
			"the official emulator's own log",
			"23 Nov 2026 07:34:05,833 [INFO] (rapid) INIT START(type: on-demand, phase: init)\n23 Nov 2026 07:34:06,541 [INFO] (rapid) INIT REPORT(durationMs: 708.189000)\n" +
				"23 Nov 2026 07:34:06,543 [INFO] (rapid) INVOKE RTDONE(status: success, produced bytes: 0, duration: 2.159000ms)\n",
			"1 initStart type=on-demand phase=init\n2 initReport 708.189 \n3 runtimeDone status=success produced bytes=0 duration=2.159000ms\n",
		},
		{
			"an image that can't be launched",
			"IMAGE\tLaunch error: fork/exec /nothing: no such file or directory\tEntrypoint: [/nothing]\tCmd: []\tWorkingDir: [/]\n",
			"1 image Launch error=fork/exec /nothing: no such file or directory Entrypoint=[/nothing] Cmd=[] WorkingDir=[/]\n",
		},
		{"unclosed JSON", "{\n  \"a\": [\n" + report, "3 report 3f2a " + numbers + "\n"},
		{"a cut tail", "d: 1 ms\tMax Memory Used: 9 MB\t\n" + lambdalog.EndLine(id) + "REPORT RequestId: " + id + "\tDuration: 0.6", "2 end 3f2a\n3 report 3f2a error\n"},
		{"an XRAY line alone", trace, "1 xray TraceId=1-66d978e5-56c7378e556e94b5461da07c SegmentId=29c3839e6ecb5895 Sampled=true\n"},
		{"a very long line", strings.Repeat("x", 3<<20) + report + lambdalog.EndLine(id), "2 end 3f2a\n"},
		{"nothing", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := summary(t, strings.NewReader(test.log)); got != test.want {
				t.Errorf("got\n%swant\n%s", got, test.want)
			}
			if len(test.log) > 1<<16 {
				return
			}
			if got := summary(t, iotest.OneByteReader(strings.NewReader(test.log))); got != test.want {
				t.Errorf("byte by byte: got\n%swant\n%s", got, test.want)
			}
			crlf := strings.ReplaceAll(test.log, "\n", "\r\n")
			if got := summary(t, strings.NewReader(crlf)); got != test.want {
				t.Errorf("with CR LF: got\n%swant\n%s", got, test.want)
			}
		})
	}
}

// quoted writes a line as JSON does.
func quoted(line string) string {
	return `"` + strings.NewReplacer("\t", `\t`, "\n", `\n`, `"`, `\"`).Replace(line) + `"`
}

// An error of the reader is not the end of a log, and the line that it cut is
// not read.
func TestScannerKeepsTheReadersError(t *testing.T) {
	broken := errors.New("connection reset")
	log := io.MultiReader(strings.NewReader(lambdalog.EndLine(id)+fmt.Sprintf(coldOf, id, "1.00")[:90]), iotest.ErrReader(broken))
	s := lambdalog.NewScanner(log)
	n := 0
	for s.Scan() {
		n++
	}
	if n != 1 || !errors.Is(s.Err(), broken) {
		t.Errorf("%d events, error %v", n, s.Err())
	}
}

func TestFindReport(t *testing.T) {
	mine, theirs := fmt.Sprintf(coldOf, id, "0.62"), fmt.Sprintf(coldOf, other, "9.99")
	forged := "REPORT RequestId: " + id + "\tDuration: 0.01 ms\tBilled Duration: 1 ms\tMemory Size: 512 MB\tMax Memory Used: 1 MB\t\n"
	tests := []struct{ name, log, raw string }{
		{"alone", mine, mine},
		{"between others", theirs + mine + theirs, mine},
		{"with its trace", theirs + mine + trace + theirs, mine + trace},
		{"behind what the function printed", lambdalog.StartLine(id, "") + forged + "hello\n" + lambdalog.EndLine(id) + mine, mine},
		{"behind a half line", "Size: 1 MB\t\n" + mine, mine},
		{"a later one is broken", theirs + mine + strings.TrimSuffix(theirs, " ms\t\n"), mine},
		{"without a newline", strings.TrimSuffix(mine, "\t\n"), strings.TrimSuffix(mine, "\t\n")},
	}
	for _, test := range tests {
		r, raw, err := lambdalog.FindReport(test.log, id)
		if err != nil || r.RequestID != id || raw != test.raw {
			t.Errorf("%s: %v\n got %q\nwant %q", test.name, err, raw, test.raw)
			continue
		}
		if again, err := lambdalog.ParseReport(raw); err != nil || again.Text() != r.Text() {
			t.Errorf("%s: raw is %+v, %v", test.name, again, err)
		}
	}

	for _, log := range []string{
		"", theirs, lambdalog.StartLine(id, "") + lambdalog.EndLine(id), "REPORT RequestId: " + id[:35] + "\tDuration: 1.00 ms\t\n",
		"REPORT RequestId: " + id + "0\tDuration: 1.00 ms\t\n", theirs[:len(theirs)-1] + " for " + id + "\n",
	} {
		if r, raw, err := lambdalog.FindReport(log, id); !errors.Is(err, lambdalog.ErrNotFound) || raw != "" || r.RequestID != "" {
			t.Errorf("%q: %+v, %q, %v", log, r, raw, err)
		}
	}
	if _, _, err := lambdalog.FindReport("REPORT Duration: 1.00 ms\t\n", ""); !errors.Is(err, lambdalog.ErrNotFound) {
		t.Errorf("no request id: %v", err)
	}
	// A broken one is not replaced by one that came before.
	_, _, err := lambdalog.FindReport(mine+theirs+mine[:70]+"\n", id)
	var at *lambdalog.SyntaxError
	if !errors.As(err, &at) || errors.Is(err, lambdalog.ErrNotFound) {
		t.Errorf("a broken REPORT: %v", err)
	}
}

// Lines of two services stand between each other; what one prints is not of the
// other, and a bar in a function's output is no service.
func TestServicesStayApart(t *testing.T) {
	report := "REPORT RequestId: " + id + "\tDuration: 0.62 ms\tBilled Duration: 1 ms\tMemory Size: 512 MB\tMax Memory Used: 9 MB\n"
	for _, log := range []string{
		"scratch_1  | " + report + "al2_1      | Init Duration: 5.00 ms\n",
		"scratch_1  | " + report + "al2_1      | " + trace,
		report + "warm | Init Duration: 5.00 ms\n",
		report + "| Init Duration: 5.00 ms\n",
	} {
		r, _, err := lambdalog.FindReport(log, id)
		if err != nil || r.Cold() || r.XRay != nil {
			t.Errorf("%q: %+v, %v", log, r, err)
		}
	}
	r, _, err := lambdalog.FindReport("scratch_1  | "+report+"scratch_1  | Init Duration: 5.00 ms\n", id)
	if err != nil || !r.Cold() {
		t.Errorf("wrapped in its service: %+v, %v", r, err)
	}
}
