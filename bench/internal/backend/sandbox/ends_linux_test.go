package sandbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/coldstart"
)

// TestOutput: everything that was written before the end is there, whatever its
// size, and lines are passed on as they come.
func TestOutput(t *testing.T) {
	e := engine(t)
	var lines []string
	o := coldstart.Options{Log: func(line string) { lines = append(lines, line) }, Environment: map[string]string{"PROBE_INIT_PRINT": "in init"}, Timeout: 20 * time.Second}
	m := started(t, e, unpack(t, "probe"), 256, o)
	const n = 40_000 // far more than a pipe holds
	if inv := invoke(t, m, `{"do":"print","text":"`+strings.Repeat("x", 99)+`","n":`+fmt.Sprint(n)+`}`); inv.Status != "success" {
		t.Fatalf("%+v", inv)
	}
	inv := invoke(t, m, `{"do":"exit","text":"the last words","n":5}`)
	if inv.Exit == nil || inv.Exit.Code != 5 || inv.Exit.Signal != 0 || inv.Exit.OutOfMemory {
		t.Errorf("%+v", inv.Exit)
	}
	out := m.Output()
	if len(out) != 4<<10 || !strings.HasSuffix(out, "x\nthe last words") {
		t.Errorf("%d bytes, ending in %q", len(out), out[max(0, len(out)-30):])
	}
	// The next invocation has a fresh process.
	var s seen
	answer(t, invoke(t, m, `{}`), &s)
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if len(lines) != n+3 || lines[0] != "in init" || lines[n+1] != "the last words" || lines[n+2] != "in init" {
		t.Errorf("%d lines, the first %q, the last %q", len(lines), lines[0], lines[len(lines)-1])
	}
}

// TestLastWords: a pipe full of them, written just before the end, is there
// when the end is known, also where whoever listens is slow.
func TestLastWords(t *testing.T) {
	e := engine(t)
	m := started(t, e, unpack(t, "probe"), 256, coldstart.Options{Timeout: 20 * time.Second, Log: func(string) { time.Sleep(time.Millisecond) }})
	for i := range 3 {
		last := fmt.Sprintf("the last words of process %d", i)
		inv := invoke(t, m, `{"do":"exit","text":"`+strings.Repeat(strings.Repeat("x", 999)+`\n`, 60)+last+`","n":5}`)
		if inv.Exit == nil || inv.Exit.Code != 5 || !strings.HasSuffix(m.Output(), "x\n"+last) {
			t.Fatalf("process %d: %+v, output ends in %q", i, inv.Exit, m.Output()[max(0, len(m.Output())-60):])
		}
	}
}

// TestFailures: each way to fail, and the next invocation after it.
func TestFailures(t *testing.T) {
	e := engine(t)
	before := look(t)
	t.Run("killed", func(t *testing.T) {
		m := started(t, e, unpack(t, "probe"), 256, coldstart.Options{LimitCPU: true})
		m.environmentProcess(t).os.Kill()
		inv := invoke(t, m, `{}`)
		if inv.Exit != nil && (inv.Exit.Signal != 9 || inv.Exit.OutOfMemory) {
			t.Errorf("%+v", inv.Exit)
		}
		answer(t, invoke(t, m, `{}`), &seen{})
	})
	t.Run("timeout", func(t *testing.T) {
		m := started(t, e, unpack(t, "probe"), 256, coldstart.Options{LimitCPU: true, Timeout: time.Second})
		if inv := invoke(t, m, `{"do":"sleep","n":60000}`); inv.Status != "timeout" {
			t.Errorf("%+v", inv)
		}
		answer(t, invoke(t, m, `{}`), &seen{})
	})
	t.Run("init ends", func(t *testing.T) {
		m := testMachine(t, e, unpack(t, "probe"), 256, coldstart.Options{LimitCPU: true, Environment: map[string]string{"PROBE_INIT_EXIT": "1"}})
		ctx := context.Background()
		if err := m.Provision(ctx); err != nil {
			t.Fatal(err)
		}
		in, err := m.Init(ctx)
		if err != nil || in.Done {
			t.Errorf("%+v, %v", in, err)
		}
		if err := m.Limit(ctx); err != nil {
			t.Error(err)
		}
		inv := invoke(t, m, `{}`)
		if inv.Exit == nil || inv.Exit.Code != 3 || m.Output() != "ending in init\nending in init\n" {
			t.Errorf("%+v %q", inv, m.Output())
		}
	})
	before.unchanged(t)
}

// environmentProcess is the process of a machine that was started last.
func (m *machine) environmentProcess(t *testing.T) *process {
	t.Helper()
	if m.last == nil {
		t.Fatal("no process")
	}
	return m.last
}

// TestAbandoned: a context that ends at any moment leaves nothing behind.
func TestAbandoned(t *testing.T) {
	e := engine(t)
	img := unpack(t, "function")
	rounds := 120
	if testing.Short() {
		rounds = 30
	}
	random := rand.New(rand.NewPCG(1, 2))
	before := look(t)
	target, err := e.Open(context.Background(), coldstart.Config{Variant: "v", MemoryMB: 512, Arch: runtime.GOARCH}, img,
		coldstart.Options{Payload: []byte(`{}`), LimitCPU: true, Timeout: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	whole, abandoned := 0, 0
	for range rounds {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(random.IntN(9000))*time.Microsecond)
		env, _, err := target.Start(ctx)
		cancel()
		switch {
		case err == nil:
			whole++
			if err := env.Close(); err != nil {
				t.Error(err)
			}
		case !errors.Is(err, context.DeadlineExceeded):
			t.Errorf("another error: %v", err)
		default:
			abandoned++
		}
	}
	t.Logf("%d whole, %d abandoned", whole, abandoned)
	if abandoned == 0 {
		t.Error("nothing was abandoned")
	}
	// And the engine is as good as new.
	env, sample, err := target.Start(context.Background())
	if err != nil || len(sample.Proof) == 0 {
		t.Fatalf("%+v, %v", sample, err)
	}
	if err := env.Close(); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := target.Close(); err != nil {
			t.Error(err)
		}
	}
	before.unchanged(t)
}

// TestEngineLeavesNothing compares before New and after Close.
func TestEngineLeavesNothing(t *testing.T) {
	require(t)
	start, err := os.ReadFile(bin(t, "start"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", t.TempDir()} {
		if dir != "" { // what a killed run may have left
			if err := os.MkdirAll(filepath.Join(dir, probeName+"999999999-1-2", "tmp"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		before := look(t)
		e, err := newEngine(context.Background(), Options{StateDir: dir}, start)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		}
		before.unchanged(t)
		if (e.program.memory == nil) != (dir != "") {
			t.Errorf("with StateDir %q start is %s", dir, e.program.path)
		}
		if dir == "" {
			continue
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 1 || !strings.HasPrefix(entries[0].Name(), "start-") {
			t.Errorf("StateDir holds %v", entries)
		}
	}
}
