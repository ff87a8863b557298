package runfile

import (
	"maps"
	"slices"
	"testing"

	"coldbench/bench/internal/coldstart"
)

// A run that was interrupted in its round 0 takes the rest of it when it is
// resumed, and one that was interrupted later does not begin it anew.
func TestFirstStartsKnowRoundZero(t *testing.T) {
	config := func(name string) Config {
		return Config{Config: coldstart.Config{Variant: name, MemoryMB: 512, Arch: "amd64"}, Image: Image{ImageID: "sha256:" + name}}
	}
	header := func(names ...string) Header {
		h := Header{Backend: "local", Engine: "sandbox"}
		for _, n := range names {
			h.Configs = append(h.Configs, config(n))
		}
		return h
	}
	run := &Run{
		Header:   header("sampled", "failed", "ahead", "known", "late"),
		Samples:  []coldstart.Sample{{Config: config("sampled").Config, Round: 0}, {Config: config("late").Config, Round: 3}},
		Failures: []Failure{{Tried: Tried{Config: coldstart.Config{Variant: "failed", MemoryMB: 512, Arch: "amd64"}, Round: 0}}},
		Rejects:  []Reject{{Tried: Tried{Config: coldstart.Config{Variant: "sampled", MemoryMB: 512, Arch: "amd64"}, Round: 1}}},
	}
	first := run.FirstStarts([]Entry{{Header: header("known")}})
	if past := run.Past(); len(past.Samples) != 2 || len(past.Failures) != 1 || len(past.Rejects) != 1 {
		t.Errorf("past %+v", past)
	}
	var names []string
	for c := range maps.Keys(first) {
		names = append(names, c.Variant)
	}
	slices.Sort(names)
	if want := []string{"ahead", "failed", "sampled"}; !slices.Equal(names, want) {
		t.Errorf("in round 0: %q, want %q", names, want)
	}
}
