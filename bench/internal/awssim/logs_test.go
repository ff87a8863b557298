package awssim_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"coldbench/bench/internal/awssim"
	"coldbench/bench/internal/awssim/awssimtest"
	"coldbench/bench/lambdalog"
)

// filter reads all pages.
func (w *world) filter(group, pattern string, options ...func(*cloudwatchlogs.FilterLogEventsInput)) []logtypes.FilteredLogEvent {
	w.t.Helper()
	events, _ := w.pages(group, pattern, options...)
	return events
}

func (w *world) pages(group, pattern string, options ...func(*cloudwatchlogs.FilterLogEventsInput)) (events []logtypes.FilteredLogEvent, sizes []int) {
	w.t.Helper()
	in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String(group)}
	if pattern != "" {
		in.FilterPattern = aws.String(pattern)
	}
	for _, o := range options {
		o(in)
	}
	p := cloudwatchlogs.NewFilterLogEventsPaginator(w.logs, in)
	for p.HasMorePages() {
		out, err := p.NextPage(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		events, sizes = append(events, out.Events...), append(sizes, len(out.Events))
	}
	return events, sizes
}

func TestFilterLogEvents(t *testing.T) {
	c := newClock()
	e := newToys()
	e.Handle = func(m awssimtest.Event) awssimtest.Answer {
		m.Spec.Output("said " + string(m.Payload))
		return awssimtest.Answer{Payload: "{}"}
	}
	w := newWorld(t, awssim.Options{Engine: e, Clock: c.Now, Ingestion: 5 * time.Second, PageScan: 3})
	w.deploy("f", awssim.Function{})
	_, err := w.logs.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/aws/lambda/f")})
	refused(t, err, 400, "ResourceNotFoundException") // no invocation has made it yet
	first := c.Now()
	w.invoke("f")
	if events := w.filter("/aws/lambda/f", ""); len(events) != 0 {
		t.Errorf("shown at once: %d events", len(events))
	}
	c.add(5 * time.Second)
	second := c.Now()
	w.invoke("f")
	w.update("f", nil)
	w.updated("f")
	w.invoke("f")
	c.add(5 * time.Second)
	events, sizes := w.pages("/aws/lambda/f", "")
	if len(events) != 12 || sizes[0] != 0 || len(sizes) != 5 {
		t.Fatalf("%d events in pages of %v", len(events), sizes)
	}
	streams := map[string]bool{}
	for i, prefix := range []string{"START ", "said {}", "END ", "REPORT "} {
		if e := events[i]; !strings.HasPrefix(*e.Message, prefix) || *e.Timestamp != first.UnixMilli() || *e.IngestionTime != second.UnixMilli() || *e.EventId == "" {
			t.Errorf("event %d: %+v", i, *e.Message)
		}
	}
	for _, e := range events {
		streams[*e.LogStreamName] = true
	}
	if len(streams) != 2 || !strings.HasPrefix(*events[0].LogStreamName, "2026/11/24/[$LATEST]") || *events[0].LogStreamName == *events[11].LogStreamName {
		t.Errorf("streams %v", streams)
	}
	one := func(in *cloudwatchlogs.FilterLogEventsInput) { in.LogStreamNames = []string{*events[11].LogStreamName} }
	for _, q := range []struct {
		name, pattern string
		option        func(in *cloudwatchlogs.FilterLogEventsInput)
		want          int
	}{
		{"phrase", `"REPORT RequestId"`, nil, 3},
		{"quoted id", `"` + (*events[3].Message)[18:54] + `"`, nil, 3},
		{"words", "REPORT Init", nil, 2},
		{"any word", "?START ?END", nil, 6},
		{"without", "RequestId -START", nil, 6},
		{"stream", "", one, 4},
		{"stream and word", "REPORT", one, 1},
		{"from", "", func(in *cloudwatchlogs.FilterLogEventsInput) { in.StartTime = aws.Int64(second.UnixMilli()) }, 8},
		{"to", "", func(in *cloudwatchlogs.FilterLogEventsInput) { in.EndTime = aws.Int64(second.UnixMilli()) }, 4},
		{"JSON, of which there is none", `{ $.type = "platform.report" }`, nil, 0},
		{"pages of one", "REPORT", func(in *cloudwatchlogs.FilterLogEventsInput) { in.Limit = aws.Int32(1) }, 3},
	} {
		option := q.option
		if option == nil {
			option = func(*cloudwatchlogs.FilterLogEventsInput) {}
		}
		if got := w.filter("/aws/lambda/f", q.pattern, option); len(got) != q.want {
			t.Errorf("%s: %d events, want %d", q.name, len(got), q.want)
		}
	}
	for _, bad := range []*cloudwatchlogs.FilterLogEventsInput{
		{NextToken: aws.String("never given")},
		{FilterPattern: aws.String(`"open`)},
		{FilterPattern: aws.String(`{ $.a`)},
		{LogStreamNames: []string{"a"}, LogStreamNamePrefix: aws.String("a")},
	} {
		bad.LogGroupName = aws.String("/aws/lambda/f")
		_, err := w.logs.FilterLogEvents(t.Context(), bad)
		refused(t, err, 400, "InvalidParameterException")
	}
	out, err := w.logs.DescribeLogStreams(t.Context(), &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: aws.String("/aws/lambda/f")})
	if err != nil || len(out.LogStreams) != 2 {
		t.Errorf("%+v, %v", out, err)
	}
}

// The JSON format has AWS's events, with the text's numbers to the microsecond,
// and hides what is below the system log level.
func TestJSONLogs(t *testing.T) {
	for _, c := range []struct {
		level string
		want  []string
	}{
		{"DEBUG", []string{"platform.start", "platform.runtimeDone", "platform.report"}},
		{"INFO", []string{"platform.start", "platform.report"}},
		{"WARN", nil},
	} {
		t.Run(c.level, func(t *testing.T) {
			w := newWorld(t, awssim.Options{Engine: newToys(), Ingestion: -1})
			w.deploy("f", awssim.Function{LogFormat: "JSON", SystemLogLevel: c.level, MemoryMB: 256})
			got := w.invoke("f")
			var types []string
			for line := range strings.Lines(got.tail) {
				var e struct{ Time, Type string }
				if err := json.Unmarshal([]byte(line), &e); err != nil || e.Time == "" {
					t.Errorf("%q: %v", line, err)
				}
				types = append(types, e.Type)
			}
			if strings.Join(types, " ") != strings.Join(c.want, " ") {
				t.Errorf("events %q, want %q", types, c.want)
			}
			if m := got.report.Metrics; c.level != "WARN" && (m.InitDurationMs == nil || *m.InitDurationMs != 2.346 || *m.DurationMs != 1.235 || *m.BilledDurationMs != 4 || got.report.Status != "success") {
				t.Errorf("%s", got.tail)
			}
			if c.level == "INFO" {
				if n := len(w.filter("/aws/lambda/f", `{ $.type = "platform.report" }`)); n != 1 {
					t.Errorf("%d reports", n)
				}
			}
			if got.Variables["AWS_LAMBDA_LOG_FORMAT"] != "JSON" {
				t.Errorf("variables %v", got.Variables)
			}
		})
	}
}

// A failure is shown at every level.
func TestJSONLogsOfFailures(t *testing.T) {
	e := &awssimtest.Engine{Handle: func(awssimtest.Event) awssimtest.Answer { return awssimtest.Answer{Payload: "{}", Error: "Unhandled"} }}
	w := newWorld(t, awssim.Options{Engine: e})
	w.deploy("f", awssim.Function{LogFormat: "JSON", SystemLogLevel: "WARN"})
	if got := w.invoke("f"); got.report.Status != "failure" || !strings.Contains(got.tail, "runtimeDone") {
		t.Errorf("%s", got.tail)
	}
}

// A zip on a managed runtime has the line that names its version.
func TestZipsNameTheirRuntime(t *testing.T) {
	w := newWorld(t, awssim.Options{Engine: newToys()})
	w.deploy("f", awssim.Function{PackageType: "Zip"})
	got := w.invoke("f")
	e, err := lambdalog.Parse(got.tail)
	if v, ok := e.Field("Runtime Version"); err != nil || e.Kind != lambdalog.KindInitStart || !ok || v != "provided:al2023.v0" {
		t.Errorf("%+v, %v: %s", e, err, got.tail)
	}
	if strings.Contains(w.invoke("f").tail, "INIT_START") {
		t.Error("INIT_START of a warm invocation")
	}
	if c := w.get("f"); c.PackageType != "Zip" || c.Runtime != "provided.al2023" || len(*c.CodeSha256) != 44 {
		t.Errorf("%+v", c)
	}
}
