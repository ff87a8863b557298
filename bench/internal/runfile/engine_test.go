package runfile

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"coldbench/bench/internal/coldstart"
)

func withDriver(driver string) Header {
	h := header()
	if driver != "" {
		h.Facts = &coldstart.EngineFacts{StorageDriver: driver, CgroupDriver: "systemd", Runtime: "runc", Rootless: ptr(false)}
	}
	return h
}

func TestEngineFactsAreReadBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.jsonl")
	h := withDriver("overlay2")
	h.Choice = "docker, because it answers"
	w, err := Create(path, h)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.End(day, StoppedInterrupted, nil), w.Close()); err != nil {
		t.Fatal(err)
	}
	got := open(t, path).Header
	if got.Choice != h.Choice || got.Facts == nil || *got.Facts.Rootless || got.StorageDriver() != "overlay2" || got.Facts.CgroupDriver != "systemd" || got.Facts.Runtime != "runc" {
		t.Errorf("read back %q, %+v", got.Choice, got.Facts)
	}
}

// TestStorageDriverSeparatesRuns: a run on another storage driver is neither the
// previous run nor resumed.
func TestStorageDriverSeparatesRuns(t *testing.T) {
	for _, c := range []struct {
		was, is string
		same    bool
	}{{"overlay2", "overlay2", true}, {"overlay2", "vfs", false}, {"", "overlay2", true}, {"vfs", "", true}} {
		was, is := withDriver(c.was), withDriver(c.is)
		is.Started = Stamp(day.Add(time.Hour))
		if _, ok := ReferenceFor([]Entry{{Header: was}}, is); ok != c.same {
			t.Errorf("%q then %q: previous %v", c.was, c.is, ok)
		}
		path := filepath.Join(t.TempDir(), "x.jsonl")
		w, err := Create(path, was)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		w, _, err = Resume(path, is, day)
		var m *Mismatch
		if c.same {
			if err != nil {
				t.Errorf("%q then %q: %v", c.was, c.is, err)
			} else {
				_ = w.Close()
			}
		} else if !errors.As(err, &m) || m.What != "storage driver" || m.Was != c.was || m.Is != c.is {
			t.Errorf("%q then %q: %v", c.was, c.is, err)
		}
	}
}
