package runfile

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"coldbench/bench/internal/coldstart"
)

// slowly reads the record of a sample with encoding/json.
func slowly(line []byte) (coldstart.Sample, error) {
	var r Sample
	if err := json.Unmarshal(line, &r); err != nil {
		return coldstart.Sample{}, err
	}
	return r.sample()
}

// TestEveryFieldIsDecoded fills a record by reflection, so that a field that
// is added to it is noticed here.
func TestEveryFieldIsDecoded(t *testing.T) {
	n := 0
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		switch n++; v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				fill(v.Field(i))
			}
		case reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem())
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 2, 2))
			fill(v.Index(0))
		case reflect.String:
			v.SetString("word" + string(rune('a'+n%26)))
		case reflect.Int, reflect.Int64:
			v.SetInt(int64(n))
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Float64:
			v.SetFloat(float64(n) + 0.25)
		default:
			t.Fatalf("a field of kind %v", v.Kind())
		}
	}
	var r Sample
	fill(reflect.ValueOf(&r).Elem())
	r.Type, r.At, r.Report = typeSample, Stamp(day), "REPORT RequestId: a\tDuration: 1 ms\n"
	line, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	want, err := slowly(line)
	if err != nil {
		t.Fatal(err)
	}
	if got := decodeSample(line); got == nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("%s\ndecoded\n%+v\nwant\n%+v", line, got, want)
	}
}

// lines are the samples of the committed runs and some that are odd.
func lines(tb testing.TB) [][]byte {
	files, err := filepath.Glob("../../../results/runs/*.jsonl")
	if err != nil || len(files) == 0 {
		tb.Fatalf("no committed run: %v", err)
	}
	var all [][]byte
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		for i, line := range bytes.Split(text, []byte("\n")) {
			if bytes.HasPrefix(line, []byte(`{"type":"sample"`)) && (i < 40 || i%50 == 0) {
				all = append(all, line)
			}
		}
	}
	for _, line := range []string{
		`{"type":"sample"}`, `{}`, `{"type":"sample","seq":1,"seq":2}`, `{"type":"sample","seq":01}`, `{"type":"sample","seq":-0}`, `{"type":"sample","seq":1.0}`,
		`{"type":"sample","Seq":1}`, `{"type":"sample","throttledMs":1e400}`, `{"type":"sample","throttledMs":0.5e-3}`, `{"type":"sample","throttledMs":null}`,
		`{"type":"sample","throttledMs":.5}`, `{"type":"sample","throttledMs":-}`, `{"type":"sample","throttledMs":0x1p2}`, `{"type":"sample","throttledMs":1_0}`,
		`{"type":"sample","proof":[]}`, `{"type":"sample","proof":["a]b","c"]}`, `{"type":"sample","proof":["a",]}`, `{"type":"sample","proof":["a" "b"]}`,
		`{"type":"sample","report":"\u003c\t\"\\"}`, `{"type":"sample","report":"\x"}`, `{"type":"sample","report":"é"}`, "{\"type\":\"sample\",\"report\":\"a\tb\"}",
		`{"type":"sample","report":"\`, `{"type":"sample","at":"2026-11-24T10:17:21.4+01:00"}`, `{"type":"sample","at":"2026-11-24 10:17:21"}`,
		`{"type":"sample","function":{}}`, `{"type":"sample","function":null}`, `{"type":"sample","function":{"startedAtNs":9223372036854775808}}`,
		`{"type":"sample","metrics":{"durationMs":1,"durationMs":2}}`, `{"type":"sample","seq":1}x`, `{"type":"reject"}`, `{"type":"sample", "seq":1}`,
		`{"type":"sample","deployment":{"number":2,"position":0}}`, `{"type":"sample","deployment":{"number":2,"position":3,"again":false}}`,
		`{"type":"sample","deployment":{"again":yes}}`, `{"type":"sample","deployment":{"again":tru}}`, `{"type":"sample","deployment":null}`,
	} {
		all = append(all, []byte(line))
	}
	return all
}

// What is decoded is the same sample as encoding/json reads.
func checkLine(t *testing.T, line []byte) (decoded bool) {
	got := decodeSample(line)
	if got == nil {
		return false
	}
	if want, err := slowly(line); err != nil || !reflect.DeepEqual(*got, want) {
		t.Fatalf("%q: decoded\n%+v\nwant\n%+v, %v", line, *got, want, err)
	}
	return true
}

func TestDecodedIsTheSame(t *testing.T) {
	for _, line := range lines(t) {
		decoded := checkLine(t, line)
		if strings.Contains(string(line), `"requestId"`) && !decoded {
			t.Errorf("left to encoding/json: %s", line)
		}
	}
}

func FuzzSampleLine(f *testing.F) {
	for _, line := range lines(f) {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line []byte) { checkLine(t, line) })
}

// TestScan hands over the samples that Open keeps, in order, and warns as it
// does.
func TestScan(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.jsonl")
	write(t, path, 30)
	want := open(t, path)
	i := 0
	run, err := Scan(path, func(s *coldstart.Sample) {
		if w := want.Samples[i]; !reflect.DeepEqual(*s, w) {
			t.Errorf("sample %d: %+v, want %+v", i, *s, w)
		}
		i++
	})
	if err != nil || i != len(want.Samples) || i == 0 || len(run.Samples) != 0 {
		t.Fatalf("%d samples of %d handed over, %d kept, %v", i, len(want.Samples), len(run.Samples), err)
	}
	want.Samples = nil
	if !reflect.DeepEqual(run, want) {
		t.Errorf("scanned %+v, opened %+v", run, want)
	}
}

// BenchmarkScan reads a run of 10,000 samples.
func BenchmarkScan(b *testing.B) {
	path := filepath.Join(b.TempDir(), "r.jsonl")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := f.ReadFrom(&long{n: 10_000}); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		if _, err := Scan(path, func(*coldstart.Sample) { n++ }); err != nil || n != 10_000 {
			b.Fatal(n, err)
		}
	}
}
