package runfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
)

var day = time.Date(2026, 11, 24, 8, 15, 54, 123456000, time.UTC)

func ptr[T any](v T) *T { return &v }

// header is that of a run of two configurations.
func header() Header {
	return Header{
		ID: "x", Started: Stamp(day), Tool: "bench v1", Backend: "local", Engine: "docker",
		Host: Host{Fingerprint: "f1", OS: "linux", Kernel: "6.1", CPU: "some", CPUs: 2, MemoryMB: 24000},
		Plan: plan.Plan{Runs: 50, WarmRuns: 5, Seed: 1, MemoryMB: []int{512}, Arch: []string{"amd64"}, CPU: "lambda", Pause: plan.Millis{Duration: 40 * time.Millisecond}, PayloadSha256: "00", Timeout: plan.Seconds{Duration: 3 * time.Second}, Strategy: "new-container"},
		Configs: []Config{
			{Config: coldstart.Config{Variant: "scratch", MemoryMB: 512, Arch: "amd64"}, Image: Image{ImageID: "sha256:1", Layers: 1, Base: "scratch"}},
			{Config: coldstart.Config{Variant: "al2", MemoryMB: 512, Arch: "amd64"}, Image: Image{ImageID: "sha256:2", Layers: 2, StandIn: true}},
		},
	}
}

func sample(seq int) coldstart.Sample {
	id := fmt.Sprintf("%08d-4b2c-4d5e-8f90-123456789abc", seq)
	return coldstart.Sample{
		Config: header().Configs[seq%2].Config, Round: seq, Seq: seq, Attempt: 1, Environment: fmt.Sprintf("e%d", seq), Invocation: 1,
		At: day.Add(time.Duration(seq) * time.Millisecond), Start: coldstart.Cold, Class: coldstart.ClassCold, Strategy: "new-container",
		Proof: []string{"initDuration", "newInstance"}, RequestID: id,
		Metrics: coldstart.Metrics{
			InitDurationMs: ptr(2.41), DurationMs: ptr(0.62), BilledDurationMs: ptr(4.0), MemorySizeMB: ptr(512.0), MaxMemoryUsedMB: ptr(9.0),
		},
		Phases:      coldstart.Phases{ProvisionMs: ptr(98.1), ClientMs: ptr(101.9), ExtensionsMs: ptr(3.5)},
		Function:    &coldstart.Function{InstanceID: "i1", Invocation: 1, ProcessUptimeMs: ptr(10.0), StartedAtNs: ptr(int64(1) << 62)},
		ThrottledMs: ptr(0.0),
		Raw:         "REPORT RequestId: " + id + "\tDuration: 0.62 ms\tBilled Duration: 4 ms\tMemory Size: 512 MB\tMax Memory Used: 9 MB\tInit Duration: 2.41 ms\t\n",
	}
}

func attemptOf(seq int) coldstart.Attempt {
	return coldstart.Attempt{Config: header().Configs[0].Config, Round: 2, Seq: seq, Attempt: 2, At: day, Want: coldstart.Cold}
}

// write makes a run file with one record of each type and n samples.
func write(t *testing.T, path string, n int) {
	t.Helper()
	w, err := Create(path, header())
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := w.Sample(sample(i + 1)); err != nil {
			t.Fatal(err)
		}
	}
	np := &coldstart.ProofError{Want: coldstart.Cold, Reason: "not-cold", Detail: "an <old> instance", Report: "REPORT …"}
	f := &coldstart.InvocationError{Reason: coldstart.ReasonExit, Output: strings.Repeat("é", 4000) + "end", Err: errors.New("exit status 2")}
	if err := errors.Join(w.Reject(attemptOf(n+1), np), w.Failure(attemptOf(n+2), f), w.End(day, StoppedInterrupted, []string{"w"}), w.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, path string) *Run {
	t.Helper()
	run, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.jsonl")
	write(t, path, 3)
	run := open(t, path)
	h := header()
	h.Type, h.Schema = "run", 1
	if !reflect.DeepEqual(run.Header, h) {
		t.Errorf("header\n%+v, want\n%+v", run.Header, h)
	}
	if len(run.Samples) != 3 {
		t.Fatalf("%d samples", len(run.Samples))
	}
	for i, got := range run.Samples {
		if want := sample(i + 1); !reflect.DeepEqual(got, want) {
			t.Errorf("sample\n%+v, want\n%+v", got, want)
		}
	}
	if len(run.Rejects) != 1 || !reflect.DeepEqual(run.Rejects[0].Try(), attemptOf(4)) || run.Rejects[0].Detail != "an <old> instance" {
		t.Errorf("rejects %+v", run.Rejects)
	}
	if len(run.Failures) != 1 || !reflect.DeepEqual(run.Failures[0].Try(), attemptOf(5)) {
		t.Fatalf("failures %+v", run.Failures)
	}
	if f := run.Failures[0]; f.Error != "exit status 2" || len(f.Output) > 4096 || len(f.Output) < 4090 || !strings.HasSuffix(f.Output, "éend") || strings.ContainsRune(f.Output, '\uFFFD') {
		t.Errorf("failure %+v", f)
	}
	want := End{Type: "end", At: Stamp(day), Samples: 3, Rejects: 1, Failures: 1, Stopped: StoppedInterrupted, Warnings: []string{"w"}}
	if !reflect.DeepEqual(run.End, &want) || len(run.Warnings) != 0 {
		t.Errorf("end %+v, warnings %q", run.End, run.Warnings)
	}
}

// What is missing stays missing, and what is 0 stays 0.
func TestMissingIsNotZero(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.jsonl")
	w, err := Create(path, header())
	if err != nil {
		t.Fatal(err)
	}
	s := coldstart.Sample{Config: header().Configs[0].Config, Start: coldstart.Warm, Class: coldstart.ClassWarm, At: day}
	s.Metrics.DurationMs = ptr(0.0)
	if err := errors.Join(w.Sample(s), w.Close()); err != nil {
		t.Fatal(err)
	}
	got := open(t, path).Samples[0]
	if got.Metrics != (coldstart.Metrics{DurationMs: got.Metrics.DurationMs}) || *got.Metrics.DurationMs != 0 || got.Phases != (coldstart.Phases{}) || got.ThrottledMs != nil || got.Function != nil {
		t.Errorf("read %+v", got)
	}
}

// The names in a file are a promise to whoever reads published runs.
func TestSampleLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.jsonl")
	write(t, path, 1)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"type":"sample","variant":"al2","memorySizeMB":512,"arch":"amd64","round":1,"seq":1,"environment":"e1","invocation":1,"attempt":1,` +
		`"at":"2026-11-24T08:15:54.124456Z","start":"cold","class":"cold","strategy":"new-container","proof":["initDuration","newInstance"],` +
		`"requestId":"00000001-4b2c-4d5e-8f90-123456789abc","metrics":{"initDurationMs":2.41,"durationMs":0.62,"billedDurationMs":4,"memorySizeMB":512,"maxMemoryUsedMB":9},` +
		`"phases":{"provisionMs":98.1,"clientMs":101.9,"extensionsMs":3.5},"function":{"instanceId":"i1","invocation":1,"processUptimeMs":10,"startedAtNs":4611686018427387904},"throttledMs":0,` +
		`"report":"REPORT RequestId: 00000001-4b2c-4d5e-8f90-123456789abc\tDuration: 0.62 ms\tBilled Duration: 4 ms\tMemory Size: 512 MB\tMax Memory Used: 9 MB\tInit Duration: 2.41 ms\t\n"}`
	if got := strings.Split(string(data), "\n")[1]; got != want {
		t.Errorf("line\n%s, want\n%s", got, want)
	}
}

// The token is the value of an environment variable: it must not be published.
func TestTokenIsNotWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.jsonl")
	w, err := Create(path, header())
	if err != nil {
		t.Fatal(err)
	}
	s := sample(1)
	s.Function.Token = "hunter2"
	if err := errors.Join(w.Sample(s), w.Close()); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(path); err != nil || bytes.Contains(data, []byte("hunter2")) {
		t.Errorf("the file holds the token: %s %v", data, err)
	}
}

// A file that is cut at any byte gives its whole lines.
func TestCutAtAnyByte(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.jsonl")
	write(t, path, 3)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first := bytes.IndexByte(data, '\n')
	for cut := range data {
		run, err := Read(bytes.NewReader(data[:cut]))
		if cut <= first {
			if !errors.Is(err, ErrNotRun) || run != nil {
				t.Fatalf("cut at %d, in the header: %v, %v", cut, run, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		lines := bytes.Count(data[:cut], []byte("\n")) - 1
		if got := len(run.Samples) + len(run.Rejects) + len(run.Failures); got != lines || run.End != nil {
			t.Fatalf("cut at %d: %d records of %d, end %v", cut, got, lines, run.End)
		}
		torn := cut > 0 && data[cut-1] != '\n'
		warned := strings.Contains(strings.Join(run.Warnings, "\n"), "cut off after")
		if torn != warned || !strings.Contains(strings.Join(run.Warnings, "\n"), "no end record") {
			t.Fatalf("cut at %d: warnings %q", cut, run.Warnings)
		}
		if run.Whole != int64(bytes.LastIndexByte(data[:cut], '\n')+1) {
			t.Fatalf("cut at %d: whole lines are %d bytes", cut, run.Whole)
		}
	}
}

func TestBadFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.jsonl")
	write(t, path, 2)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(data), "\n")
	head, one := lines[0], lines[1]
	for _, c := range []struct {
		name, text, want string
		is               error
	}{
		{"empty", "", "line 1: no header: not a run file", ErrNotRun},
		{"no header", one, "line 1: no header", ErrNotRun},
		{"text", "# Results\n", "line 1: no header", ErrNotRun},
		{"binary", "\x7fELF\x00\x00\n\x00", "line 1: no header", ErrNotRun},
		{"newer", `{"type":"run","schema":2,"configs":"other"}` + "\n", "line 1: schema 2, this bench reads up to 1", ErrNewer},
		{"no schema", `{"type":"run"}` + "\n", "line 1: schema 0", ErrNotRun},
		{"garbage in the middle", head + one + "garbage\n" + one, "line 3: invalid character", nil},
		{"torn in the middle", head + one[:50] + "\n" + one, "line 2: ", nil},
		{"two lines in one", head + one[:50] + one, "line 2: ", nil},
		{"two records in one line", head + strings.TrimSpace(one) + one, "line 2: ", nil},
		{"empty line", head + "\n" + one, "line 2: ", nil},
		{"no object", head + "7\n", "line 2: ", nil},
		{"no type", head + "{}\n", "line 2: a record without type", nil},
		{"two files in one", head + head, "line 2: a second header", nil},
		{"another configuration", head + strings.Replace(one, `"arch":"amd64"`, `"arch":"arm64"`, 1), "line 2: al2/512MB/arm64 is not in the header", nil},
		{"negative", head + strings.Replace(one, `"durationMs":0.62`, `"durationMs":-0.62`, 1), "line 2: negative value -0.62", nil},
		{"too big a number", head + strings.Replace(one, `"durationMs":0.62`, `"durationMs":1e999`, 1), "line 2: ", nil},
		{"no start", head + strings.Replace(one, `"start":"cold"`, `"start":"lukewarm"`, 1), `line 2: start "lukewarm"`, nil},
		{"no time", head + strings.Replace(one, `"at":"2`, `"at":"x`, 1), "line 2: parsing time", nil},
		{"no time of a reject", head + strings.Replace(lines[3], `"at":"2`, `"at":"x`, 1), "line 2: parsing time", nil},
	} {
		run, err := Read(strings.NewReader(c.text))
		if err == nil || run != nil || !strings.Contains(err.Error(), c.want) || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v, %v, want %q", c.name, run, err, c.want)
		}
	}
	garbage := filepath.Join(t.TempDir(), "garbage.jsonl")
	if err := os.WriteFile(garbage, []byte(head+one+"garbage\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for what, read := range map[string]func() error{
		"Open":   func() error { _, err := Open(garbage); return err },
		"Resume": func() error { _, _, err := Resume(garbage, Header{}, time.Now()); return err },
	} {
		if err := read(); err == nil || !strings.Contains(err.Error(), garbage+":3: invalid character") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := Read(strings.NewReader(`{"type":"run","schema":9}` + "\n")); advice.HintOf(err) == "" {
		t.Error("a newer schema has no hint")
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none.jsonl")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestWarningIn(t *testing.T) {
	for warning, want := range map[string]string{
		"line 12: cut off after 7 bytes: dropped": "f:12: cut off after 7 bytes: dropped",
		"no end record: the run was cut off":      "f: no end record: the run was cut off",
		"line up: 3":                              "f: line up: 3",
		"line":                                    "f: line",
	} {
		if got := AnnotateWarning("f", warning); got != want {
			t.Errorf("%q: %q, want %q", warning, got, want)
		}
	}
}

// zeros never ends and has no newline.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestEndlessLineIsAnError(t *testing.T) {
	if _, err := Read(zeros{}); !errors.Is(err, ErrNotRun) {
		t.Errorf("read zeros: %v", err)
	}
	broken := errors.New("input/output error")
	path := filepath.Join(t.TempDir(), "r.jsonl")
	write(t, path, 2)
	data, _ := os.ReadFile(path)
	if _, err := Read(io.MultiReader(bytes.NewReader(data), errReader{broken})); !errors.Is(err, broken) {
		t.Errorf("read error: %v", err)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func TestUnknownThingsAreWarnings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.jsonl")
	write(t, path, 2)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	text = strings.Replace(text, `{"type":"run",`, `{"type":"run","colour":"red",`, 1)
	text = strings.ReplaceAll(text, `"durationMs":0.62`, `"durationMs":0.62,"gpuMs":7`)
	text = strings.Replace(text, `{"type":"reject"`, `{"note":1,"type":"remark"}`+"\n"+`{"type":"reject"`, 1)
	run, err := Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`unknown field "colour": ignored 1 times`,
		`unknown field "gpuMs": ignored 2 times`,
		`records of unknown type "remark": ignored 1 times`,
	}
	if !reflect.DeepEqual(run.Warnings, want) {
		t.Errorf("warnings %q", run.Warnings)
	}
	if len(run.Samples) != 2 || !reflect.DeepEqual(run.Samples[0].Metrics, sample(1).Metrics) {
		t.Errorf("samples %+v", run.Samples)
	}
}

// A run whose samples were picked by hand does not add up.
func TestMissingRecordsAreNoticed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.jsonl")
	write(t, path, 3)
	data, _ := os.ReadFile(path)
	lines := strings.SplitAfter(string(data), "\n")
	run, err := Read(strings.NewReader(lines[0] + lines[1] + strings.Join(lines[3:], "")))
	if err != nil || len(run.Warnings) != 1 || !strings.Contains(run.Warnings[0], "counts 3 samples, 1 rejects and 1 failures, the file holds 2, 1 and 1") {
		t.Errorf("warnings %q, %v", run.Warnings, err)
	}
	run, err = Read(strings.NewReader(string(data) + lines[1]))
	if err != nil || !strings.Contains(strings.Join(run.Warnings, "\n"), "records after the end record") {
		t.Errorf("warnings %q, %v", run.Warnings, err)
	}
}

func TestWritersMayBeShared(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.jsonl")
	w, err := Create(path, header())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				if err := w.Sample(sample(1 + i*50 + j)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(w.End(day, StoppedPlan, nil), w.Close()); err != nil {
		t.Fatal(err)
	}
	if run := open(t, path); len(run.Samples) != 400 || len(run.Warnings) != 0 {
		t.Errorf("%d samples, warnings %q", len(run.Samples), run.Warnings)
	}
	if err := w.Sample(sample(1)); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("written after close: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	path := filepath.Join(f.TempDir(), "r.jsonl")
	w, err := Create(path, header())
	if err != nil {
		f.Fatal(err)
	}
	np, fail := &coldstart.ProofError{Reason: "not-cold"}, &coldstart.InvocationError{Reason: coldstart.ReasonExit}
	if err := errors.Join(w.Sample(sample(1)), w.Reject(attemptOf(2), np), w.Failure(attemptOf(3), fail), w.End(day, StoppedInterrupted, nil), w.Close()); err != nil {
		f.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	for cut := 0; cut <= len(data); cut += 97 {
		f.Add(data[:cut])
	}
	f.Add(data)
	f.Add([]byte(`{"type":"run","schema":1,"configs":[]}` + "\n" + `{"type":"x"}` + "\n{"))
	f.Fuzz(func(t *testing.T, data []byte) {
		run, err := Read(bytes.NewReader(data))
		if err != nil {
			if run != nil {
				t.Fatal("an error and a run")
			}
			return
		}
		if run.Whole > int64(len(data)) || data[run.Whole-1] != '\n' || bytes.IndexByte(data[run.Whole:], '\n') >= 0 {
			t.Fatalf("whole lines end at %d of %q", run.Whole, data)
		}
		// The torn line counts for nothing.
		again, err := Read(bytes.NewReader(data[:run.Whole]))
		if err != nil || !reflect.DeepEqual(again.Samples, run.Samples) || !reflect.DeepEqual(again.End, run.End) {
			t.Fatalf("without its torn line: %v", err)
		}
		// What was read can be written, and reads the same.
		path := filepath.Join(t.TempDir(), "r.jsonl")
		w, err := Create(path, run.Header)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range run.Samples {
			if err := w.Sample(s); err != nil {
				t.Fatal(err)
			}
		}
		w.Close()
		copied, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range copied.Samples {
			want := run.Samples[i]
			want.At = want.At.UTC().Truncate(time.Microsecond)
			s.At = s.At.UTC()
			if len(s.Proof) == 0 && len(want.Proof) == 0 {
				s.Proof, want.Proof = nil, nil
			}
			if !reflect.DeepEqual(s, want) {
				t.Fatalf("sample\n%+v, want\n%+v", s, want)
			}
		}
	})
}

// What was seen of the machine is in the end record, and nothing where nothing was.
func TestHostLoad(t *testing.T) {
	for _, want := range []*HostLoad{nil, {}, {BusyShare: ptr(0.25), WaitedS: 1.5, StolenShare: ptr(0.0)}} {
		path := filepath.Join(t.TempDir(), "r.jsonl")
		w, err := Create(path, header())
		if err != nil {
			t.Fatal(err)
		}
		w.Host(want)
		if err := errors.Join(w.End(day, StoppedPlan, nil), w.Close()); err != nil {
			t.Fatal(err)
		}
		run := open(t, path)
		if !reflect.DeepEqual(run.End.Host, want) || len(run.Warnings) > 0 {
			t.Errorf("%+v, %q; want %+v", run.End.Host, run.Warnings, want)
		}
	}
}
