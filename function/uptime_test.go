package main

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// stat is a line of /proc/PID/stat with a name and a start time.
func stat(name, start string) string {
	return "42 (" + name + ") S 1 42 42 0 -1 4194560 140 0 0 0 0 0 0 0 20 0 5 0 " + start + " 1224736768 900 18446744073709551615 1 1 0 0\n"
}

func TestStartTicks(t *testing.T) {
	for _, c := range []struct {
		name, stat string
		want       int64
		err        string
	}{
		{"plain", stat("bootstrap", "31415"), 31415, ""},
		{"name with blanks and parentheses", stat("a) R (1 2", "7"), 7, ""},
		{"at boot", stat("init", "0"), 0, ""},
		{"empty", "", 0, "no name"},
		{"cut", strings.SplitAfter(stat("x", "5"), " 20 ")[0], 0, "fields after the name"},
		{"negative", stat("x", "-5"), 0, "no count of ticks"},
		{"no number", stat("x", "1e3"), 0, "no count of ticks"},
	} {
		got, err := startTicks([]byte(c.stat))
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) || got != 0 {
				t.Errorf("%s: %d and %v, want an error with %q", c.name, got, err, c.err)
			}
			continue
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %d and %v, want %d", c.name, got, err, c.want)
		}
	}
}

func TestAgeHasStepsOfTenMilliseconds(t *testing.T) {
	for _, c := range []struct {
		sinceBoot time.Duration
		start     int64
		want      time.Duration
		ok        bool
	}{
		{1239999 * time.Microsecond, 120, 30 * time.Millisecond, true},
		{1200 * time.Millisecond, 120, 0, true},
		{1199 * time.Millisecond, 120, 0, false},
		{365 * 24 * time.Hour, 0, 365 * 24 * time.Hour, true},
	} {
		got, ok := age(c.sinceBoot, c.start)
		if got != c.want || ok != c.ok {
			t.Errorf("age(%v, %d) = %v, %v, want %v, %v", c.sinceBoot, c.start, got, ok, c.want, c.ok)
		}
	}
}

func TestUptimeOfThisProcessGrows(t *testing.T) {
	first, ok := processUptime()
	if !ok {
		if runtime.GOOS == "linux" {
			t.Fatal("no uptime on Linux")
		}
		t.Skip("needs Linux's /proc")
	}
	time.Sleep(2 * tick)
	second, ok := processUptime()
	if !ok || second <= first || first%tick != 0 || second%tick != 0 {
		t.Errorf("%v, then %v (%v): want a later time, both multiples of %v", first, second, ok, tick)
	}
}

// Whatever /proc says, the reading is an error without a value or the field
// that is there; and what a kernel prints is read back.
func FuzzStartTicks(f *testing.F) {
	f.Add("bootstrap", uint32(31415), "")
	f.Add("a) R (1 2", uint32(0), "x")
	f.Add("", uint32(1<<31), ") ) )")
	f.Fuzz(func(t *testing.T, name string, ticks uint32, raw string) {
		got, err := startTicks([]byte(stat(name, strconv.FormatUint(uint64(ticks), 10))))
		if err != nil || got != int64(ticks) {
			t.Fatalf("start time %d of %q read as %d, %v", ticks, name, got, err)
		}
		if got, err := startTicks([]byte(raw)); err != nil && got != 0 || got < 0 {
			t.Fatalf("%q read as %d, %v", raw, got, err)
		}
	})
}
