package docker

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/runtimeapi"
)

func TestQuota(t *testing.T) {
	for _, c := range []struct {
		memoryMB int
		period   time.Duration
		want     quota
	}{
		{128, 0, quota{20_000, 40_000, 1_447}},
		{512, 0, quota{20_000, 40_000, 5_788}},
		{1769, 100 * time.Millisecond, quota{100_000, 200_000, 100_000}},
		{10240, 0, quota{20_000, 115_771, 115_771}}, // more than two vCPUs: init is not slower
	} {
		got, err := quotaOf(c.memoryMB, coldstart.Options{LimitCPU: true, CPUPeriod: c.period})
		if err != nil || got != c.want {
			t.Errorf("%d MB, %v: %+v, %v, want %+v", c.memoryMB, c.period, got, err, c.want)
		}
	}
	if q, err := quotaOf(512, coldstart.Options{}); err != nil || q != (quota{}) {
		t.Errorf("no limit: %+v, %v", q, err)
	}
	for period, want := range map[time.Duration]string{
		time.Microsecond: "want 1ms to 1s", 2 * time.Second: "want 1ms to 1s", 5 * time.Millisecond: "takes no quota below 1 ms",
	} {
		if q, err := quotaOf(128, coldstart.Options{LimitCPU: true, CPUPeriod: period}); err == nil || q != (quota{}) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %+v, %v", period, q, err)
		}
	}
}

func TestExitOf(t *testing.T) {
	for code, want := range map[int]runtimeapi.Exit{
		0: {}, 1: {Code: 1}, 126: {Code: 126}, 128: {Code: 128}, 137: {Code: 137, Signal: 9}, 139: {Code: 139, Signal: 11}, 255: {Code: 255},
	} {
		if got := exitOf(code); got != want {
			t.Errorf("%d: %+v, want %+v", code, got, want)
		}
	}
}

// TestOutput: however it is written, the lines are the same and the tail is the
// end.
func TestOutput(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`([a-c]{0,9}\n?){0,40}`).Draw(t, "text")
		var lines []string
		o := output{log: func(l string) { lines = append(lines, l) }}
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "n")
			if got, err := o.Write([]byte(rest[:n])); got != n || err != nil {
				t.Fatal(got, err)
			}
			rest = rest[n:]
		}
		o.end()
		want := strings.Split(text, "\n")
		if want[len(want)-1] == "" {
			want = want[:len(want)-1]
		}
		if strings.Join(lines, "\n") != strings.Join(want, "\n") || len(lines) != len(want) {
			t.Errorf("lines %q, want %q", lines, want)
		}
		if o.String() != text[max(0, len(text)-outputTail):] {
			t.Errorf("tail %q", o.String())
		}
	})
	var o output
	big := strings.Repeat("0123456789", 1000)
	o.Write([]byte(big))
	o.Write([]byte("!"))
	if want := (big + "!")[len(big)+1-outputTail:]; o.String() != want {
		t.Errorf("the tail of a long output has %d bytes and ends in %.10q", len(o.String()), o.String()[len(o.String())-10:])
	}
	count := 0
	endless := output{log: func(string) { count++ }}
	for range 10 {
		endless.Write(make([]byte, maxLogLine/2))
	}
	if count == 0 || len(endless.line) > 2*maxLogLine {
		t.Errorf("a line without end is kept whole: %d bytes", len(endless.line))
	}
}
