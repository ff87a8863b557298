package analysis

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/runfile"
)

// taken is a run whose variants have n cold starts each of a log-spread of
// 0.25 around 4 ms, times what the variant's entry says.
func taken(r *rand.Rand, id string, n int, times map[string]float64, variants ...string) *runfile.Run {
	run := newRun(variants...)
	run.Header.ID, run.Header.Plan.Runs = id, n
	for range n {
		for _, v := range variants {
			f := 1.0
			if t, ok := times[v]; ok {
				f = t
			}
			cold(run, v, coldstart.ClassCold, f*3*math.Exp(0.25*r.NormFloat64()), f*math.Exp(0.25*r.NormFloat64()))
		}
	}
	return run
}

func change(run *runfile.Run, variant string) {
	for i := range run.Header.Configs {
		if c := &run.Header.Configs[i]; c.Variant == variant {
			c.Image.ImageID += "2"
		}
	}
}

func TestCompareJudgesBeyondTheDrift(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	base := taken(r, "base", 100, nil, "a", "b", "c")
	// The host is 30 % slower, and c's image another 60 %.
	now := taken(r, "now", 100, map[string]float64{"a": 1.3, "b": 1.3, "c": 1.3 * 1.6}, "a", "b", "c")
	change(now, "c")
	gate := 0.05
	got, err := Compare(base, now, CompareOptions{FailOver: &gate})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Controls) != 2 || len(got.Drift) != 2 || math.Abs(*got.Drift[0].Ratio.Value-1.3) > 0.1 {
		t.Errorf("controls %v, drift %+v", got.Controls, got.Drift)
	}
	for _, d := range got.Lines {
		switch {
		case d.Variant != "c" && (d.Verdict != "control" || d.Tripped):
			t.Errorf("%s at %v: %q", d.Title, d.Quantile, d.Verdict)
		case d.Variant == "c" && (d.Verdict != "slower" || !d.Tripped || d.Quantile == 0.5 && math.Abs(*d.Beyond.Value-1.6) > 0.2):
			t.Errorf("%s at %v: %q, beyond %v, tripped %v", d.Title, d.Quantile, d.Verdict, *d.Beyond.Value, d.Tripped)
		}
	}
	// Without a control there is no verdict, and the gate says so.
	change(now, "a")
	change(now, "b")
	if got, err = Compare(base, now, CompareOptions{FailOver: &gate}); err != nil {
		t.Fatal(err)
	}
	for _, d := range got.Lines {
		if d.Verdict != "unclear, no control" || d.Tripped || d.Beyond != nil {
			t.Errorf("without a control: %+v", d)
		}
	}
	if got.Gate.Judged != 0 || got.Gate.Unjudged != len(got.Lines) {
		t.Errorf("gate %+v", got.Gate)
	}
}

// A touched image is a control, and one that is started otherwise is none.
func TestCompareByContent(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	base, now := taken(r, "base", 60, nil, "a", "b", "c"), taken(r, "now", 60, nil, "a", "b", "c")
	for _, run := range []*runfile.Run{base, now} {
		for i := range run.Header.Configs {
			c := &run.Header.Configs[i]
			c.SetupID, c.Image.ContentID = "s", "sha256:c"+c.Variant
		}
	}
	gate := 0.05
	for _, test := range []struct {
		name     string
		edit     func(c *runfile.Config)
		image    string
		controls int
		note     string
	}{
		{"touched", func(c *runfile.Config) { c.Image.ImageID = "sha256:other" }, "same", 3, "Another image ID, but the same content: b."},
		{"changed", func(c *runfile.Config) { c.Image.ContentID = "sha256:d" }, "changed", 2, ""},
		{"started otherwise", func(c *runfile.Config) { c.Image.ContentID, c.SetupID = "sha256:cb", "t" }, "setup changed", 2, "environment changed: b."},
	} {
		test.edit(&now.Header.Configs[1])
		got, err := Compare(base, now, CompareOptions{FailOver: &gate})
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Controls) != test.controls || !contains(got.Notes, test.note) && test.note != "" {
			t.Errorf("%s: controls %q, notes %q", test.name, got.Controls, got.Notes)
		}
		for _, d := range got.Lines {
			if d.Variant == "b" && (d.Image != test.image || (d.Verdict == "control") != (test.image == "same")) {
				t.Errorf("%s: %s, verdict %s", test.name, d.Image, d.Verdict)
			}
		}
		if judged := got.Gate.Judged > 0; judged != (test.image != "same") {
			t.Errorf("%s: gate %+v", test.name, got.Gate)
		}
	}
	// Nothing but setups changed: measuring images in turns would settle nothing.
	for i := range now.Header.Configs {
		now.Header.Configs[i].SetupID = "t"
	}
	got, err := Compare(base, now, CompareOptions{})
	if err != nil || !got.Uncontrolled() || got.Settle != "" {
		t.Errorf("every setup changed: settle %q, %v", got.Settle, err)
	}
}

func TestCompareRefuses(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	make := func() (*runfile.Run, *runfile.Run) {
		return taken(r, "base", 10, nil, "a", "b"), taken(r, "now", 10, nil, "a", "b")
	}
	tests := []struct {
		name string
		edit func(base, now *runfile.Run)
		want error
	}{
		{"other backend", func(b, n *runfile.Run) { n.Header.Backend = "aws" }, ErrUnlike},
		{"rehearsal", func(b, n *runfile.Run) {
			b.Header.Backend, n.Header.Backend, n.Header.Rehearsal = "aws", "aws", "rehearsal, not AWS"
		}, ErrUnlike},
		{"other engine", func(b, n *runfile.Run) { n.Header.Engine = "sandbox" }, ErrUnlike},
		{"other strategy", func(b, n *runfile.Run) { n.Header.Plan.Strategy = "version" }, ErrUnlike},
		{"no samples", func(b, n *runfile.Run) { n.Samples = nil }, ErrNothing},
		{"nothing in common", func(b, n *runfile.Run) {
			n.Header.Configs, n.Samples = n.Header.Configs[:1], nil
			n.Header.Configs[0].Variant = "z"
		}, ErrNothing},
	}
	for _, tt := range tests {
		base, now := make()
		tt.edit(base, now)
		if c, err := Compare(base, now, CompareOptions{}); !errors.Is(err, tt.want) || c != nil {
			t.Errorf("%s: %v, %v", tt.name, c, err)
		}
	}
	base, now := make()
	now.Header.Host.Fingerprint = "another"
	change(now, "a")
	got, err := Compare(base, now, CompareOptions{})
	if err != nil || got.Judged || len(got.Warnings) == 0 || got.Lines[0].Verdict != "" {
		t.Errorf("other host: %+v, %v", got, err)
	}
	if got, _ = Compare(base, now, CompareOptions{Force: true}); !got.Judged || got.Lines[0].Verdict == "" {
		t.Errorf("other host, forced: %+v", got)
	}
}

// TestCompareNamesWhatOneRunHasAlone: with what tells it from the other run's.
func TestCompareNamesWhatOneRunHasAlone(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for _, tc := range []struct {
		name       string
		sizeOfC    int
		gone, come string
	}{
		{"another variant", 512, "b is gone: the new run does not have it.", "c is new: the base run does not have it."},
		{"another size", 128, "b 512 MB is gone: the new run does not have it.", "c 128 MB is new: the base run does not have it."},
	} {
		base, now := taken(r, "base", 10, nil, "a", "b"), taken(r, "now", 10, nil, "a", "c")
		now.Header.Configs[1].MemoryMB = tc.sizeOfC
		got, err := Compare(base, now, CompareOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{tc.gone, tc.come} {
			if !slices.Contains(got.Notes, want) {
				t.Errorf("%s: no %q in %q", tc.name, want, got.Notes)
			}
		}
	}
}
