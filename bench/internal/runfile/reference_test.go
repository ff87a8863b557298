package runfile

import (
	"slices"
	"testing"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
)

// A reference run is what it measured itself; what a run measures of its own
// reference is another one.
func TestReferences(t *testing.T) {
	h := Header{ID: "now", Backend: "local", Plan: plan.Plan{Control: "a-control", Against: "then"}, Configs: []Config{
		{Config: coldstart.Config{Variant: "a", MemoryMB: 128, Arch: "amd64"}, Image: Image{ImageID: "1"}}, {Config: coldstart.Config{Variant: "a", MemoryMB: 512, Arch: "amd64"}},
		{Config: coldstart.Config{Variant: "a-control", MemoryMB: 128, Arch: "amd64"}}, {Config: coldstart.Config{Variant: "a@before", MemoryMB: 128, Arch: "arm64"}, Before: "a", Image: Image{ImageID: "2"}},
	}}
	h.ListMeasured()
	if !slices.Equal(h.Plan.MemoryMB, []int{128, 512}) || !slices.Equal(h.Plan.Arch, []string{"amd64", "arm64"}) {
		t.Errorf("measured %v, %v", h.Plan.MemoryMB, h.Plan.Arch)
	}
	r := h.Measured()
	if c, ok := r.Of("a", "amd64"); r.Run != "now" || len(r.Configs) != 2 || !ok || c.Image.ImageID != "1" || !slices.Equal(r.Sizes("a"), []int{128, 512}) {
		t.Errorf("%+v", r)
	}
	if _, ok := r.Of("a", "arm64"); ok {
		t.Error("it measured its reference")
	}
	r = h.MeasuredAgainst()
	if c, ok := r.Of("a", "arm64"); r.Run != "then" || len(r.Configs) != 1 || !ok || c.Image.ImageID != "2" {
		t.Errorf("%+v", r)
	}
	later := Header{Configs: slices.Clone(h.Configs)}
	for i := range h.Configs {
		h.Configs[i].Image.ContentID, later.Configs[i].Image.ContentID = "same", "same"
	}
	later.Configs[1].Image.ImageID = "another"
	if got := h.RenamedImages(later); !slices.Equal(got, []string{"a"}) {
		t.Errorf("renamed %q", got)
	}
	entries := []Entry{{Header: h}, {Header: Header{Backend: "aws", Configs: later.Configs}}, {Header: Header{Backend: "local", Configs: later.Configs[3:]}}}
	if got := NewestImages(entries, 1); !slices.Equal(got, []string{"2"}) {
		t.Errorf("newest %q", got)
	}
	if got := NewestImages(entries, 9); len(got) != 5 {
		t.Errorf("all %q", got)
	}
}
