package cli_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// A function that misbehaves, in every way, is told from one that does not: its
// attempts are failures with a reason, it is given up, the one beside it is
// measured, and nothing is left behind.
func TestMisbehavingFunctions(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, service, reason string }{
		{"fails", `environment: {BENCH_TEST_EVENT: '{"do":"error"}'}`, "response"},
		{"panics", `environment: {BENCH_TEST_EVENT: '{"do":"panic"}'}`, ""},
		{"hangs", `environment: {BENCH_TEST_EVENT: '{"do":"hang"}'}`, "timeout"},
		{"exits", `environment: {BENCH_TEST_EVENT: '{"do":"exit","code":3}'}`, "exit"},
		{"big", `environment: {BENCH_TEST_EVENT: '{"do":"big","bytes":7340032}'}`, "response"},
		{"ends", `environment: {BENCH_TEST_INIT: exit 0}`, "init"},
		{"missing", `entrypoint: [/no/such/program]`, "init"},
		{"foreign", `entrypoint: [/foreign]`, "init"},
	}
	for _, engine := range []string{"sandbox", "docker"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			if engine == "docker" { // the contract has these cases, too
				slow(t)
			}
			requireEngine(t, engine)
			compose := "services:\n  sound: {build: .}\n"
			for _, c := range cases {
				compose += fmt.Sprintf("  %s:\n    build: .\n    %s\n", c.name, c.service)
			}
			w := newWorld(t, compose)
			w.write("foreign", foreign())
			w.write("Dockerfile", "FROM scratch\nCOPY --chmod=755 bootstrap foreign /\nENTRYPOINT [\"/bootstrap\"]\n")
			e := w.bench("local", "--engine", engine, "--runs", "2", "--warm-runs", "1", "--timeout", "2s", "--cpu", "none", "--pause", "0s")
			e.expect(t, 3, "gave no sample; the report says why")
			runs := w.runFiles()
			if len(runs) != 1 {
				t.Fatalf("%d run files", len(runs))
			}
			for _, c := range cases {
				if !strings.Contains(e.stderr, "warning: gave up "+c.name+"/") {
					t.Errorf("%s was not given up", c.name)
				}
				failures := 0
				for line := range strings.Lines(runs[0]) {
					if !strings.Contains(line, `"variant":"`+c.name+`"`) || strings.Contains(line, `"type":"run"`) {
						continue
					}
					switch {
					case strings.Contains(line, `"type":"sample"`):
						t.Errorf("%s has a sample: %s", c.name, line)
					case strings.Contains(line, `"type":"failure"`):
						failures++
						if !strings.Contains(line, `"reason":"`+c.reason) {
							t.Errorf("%s: want reason %q: %s", c.name, c.reason, line)
						}
					}
				}
				if failures < 2 {
					t.Errorf("%s has %d failures", c.name, failures)
				}
			}
			if n := strings.Count(runs[0], `"variant":"sound","memorySizeMB":512,"arch":"`+runtime.GOARCH+`","round"`); n != 5 {
				t.Errorf("sound has %d samples, want 5", n)
			}
			// Alone, each is exit 1.
			w.bench("local", "--engine", engine, "--runs", "1", "--timeout", "1s", "foreign").expect(t, 1, "no sample was taken", "hint: bench report")
		})
	}
}

// A function that takes more memory than it has is told from one that crashes,
// where memory can be limited here.
func TestOutOfMemory(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"sandbox", "docker"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			if engine == "docker" { // the contract has these cases, too
				slow(t)
			}
			requireEngine(t, engine)
			w := newWorld(t, `services: {hungry: {build: ., environment: {BENCH_TEST_EVENT: '{"do":"alloc","mb":400}'}}}`)
			e := w.bench("local", "--engine", engine, "--runs", "2", "--memory", "128", "--timeout", "20s")
			run := w.runFiles()[0]
			if !strings.Contains(run, `"memory":"limit"`) {
				t.Skip("the memory of a function can't be limited here")
			}
			e.expect(t, 1, "gave up hungry/", "out-of-memory")
			if !strings.Contains(run, `"reason":"out-of-memory"`) {
				t.Errorf("run file: %s", run)
			}
		})
	}
}

// foreign returns a program of another architecture: an ELF header will do.
func foreign() string {
	machine := uint16(183) // aarch64
	if runtime.GOARCH == "arm64" {
		machine = 62 // x86-64
	}
	var b bytes.Buffer
	b.Write([]byte{0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	for _, v := range []any{uint16(2), machine, uint32(1), uint64(0x400000), uint64(64), uint64(0), uint32(0), uint16(64), uint16(56), uint16(1), uint16(0), uint16(0), uint16(0)} {
		_ = binary.Write(&b, binary.LittleEndian, v)
	}
	for _, v := range []any{uint32(1), uint32(5), uint64(0), uint64(0x400000), uint64(0x400000), uint64(120), uint64(120), uint64(4096)} {
		_ = binary.Write(&b, binary.LittleEndian, v)
	}
	return b.String()
}
