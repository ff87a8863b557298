package runfile

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// A run of 100,000 samples must be read in less than 200 MB.
func TestMemoryOfALongRun(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the high-water mark is read from /proc")
	}
	if raceEnabled {
		t.Skip("the race detector takes memory of its own")
	}
	if os.Getenv("RUNFILE_READ_LONG") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestMemoryOfALongRun$", "-test.v")
		cmd.Env = append(os.Environ(), "RUNFILE_READ_LONG=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	const n = 100_000
	path := filepath.Join(t.TempDir(), "r.jsonl")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(f, &long{n: n}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	run, err := Open(path)
	if err != nil || len(run.Samples) != n {
		t.Fatal(err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d MB", kb/1024)
	if kb > 200*1024 {
		t.Errorf("reading %d samples took %d MB", n, kb/1024)
	}
	runtime.KeepAlive(run)
}

// long is a run file of n samples that is made while it is read.
type long struct {
	buf bytes.Buffer
	n   int
	i   int
}

func (l *long) Read(p []byte) (int, error) {
	if l.buf.Len() == 0 {
		if l.i > l.n {
			return 0, io.EOF
		}
		var v any = fromSample(sample(l.i))
		if l.i == 0 {
			h := header()
			h.Type, h.Schema = "run", Schema
			v = h
		}
		l.i++
		if err := json.NewEncoder(&l.buf).Encode(v); err != nil {
			return 0, err
		}
	}
	return l.buf.Read(p)
}
