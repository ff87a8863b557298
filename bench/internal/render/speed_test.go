package render_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/price"
	"coldbench/bench/internal/render"
)

// tenThousand is a run of about 10,000 samples in ten configs, and a run file as
// long and as random as its own would be.
func tenThousand() (*analysis.Report, render.Files, int) {
	run := newRun("docker", 167, 5)
	for i, v := range []string{"scratch", "al2", "al2023", "debug", "leaky"} {
		for _, mb := range []int{128, 512} {
			run.config(v, mb, i)
		}
	}
	run.measure(167)
	r := analysis.New([]analysis.Input{{Run: run.Run}})
	r.Price(price.Default(), "")
	rnd := rand.NewChaCha8([32]byte{1})
	var raw bytes.Buffer
	id := make([]byte, 16)
	for i, s := range run.Samples {
		_, _ = rnd.Read(id) // never fails
		fmt.Fprintf(&raw, `{"type":"sample","variant":%q,"memorySizeMB":%d,"arch":"amd64","round":%d,"seq":%d,"environment":"%[5]s","invocation":%[6]d,"attempt":1,"at":"2026-11-24T10:22:%09.6[7]fZ","start":"cold","class":"cold","strategy":"new-sandbox","proof":["initDuration","newInstance","startedInInit"],"requestId":"%[5]s","metrics":{"durationMs":%[8]v},"phases":{"provisionMs":6.%06[9]d,"clientMs":13.%06[10]d},"function":{"instanceId":"%[5]s","invocation":1,"processUptimeMs":10,"startedAtNs":82795%08[9]d},"throttledMs":0,"report":"REPORT RequestId: %[5]s\tDuration: 0.74 ms\tBilled Duration: 7 ms\tMemory Size: 512 MB\tMax Memory Used: 7 MB\tInit Duration: 5.59 ms\t\n"}`+"\n",
			s.Config.Variant, s.Config.MemoryMB, s.Round, i, hex.EncodeToString(id), s.Invocation, float64(i%60), *s.Metrics.DurationMs, rnd.Uint64()%1e6, rnd.Uint64()%1e6)
	}
	return r, render.Files{r.Sections[0].Run: rawOf("r.jsonl", raw.Bytes())}, len(run.Samples)
}

// rawOf is a run file in memory.
func rawOf(name string, text []byte) render.RunFile {
	return render.RunFile{Name: name, Size: int64(len(text)), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }}
}

// TestPageOfTenThousandSamples: the page with all its plots and every sample stays
// below 3 MB. How long it takes is the benchmark's to say.
func TestPageOfTenThousandSamples(t *testing.T) {
	r, files, n := tenThousand()
	if n < 10_000 {
		t.Fatalf("%d samples", n)
	}
	html, _ := render.Lookup("html")
	var b bytes.Buffer
	if err := html.With(files).Write(&b, r); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b.Bytes(), []byte("data:application/gzip;base64,")) {
		t.Error("the samples are not embedded")
	}
	if b.Len() > 3_000_000 {
		t.Errorf("the page has %d bytes", b.Len())
	}
	t.Logf("%d samples, run file %d bytes, page %d bytes", n, files[r.Sections[0].Run].Size, b.Len())
}

// BenchmarkPage is the page of 10,000 samples and every picture as a file.
func BenchmarkPage(b *testing.B) {
	r, files, _ := tenThousand()
	html, _ := render.Lookup("html")
	for b.Loop() {
		var out bytes.Buffer
		if err := html.With(files).Write(&out, r); err != nil {
			b.Fatal(err)
		}
		if err := render.SVG(&out, r); err != nil {
			b.Fatal(err)
		}
	}
}
