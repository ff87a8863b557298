package plan

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// full returns a plan in which every field has a value of its own.
func full(t *testing.T) Plan {
	t.Helper()
	p := Plan{}
	v := reflect.ValueOf(&p).Elem()
	for i := range v.NumField() {
		f, name := v.Field(i), v.Type().Field(i).Name
		switch x := f.Addr().Interface().(type) {
		case *int:
			*x = 100 + i
		case *uint64:
			*x = uint64(100 + i)
		case *string:
			*x = strings.ToLower(name)
		case *[]int:
			*x = []int{128, 512}
		case *[]string:
			*x = []string{"amd64", "arm64"}
		case *Millis:
			x.Duration = time.Duration(i)*time.Millisecond + 500*time.Microsecond
		case *Seconds:
			x.Duration = time.Duration(i)*time.Second + 250*time.Millisecond
		default:
			t.Fatalf("%s: %s has no example here", name, f.Type())
		}
	}
	p.Only = "cold"
	return p
}

func TestHeaderKeepsEveryField(t *testing.T) {
	p := full(t)
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var q Plan
	if err := json.Unmarshal(text, &q); err != nil || !p.Equal(q) {
		t.Errorf("%s is read as %+v, %v", text, q, err)
	}
}

// What earlier versions wrote is read to the same values and written again byte
// for byte.
func TestHeaderOfEarlierVersions(t *testing.T) {
	for text, want := range map[string]Plan{
		`{"runs":50,"warmRuns":5,"seed":1,"memoryMB":[512],"arch":["amd64"],"cpu":"lambda","cpuPeriodMs":20,"pauseMs":40,"payloadSha256":"17b7","timeoutS":3,"strategy":"new-container","network":"none","retries":3}`: {
			Runs: 50, WarmRuns: 5, Seed: 1, MemoryMB: []int{512}, Arch: []string{"amd64"}, CPU: "lambda", CPUPeriod: Millis{20 * time.Millisecond},
			Pause: Millis{40 * time.Millisecond}, PayloadSha256: "17b7", Timeout: Seconds{3 * time.Second}, Strategy: "new-container", Network: "none", Retries: 3,
		},
		`{"runs":1,"warmRuns":0,"seed":0,"memoryMB":null,"arch":null,"cpu":"","pauseMs":0.1,"payloadSha256":"","timeoutS":0,"strategy":"idle","idleS":1.5}`: {
			Runs: 1, Pause: Millis{100 * time.Microsecond}, Strategy: "idle", Idle: Seconds{1500 * time.Millisecond},
		},
	} {
		var p Plan
		if err := json.Unmarshal([]byte(text), &p); err != nil || !reflect.DeepEqual(p, want) {
			t.Errorf("%+v, %v, want %+v", p, err, want)
		}
		if again, err := json.Marshal(p); err != nil || string(again) != text {
			t.Errorf("written again: %s, %v, want %s", again, err, text)
		}
	}
	for _, text := range []string{`{"pauseMs":1e300}`, `{"timeoutS":-1e300}`, `{"idleS":"3"}`} {
		if err := json.Unmarshal([]byte(text), &Plan{}); err == nil {
			t.Errorf("%s is read", text)
		}
	}
}

// A field without a row in settings is forgotten by --resume and by the command
// line.
func TestEveryFieldIsASetting(t *testing.T) {
	rows := map[any]int{}
	p := Plan{}
	for _, s := range settings {
		rows[s.field(&p)]++
	}
	v := reflect.ValueOf(&p).Elem()
	for i := range v.NumField() {
		want := 1
		if v.Type().Field(i).Name == "PayloadSha256" {
			want = 0
		}
		if n := rows[v.Field(i).Addr().Interface()]; n != want {
			t.Errorf("%s has %d rows in settings, want %d", v.Type().Field(i).Name, n, want)
		}
	}
}

func TestResumeTakesEverySettingNotGiven(t *testing.T) {
	from := full(t)
	var p Plan
	p.Resume(from, func(string) bool { return false })
	p.PayloadSha256 = from.PayloadSha256
	if was, is := from.Differences(p); was != "" {
		t.Errorf("not resumed: %s, but %s", was, is)
	}
	for _, s := range settings {
		for _, flag := range s.flags {
			p := Plan{}
			p.Resume(from, func(given string) bool { return given == flag })
			if !s.value(&p).IsZero() {
				t.Errorf("--%s was given and is replaced by %v", flag, s.value(&p))
			}
		}
	}
}

// Zero is taken if it is a value, and leaves the default if it means that the
// setting did not apply.
func TestResumeTakesZero(t *testing.T) {
	p := full(t)
	p.Resume(Plan{}, func(string) bool { return false })
	if p.WarmRuns != 0 || p.Pause.Duration != 0 || p.Retries != 0 || p.Seed != 0 {
		t.Errorf("zeros are lost: %+v", p)
	}
	if p.Network == "" || p.CPUPeriod.Duration == 0 || p.Burst == 0 || p.Idle.Duration == 0 {
		t.Errorf("defaults are lost: %+v", p)
	}
}

func TestConditionsOfAnEarlierRun(t *testing.T) {
	var p Plan
	from := full(t)
	from.CPU = "lambda"
	p.TakeConditions(from, func(flag string) bool { return flag == "pause" })
	if p.Pause.Duration != 0 || p.Runs != 0 || p.Seed != 0 || p.MemoryMB != nil || p.Baseline != "" {
		t.Errorf("more than the conditions: %+v", p)
	}
	if p.CPU == "" || p.CPUPeriod.Duration == 0 || p.Timeout.Duration == 0 || p.Network == "" || len(p.Arch) != 2 {
		t.Errorf("less than the conditions: %+v", p)
	}
	p.TakeConditions(Plan{CPU: "none"}, func(string) bool { return false })
	if p.CPU != "none" || p.CPUPeriod.Duration != 0 {
		t.Errorf("a period without a limit: %+v", p)
	}
}

func TestArgs(t *testing.T) {
	p := full(t)
	for _, s := range settings {
		for _, backend := range []string{"local", "aws"} {
			of := p
			if s.flags[0] == "strategy" {
				of.Redeploy = 0
			}
			want := s.backend == "" || s.backend == backend
			flag := "--" + s.flags[0]
			if flag == "--runs" {
				flag = "--max-runs"
			}
			if args := of.Args(backend); slices.Contains(args, flag) != want {
				t.Errorf("bench %s: %s in %q, want %t", backend, flag, args, want)
			}
		}
	}
	short := Plan{Runs: 5, MemoryMB: []int{128, 512}, Pause: Millis{500 * time.Microsecond}, Timeout: Seconds{3 * time.Second}, Only: "warm", Strategy: "new-sandbox", Baseline: "it's"}
	const want = `--runs 5 --warm-runs 0 --warm --memory 128,512 --pause 0.5ms --timeout 3s --retries 0 --baseline 'it'\''s' --seed 0`
	if got := Shell(short.Args("local")); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestDifferences(t *testing.T) {
	p := full(t)
	q := p
	q.Runs, q.Timeout.Duration, q.Arch = 7, time.Minute, nil
	was, is := p.Differences(q)
	if was != "runs 100, arch [amd64 arm64], timeoutS 9.25" || is != "runs 7, arch [], timeoutS 60" || p.Equal(q) {
		t.Errorf("%q and %q", was, is)
	}
	q = Plan{MemoryMB: []int{}, Arch: []string{}}
	if a, b := q.Differences(Plan{}); a != "" || b != "" || !q.Equal(Plan{}) {
		t.Errorf("empty and missing lists differ: %q, %q", a, b)
	}
}

func TestShellQuotesWhatAShellSplits(t *testing.T) {
	got := Shell([]string{"bench", "a=b:1,2", "", "two words", "it's", "line\n"})
	if want := `bench a=b:1,2 '' 'two words' 'it'\''s' 'line` + "\n'"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
