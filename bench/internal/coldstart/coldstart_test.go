package coldstart

import (
	"errors"
	"fmt"
	"math"
	"testing"
)

func ptr(v float64) *float64 { return &v }

func TestTotal(t *testing.T) {
	for _, c := range []struct {
		name string
		s    Sample
		want float64
		ok   bool
	}{
		{"cold", Sample{Start: Cold, Class: ClassCold, Metrics: Metrics{DurationMs: ptr(0.62), InitDurationMs: ptr(2.41)}}, 3.03, true},
		{"first after deploy", Sample{Start: Cold, Class: ClassFirstAfterDeploy, Metrics: Metrics{DurationMs: ptr(1), InitDurationMs: ptr(2)}}, 3, true},
		{"cold, init of nothing", Sample{Start: Cold, Class: ClassCold, Metrics: Metrics{DurationMs: ptr(1), InitDurationMs: ptr(0)}}, 1, true},
		{"cold without init", Sample{Start: Cold, Class: ClassCold, Metrics: Metrics{DurationMs: ptr(1)}}, 0, false},
		{"cold without duration", Sample{Start: Cold, Class: ClassCold, Metrics: Metrics{InitDurationMs: ptr(1)}}, 0, false},
		{"restored", Sample{Start: Cold, Class: ClassCold, Metrics: Metrics{DurationMs: ptr(1), RestoreDurationMs: ptr(5)}}, 6, true},
		{"suppressed init", Sample{Start: Cold, Class: ClassSuppressedInit, Metrics: Metrics{DurationMs: ptr(9)}}, 9, true},
		{"warm", Sample{Start: Warm, Class: ClassWarm, Metrics: Metrics{DurationMs: ptr(0.5)}}, 0.5, true},
		{"warm of nothing", Sample{Start: Warm, Class: ClassWarm, Metrics: Metrics{DurationMs: ptr(0)}}, 0, true},
		{"nothing", Sample{}, 0, false},
	} {
		if got, ok := Total(c.s); math.Abs(got-c.want) > 1e-9 || ok != c.ok {
			t.Errorf("%s: %v, %v, want %v, %v", c.name, got, ok, c.want, c.ok)
		}
	}
}

// Every metric is missing of a sample that has nothing, and is read off the
// field that it is called after.
func TestMetrics(t *testing.T) {
	full := Sample{
		Start: Cold, Class: ClassCold,
		Metrics: Metrics{InitDurationMs: ptr(1), DurationMs: ptr(2), BilledDurationMs: ptr(4), MaxMemoryUsedMB: ptr(9), MemorySizeMB: ptr(512)},
		Phases:  Phases{ProvisionMs: ptr(16), ClientMs: ptr(32), ProcessStartMs: ptr(0.75), ExtensionsMs: ptr(0.5)},
	}
	want := map[string]float64{"total": 3, "init": 1, "init extensions": 0.5, "init platform": 0.75, "init process": 0.25, "duration": 2, "billed": 4, "provision": 16, "client": 32, "platform and network": 29, "max memory": 9}
	ms := MetricsOf()
	if len(ms) != len(want) || ms[0].Name != "total" {
		t.Fatalf("%d metrics, the first is %s", len(ms), ms[0].Name)
	}
	for _, m := range ms {
		if v, ok := m.Value(Sample{}); ok || v != 0 {
			t.Errorf("%s of nothing is %v, %v", m.Name, v, ok)
		}
		if v, ok := m.Value(full); !ok || v != want[m.Name] {
			t.Errorf("%s is %v, %v, want %v", m.Name, v, ok, want[m.Name])
		}
		if m.Doc == "" || m.Unit != "ms" && m.Unit != "MB" {
			t.Errorf("%+v", m)
		}
	}
	if v, ok := beyond(Sample{Start: Warm, Metrics: Metrics{DurationMs: ptr(5)}, Phases: Phases{ClientMs: ptr(4)}}); !ok || v != -1 {
		t.Errorf("an answer that left early: %v, %v", v, ok)
	}
	if v, ok := beyond(Sample{Start: Cold, Class: ClassCold, Phases: Phases{ClientMs: ptr(4)}}); ok || v != 0 {
		t.Errorf("without a total: %v, %v", v, ok)
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if v, ok := value(&bad); ok {
			t.Errorf("%v counts as measured: %v", bad, v)
		}
	}
}

// Init is split by what is known best of the process, not clipped, and not where
// nobody waited for it.
func TestSplitInit(t *testing.T) {
	aged := func(ms float64) *Function { return &Function{InstanceID: "i", ProcessUptimeMs: ptr(ms)} }
	for _, c := range []struct {
		name              string
		s                 Sample
		platform, process float64
		ok                bool
	}{
		{"seen by the engine", Sample{Start: Cold, Metrics: Metrics{InitDurationMs: ptr(8)}, Phases: Phases{ProcessStartMs: ptr(3), ProvisionMs: ptr(90)}, Function: aged(10)}, 3, 5, true},
		{"of an engine that did not see it", Sample{Start: Cold, Metrics: Metrics{InitDurationMs: ptr(8)}, Phases: Phases{ProvisionMs: ptr(90)}, Function: aged(10)}, 0, 0, false},
		{"on AWS", Sample{Start: Cold, Metrics: Metrics{InitDurationMs: ptr(64)}, Function: aged(20)}, 44, 20, true},
		{"a process that seems older than its init", Sample{Start: Cold, Metrics: Metrics{InitDurationMs: ptr(8)}, Function: aged(20)}, -12, 20, true},
		{"done ahead", Sample{Start: Cold, Metrics: Metrics{InitDurationMs: ptr(64)}, Proof: []string{"initDuration", ProofProactiveInit}, Function: aged(90_000)}, 0, 0, false},
		{"of a function that does not say", Sample{Start: Cold, Metrics: Metrics{InitDurationMs: ptr(64)}, Function: &Function{InstanceID: "i"}}, 0, 0, false},
		{"of a silent function", Sample{Start: Cold, Metrics: Metrics{InitDurationMs: ptr(64)}}, 0, 0, false},
		{"inside the invocation", Sample{Start: Cold, Class: ClassSuppressedInit, Function: aged(20)}, 0, 0, false},
		{"warm", Sample{Start: Warm, Function: aged(20)}, 0, 0, false},
	} {
		platform, process, ok := SplitInit(c.s)
		if platform != c.platform || process != c.process || ok != c.ok {
			t.Errorf("%s: %v, %v, %v; want %v, %v, %v", c.name, platform, process, ok, c.platform, c.process, c.ok)
		}
	}
}

func TestParseAnswer(t *testing.T) {
	f, ok := ParseAnswer([]byte(`{"message":"hello, world","instanceId":"ab","invocation":3,"token":"t","processUptimeMs":20,"startedAtNs":123,"more":[]}`))
	if !ok || f.InstanceID != "ab" || f.Invocation != 3 || f.Token != "t" || *f.ProcessUptimeMs != 20 || *f.StartedAtNs != 123 {
		t.Errorf("%+v, %v", f, ok)
	}
	f, ok = ParseAnswer([]byte(`{"instanceId":"ab","startedAtNs":0}`))
	if !ok || f.ProcessUptimeMs != nil || f.StartedAtNs == nil || *f.StartedAtNs != 0 {
		t.Errorf("%+v, %v", f, ok)
	}
	for _, s := range []string{"", "null", "[]", `"hello"`, "7", "{}", `{"instanceId":""}`, `{"instanceId":7}`, `{"instanceId":"ab"`, `{"instanceId":"ab"} x`} {
		if f, ok := ParseAnswer([]byte(s)); ok || f != nil {
			t.Errorf("%s: %+v, %v", s, f, ok)
		}
	}
}

func FuzzParseAnswer(f *testing.F) {
	f.Add([]byte(`{"instanceId":"ab","invocation":1,"processUptimeMs":10,"startedAtNs":1}`))
	f.Add([]byte(`{"instanceId":""}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, ok := ParseAnswer(b); ok != (a != nil) || ok && a.InstanceID == "" {
			t.Errorf("%q: %+v, %v", b, a, ok)
		}
	})
}

func TestErrors(t *testing.T) {
	cause := errors.New("exit status 2")
	var failure error = fmt.Errorf("starting: %w", &InvocationError{Reason: ReasonExit, Err: cause})
	if !errors.Is(failure, cause) || failure.Error() != "starting: exit: exit status 2" {
		t.Errorf("failure: %v", failure)
	}
	if s := (&InvocationError{Reason: ReasonTimeout}).Error(); s != "timeout" {
		t.Errorf("failure without a cause: %q", s)
	}
	cold, warm := error(&ProofError{Want: Cold, Reason: "not-cold", Detail: "seen"}), error(&ProofError{Want: Warm, Reason: "not-warm"})
	if !errors.Is(cold, ErrNotCold) || errors.Is(cold, ErrNotWarm) || errors.Is(warm, ErrNotCold) || !errors.Is(warm, ErrNotWarm) || cold.Error() != "not-cold: seen" {
		t.Errorf("not proved: %v, %v", cold, warm)
	}
	if s := (Config{"al2", 512, "amd64"}).String(); s != "al2/512MB/amd64" {
		t.Error(s)
	}
}

func TestSetupID(t *testing.T) {
	img := Image{Entrypoint: []string{"/e"}, Command: []string{"a"}, Environment: []string{"A=1", "B=2"}}
	id := SetupID(img, nil)
	for name, test := range map[string]struct {
		change func(*Image) map[string]string
		same   bool
	}{
		"order of the environment": {func(i *Image) map[string]string { i.Environment = []string{"B=2", "A=1"}; return nil }, true},
		"the root named":           {func(i *Image) map[string]string { i.WorkingDir = "/"; return nil }, true},
		"an added variable at its value": {func(i *Image) map[string]string {
			i.Environment = []string{"A=1"}
			return map[string]string{"B": "2"}
		}, true},
		"another image":      {func(i *Image) map[string]string { i.ID, i.ContentID = "x", "y"; return nil }, true},
		"a value":            {func(i *Image) map[string]string { i.Environment = []string{"A=1", "B=3"}; return nil }, false},
		"an added variable":  {func(i *Image) map[string]string { return map[string]string{"B": "3"} }, false},
		"entrypoint":         {func(i *Image) map[string]string { i.Entrypoint = []string{"/f"}; return nil }, false},
		"command":            {func(i *Image) map[string]string { i.Command = nil; return nil }, false},
		"command as program": {func(i *Image) map[string]string { i.Entrypoint, i.Command = []string{"/e", "a"}, nil; return nil }, false},
		"working directory":  {func(i *Image) map[string]string { i.WorkingDir = "/w"; return nil }, false},
	} {
		other := img
		environment := test.change(&other)
		if got := SetupID(other, environment) == id; got != test.same {
			t.Errorf("%s: equal %v, want %v", name, got, test.same)
		}
	}
}
