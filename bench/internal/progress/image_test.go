package progress

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"coldbench/bench/internal/image"
)

// sharedBuffer is a buffer that a test reads while others write to it.
type sharedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *sharedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *sharedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// await returns when the buffer holds a text.
func (b *sharedBuffer) await(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(b.String(), text); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%q lacks %q", b.String(), text)
		}
	}
}

func TestImageProgressPrintsLines(t *testing.T) {
	var out sharedBuffer
	d := toLines(&out)
	report := image.Slow(0, time.Hour, d.imageLine)
	for _, c := range []struct {
		begin image.Progress
		want  string
	}{
		{image.Progress{About: "al2", Work: "unpacking", Total: 340e6}, "bench: al2: unpacking, 0 of 340 MB\n"},
		{image.Progress{About: "al2", Work: "reading x", Done: 12e6}, "bench: al2: reading x, 12 MB\n"},
		{image.Progress{About: "al2", Work: "waiting for host"}, "bench: al2: waiting for host\n"},
		{image.Progress{Work: "opening the engine"}, "bench: opening the engine\n"},
	} {
		report(c.begin)
		out.await(t, c.want)
		c.begin.Ended = true
		report(c.begin)
	}
	if n := strings.Count(out.String(), "\n"); n != 4 {
		t.Errorf("%d lines:\n%s", n, out.String())
	}
}

func TestImageProgressDrawsABar(t *testing.T) {
	var out sharedBuffer
	d := Display{Out: &out, Bars: true}
	report := image.Slow(0, time.Millisecond, d.imageBar)
	unpacking := image.Progress{About: "al2", Work: "unpacking", Total: 340e6}
	report(unpacking)
	out.await(t, "bench: al2: unpacking, 0 of 340 MB")
	// More than the total, which leaves out headers, must not end the bar.
	for _, done := range []int64{170e6, 341e6} {
		unpacking.Done = done
		report(unpacking)
	}
	out.await(t, "bench: al2: unpacking, 341 of 341 MB")
	unpacking.Ended = true
	report(unpacking)
	reading := image.Progress{About: "al2", Work: "reading x"}
	report(reading)
	out.await(t, "bench: al2: reading x ")
	reading.Done = 5e6
	report(reading)
	out.await(t, "bench: al2: reading x, 5 MB")
	reading.Ended = true
	report(reading)
}
