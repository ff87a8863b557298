package lambdalog_test

import (
	"fmt"
	"strings"
	"testing"

	"coldbench/bench/lambdalog"
)

func BenchmarkParseReport(b *testing.B) {
	for _, form := range []struct{ name, text string }{
		{"text", fmt.Sprintf(coldOf, id, "0.62")},
		{"json", `{"time":"2026-10-08T07:30:29.470Z","type":"platform.report","record":{"requestId":"` + id +
			`","metrics":{"durationMs":1233.96,"billedDurationMs":1698,"memorySizeMB":256,"maxMemoryUsedMB":123,"initDurationMs":463.512},"status":"success"}}`},
	} {
		b.Run(form.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(form.text)))
			for b.Loop() {
				if _, err := lambdalog.ParseReport(form.text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkScanner reads a log of which every fourth line is a REPORT.
func BenchmarkScanner(b *testing.B) {
	const calls = 1000
	log := strings.Repeat(lambdalog.StartLine(id, "")+"2026-10-08T07:30:29.470Z\t"+id+"\tINFO\tthe function said something\n"+
		lambdalog.EndLine(id)+fmt.Sprintf(coldOf, id, "0.62"), calls)
	b.ReportAllocs()
	b.SetBytes(int64(len(log)))
	for b.Loop() {
		s, n := lambdalog.NewScanner(strings.NewReader(log)), 0
		for s.Scan() {
			n++
		}
		if n != 3*calls || s.Err() != nil {
			b.Fatalf("%d events, %v", n, s.Err())
		}
	}
	b.ReportMetric(float64(4*calls*b.N)/b.Elapsed().Seconds(), "lines/s")
}

func BenchmarkText(b *testing.B) {
	r, err := lambdalog.ParseReport(fmt.Sprintf(coldOf, id, "0.62") + trace)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if r.Text() == "" {
			b.Fatal("nothing printed")
		}
	}
}
