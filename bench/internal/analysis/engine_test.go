package analysis

import (
	"slices"
	"strings"
	"testing"

	"coldbench/bench/internal/coldstart"
)

func TestEngineFactsAreInTheMethodSection(t *testing.T) {
	rootless := true
	run := newRun("a", "b")
	cold(run, "a", coldstart.ClassCold, 1, 1)
	h := &run.Header
	h.Choice, h.Host.Cgroup = "docker, because it answers", "v2"
	h.Facts = &coldstart.EngineFacts{StorageDriver: "overlay2", CgroupDriver: "systemd", Runtime: "crun", Rootless: &rootless}
	r := New([]Input{{Run: run}})
	for _, want := range []Fact{
		{"Engine chosen", "docker, because it answers"}, {"Storage driver", "overlay2"},
		{"Control groups", "v2, driver systemd"}, {"Container runtime", "crun"}, {"Rootless", "yes"},
	} {
		if !slices.Contains(r.Sections[0].Method, want) {
			t.Errorf("no %v in %v", want, r.Sections[0].Method)
		}
	}
	for _, caption := range []string{r.Sections[0].Caption, r.Overview().Captions[0]} {
		if !strings.HasSuffix(caption, " Engine chosen by --engine auto: docker, because it answers.") {
			t.Errorf("caption %q", caption)
		}
	}

	h.Choice, h.Facts = "", nil // as in a file of an earlier bench
	old := New([]Input{{Run: run}})
	for _, f := range old.Sections[0].Method {
		if slices.Contains([]string{"Engine chosen", "Storage driver", "Control groups", "Container runtime", "Rootless"}, f.Name) {
			t.Errorf("%v of a run that does not tell", f)
		}
	}
	if c := old.Sections[0].Caption + old.Overview().Captions[0]; strings.Contains(c, "chosen") {
		t.Errorf("captions %q", c)
	}
}

// TestStorageDriversAreNotCompared: the difference of two runs is also that of
// their engines' storage drivers; an unknown one may be the same.
func TestStorageDriversAreNotCompared(t *testing.T) {
	for _, c := range []struct {
		base, now string
		force     bool
		judged    bool
		warned    bool
	}{
		{"overlay2", "overlay2", false, true, false},
		{"overlay2", "fuse-overlayfs", false, false, true},
		{"overlay2", "fuse-overlayfs", true, true, true},
		{"", "overlay2", false, true, false},
	} {
		inputs := sessionsOf(10, 1, 1.3)
		base, now := inputs[0].Run, inputs[1].Run
		base.Header.Facts = &coldstart.EngineFacts{StorageDriver: c.base}
		now.Header.Facts = &coldstart.EngineFacts{StorageDriver: c.now}
		got, err := Compare(base, now, CompareOptions{Force: c.force})
		if err != nil {
			t.Fatal(err)
		}
		warned := slices.ContainsFunc(got.Warnings, func(w string) bool { return strings.Contains(w, "storage drivers differ") })
		if got.Judged != c.judged || warned != c.warned {
			t.Errorf("%+v: judged %v, warnings %q", c, got.Judged, got.Warnings)
		}
	}
}

func TestImageThatOnlyTheEngineHolds(t *testing.T) {
	run := newRun("a", "b")
	cold(run, "a", coldstart.ClassCold, 1, 1)
	const said = "Only the Docker engine holds the image of b: "
	if notes := New([]Input{{Run: run}}).Sections[0].Notes; contains(notes, said) {
		t.Errorf("notes %q", notes)
	}
	run.Header.Configs[1].Image.EngineOnly = true
	if notes := New([]Input{{Run: run}}).Sections[0].Notes; !contains(notes, said) {
		t.Errorf("notes %q", notes)
	}
}
