package sandbox

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/payload"
)

// TestCheck: what works is said, a leftover is named and not touched, and a
// limit that can't be set is a warning with a remedy.
func TestCheck(t *testing.T) {
	e := engine(t)
	start, err := os.ReadFile(bin(t, "start"))
	if err != nil {
		t.Fatal(err)
	}
	before := look(t)
	left := ""
	if e.groups.cpu.dir != "" {
		left = filepath.Join(e.groups.cpu.dir, groupName+"999999999-1-1")
		if err := os.Mkdir(left, 0o755); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.Remove(left) }()
	}
	has := func(found []advice.Finding, s advice.Severity, text string) bool {
		return slices.ContainsFunc(found, func(f advice.Finding) bool {
			return f.Severity == s && strings.Contains(f.Text, text) && f.Subject == "sandbox" && (f.Hint != "") == (s != advice.OK)
		})
	}
	found := checkWith(context.Background(), start)
	if !has(found, advice.OK, "sandboxes can be made") {
		t.Errorf("%+v", found)
	}
	limits := advice.OK
	if left == "" {
		limits = advice.Warning
	} else {
		if !has(found, advice.Note, left) {
			t.Errorf("%s is not named: %+v", left, found)
		}
		if _, err := os.Stat(left); err != nil {
			t.Error("looking has removed it: ", err)
		}
	}
	for _, what := range []string{"the CPU can", "memory can"} {
		if !has(found, limits, what) {
			t.Errorf("%s, %s: %+v", what, limits, found)
		}
	}
	before.unchanged(t)

	if found := checkWith(context.Background(), []byte("#!/no/such/program\n")); len(found) == 0 || !has(found, advice.Problem, "can't make sandboxes") {
		t.Errorf("with a broken start: %+v", found)
	}
	_, err = payload.Start(arch)
	if found := Check(context.Background()); err != nil && !has(found, advice.Problem, "carries no emulator") || err == nil && !has(found, advice.OK, "sandboxes can be made") {
		t.Errorf("%v: %+v", err, found)
	}
	before.unchanged(t)
}

// TestWarnings: limits that can't be set are in the warnings and in the header.
func TestWarnings(t *testing.T) {
	e := &Engine{groups: &groups{cpu: folder{reason: "no cpu"}, memory: folder{reason: "no memory"}}, notes: []string{"a note"}}
	if got, want := strings.Join(e.Warnings(), "|"), "the CPU is not limited: no cpu|memory is not limited: no memory|a note"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	l := e.Limits(coldstart.Options{LimitCPU: true})
	if l.CPU != "not limited: no cpu" || l.Memory != "not limited: no memory" || l.MaxMemoryUsed == "" {
		t.Errorf("%+v", l)
	}
	if e.Cgroup() != "" || e.Strategy() != "new-sandbox" {
		t.Errorf("%q %q", e.Cgroup(), e.Strategy())
	}
}

// TestSideBySide: targets of one engine can be used at the same time.
func TestSideBySide(t *testing.T) {
	e := engine(t)
	img := unpack(t, "function")
	before := look(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := make(map[string]bool)
	for range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			target, err := e.Open(context.Background(), coldstart.Config{Variant: "v", MemoryMB: 512, Arch: arch}, img,
				coldstart.Options{Payload: []byte(`{}`), LimitCPU: true, Timeout: 10 * time.Second})
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = target.Close() }()
			for range 5 {
				env, s, err := target.Start(context.Background())
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if s.Function == nil || seen[s.Function.InstanceID] {
					t.Errorf("seen before: %+v", s)
				} else {
					seen[s.Function.InstanceID] = true
				}
				mu.Unlock()
				if err := env.Close(); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	wg.Wait()
	if len(seen) != 20 {
		t.Errorf("%d environments, want 20", len(seen))
	}
	before.unchanged(t)
}

// TestClosedEngine: a start on an engine that was closed is an error.
func TestClosedEngine(t *testing.T) {
	e := engine(t)
	target, err := e.Open(context.Background(), coldstart.Config{Variant: "v", MemoryMB: 512, Arch: arch}, unpack(t, "function"),
		coldstart.Options{Payload: []byte(`{}`), Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = target.Close() }()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := target.Start(context.Background()); err == nil || !strings.Contains(err.Error(), "the engine is closed") {
		t.Errorf("%v", err)
	}
}
