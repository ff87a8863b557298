package main_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// debugFolder is where the debug build writes; it is the same everywhere.
const debugFolder = "/tmp/debug"

// Both files must be complete when the first GET /next arrives: afterwards the
// environment may be frozen or gone.
func TestDebugBuildRecordsTheInit(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("writes to " + debugFolder)
	}
	if _, err := os.Lstat(debugFolder); err == nil {
		t.Skip(debugFolder + " is there already, and not this test's")
	}
	t.Cleanup(func() { os.RemoveAll(debugFolder) })

	var trace, heap []byte
	p := &platform{events: []string{`{"name":"you"}`}}
	p.atFirstNext = func() {
		trace, _ = os.ReadFile(filepath.Join(debugFolder, "init.trace"))
		heap, _ = os.ReadFile(filepath.Join(debugFolder, "init.heap.pprof"))
	}
	p.serve(t, build(t, ",coldbench.debug"))
	if len(p.answers) != 1 || !strings.Contains(p.answers[0], `"message":"hello, you"`) {
		t.Fatalf("answers %q, want one", p.answers)
	}
	if !bytes.HasPrefix(trace, []byte("go 1.")) {
		t.Fatalf("the execution trace has %d bytes and begins %.16q", len(trace), trace)
	}
	z, err := gzip.NewReader(bytes.NewReader(heap))
	if err != nil {
		t.Fatalf("the heap profile has %d bytes: %v", len(heap), err)
	}
	if b, err := io.ReadAll(z); err != nil || !bytes.Contains(b, []byte("inuse_space")) {
		t.Fatalf("the heap profile is cut or another: %d bytes, %v", len(b), err)
	}
	after, err := os.ReadFile(filepath.Join(debugFolder, "init.trace"))
	if err != nil || !bytes.Equal(after, trace) {
		t.Errorf("the trace went on after the first /next: %d bytes, then %d (%v)", len(trace), len(after), err)
	}
}

func TestDebugBuildServesWhereItCanWriteNothing(t *testing.T) {
	if _, err := os.Lstat(debugFolder); err == nil {
		t.Skip(debugFolder + " is there already, and not this test's")
	}
	// A link to nowhere: neither a folder nor a name that one can be made under.
	if err := os.Symlink("/nonexistent/folder", debugFolder); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { os.Remove(debugFolder) })

	p := &platform{events: []string{`{}`}}
	stderr := p.serve(t, build(t, ",coldbench.debug"))
	if len(p.answers) != 1 {
		t.Errorf("answers %q, want one", p.answers)
	}
	if n := strings.Count(stderr, "\n"); n != 1 || !strings.Contains(stderr, "no execution trace and heap profile of this init") {
		t.Errorf("stderr %q, want one line that says what is missing", stderr)
	}
}
