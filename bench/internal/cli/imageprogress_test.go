package cli

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
	a := &app{Env: Env{Stderr: &out}}
	p := a.imageProgress()
	p.wait = 0
	p.setAbout("al2")
	for _, c := range []struct {
		begin image.Progress
		want  string
	}{
		{image.Progress{Work: "unpacking", Total: 340e6}, "bench: al2: unpacking, 0 of 340 MB\n"},
		{image.Progress{Work: "reading x", Done: 12e6}, "bench: al2: reading x, 12 MB\n"},
		{image.Progress{Work: "waiting for host"}, "bench: al2: waiting for host\n"},
	} {
		p.report(c.begin)
		out.await(t, c.want)
		c.begin.Ended = true
		p.report(c.begin)
	}
	p.setAbout("")
	end := p.begin("opening the engine")
	out.await(t, "bench: opening the engine\n")
	end()
	if n := strings.Count(out.String(), "\n"); n != 4 || len(p.steps) != 0 {
		t.Errorf("%d lines, %d open steps:\n%s", n, len(p.steps), out.String())
	}
}

func TestImageProgressIsSilentAboutShortWork(t *testing.T) {
	var out sharedBuffer
	a := &app{Env: Env{Stderr: &out}}
	p := a.imageProgress()
	p.wait = time.Hour
	for range 3 {
		p.begin("unpacking")()
	}
	a.quiet, p.wait = true, 0
	end := p.begin("unpacking")
	p.show("unpacking", p.steps["unpacking"])
	end()
	if out.String() != "" {
		t.Errorf("printed %q", out.String())
	}
}

func TestImageProgressDrawsABar(t *testing.T) {
	var out sharedBuffer
	a := &app{Env: Env{Stderr: &out, StderrIsTerminal: true, Environ: []string{"TERM=xterm"}}}
	p := a.imageProgress()
	p.wait = 0
	p.setAbout("al2")
	p.report(image.Progress{Work: "unpacking", Total: 340e6})
	out.await(t, "bench: al2: unpacking, 0 of 340 MB")
	// More than the total, which leaves out headers, must not end the bar.
	for _, done := range []int64{170e6, 341e6} {
		p.report(image.Progress{Work: "unpacking", Done: done, Total: 340e6})
	}
	out.await(t, "bench: al2: unpacking, 341 of 341 MB")
	p.report(image.Progress{Work: "unpacking", Done: 341e6, Total: 340e6, Ended: true})
	p.report(image.Progress{Work: "reading x"})
	out.await(t, "bench: al2: reading x ")
	p.report(image.Progress{Work: "reading x", Done: 5e6})
	out.await(t, "bench: al2: reading x, 5 MB")
	p.report(image.Progress{Work: "reading x", Done: 5e6, Ended: true})
}
