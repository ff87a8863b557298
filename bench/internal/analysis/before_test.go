package analysis

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/runfile"
)

// against is a run of variants with n cold starts each, of which those in times
// have their earlier image beside them, that many times as quick.
func against(r *rand.Rand, n int, times map[string]float64, variants ...string) *runfile.Run {
	var all []string
	for _, v := range variants {
		if all = append(all, v); times[v] != 0 {
			all = append(all, runfile.NameBefore(v))
		}
	}
	run := taken(r, "now", n, times, all...)
	run.Header.Plan.Against = "base"
	for i := range run.Header.Configs {
		c := &run.Header.Configs[i]
		if v, before := strings.CutSuffix(c.Variant, "@before"); before {
			c.Before = v
		} else {
			c.Unchanged = times[v] == 0
		}
	}
	return run
}

func TestCompareBefore(t *testing.T) {
	run := against(rand.New(rand.NewPCG(1, 2)), 100, map[string]float64{"b": 1.6, "c": 1}, "a", "b", "c")
	gate := 0.05
	c, err := CompareBefore(run, CompareOptions{FailOver: &gate})
	if err != nil {
		t.Fatal(err)
	}
	if !c.Interleaved || c.Base != "base" || len(c.Controls)+len(c.Drift) != 0 || c.Gate.Judged != 4 || c.Gate.Unjudged != 0 {
		t.Errorf("%+v, %+v", c, c.Gate)
	}
	for _, d := range c.Lines {
		slower := d.Variant == "b"
		if d.Variant != "b" && d.Variant != "c" || d.Tripped != slower || slower != (d.Verdict == "slower") || d.Beyond != nil || d.Simultaneous == nil ||
			slower && d.Quantile == 0.5 && math.Abs(*d.Ratio.Value-1.6) > 0.2 {
			t.Errorf("%s at %v: %+v", d.Title, d.Quantile, d)
		}
	}
	if !slices.ContainsFunc(c.Notes, func(n string) bool { return strings.HasSuffix(n, "was measured once: a.") }) {
		t.Errorf("notes %q", c.Notes)
	}

	// The page sets each variant against the baseline and against its own image.
	s := section(run)
	sides := map[string]int{}
	for _, x := range s.Comparisons {
		if x.Class == "cold" && x.Quantile == 0.5 {
			sides[s.Columns[x.Column].Title+", "+s.Columns[x.Baseline].Title]++
		}
	}
	if len(sides) != 4 || sides["b, a"] != 1 || sides["b, b (before)"] != 1 || sides["c, a"] != 1 || sides["c, c (before)"] != 1 {
		t.Errorf("compared are %v", sides)
	}
	if s.Since != nil {
		t.Error("a change since a previous run that there is none of")
	}
}

func TestCompareBeforeWithoutSides(t *testing.T) {
	gate := 0.05
	none := map[string]float64{}
	for _, tt := range []struct {
		name  string
		times map[string]float64
		edit  func(*runfile.Run)
		want  error
		gate  Gate
	}{
		{"a run like any other", none, func(r *runfile.Run) { r.Header.Plan.Against = "" }, ErrNotAgainst, Gate{}},
		{"nothing changed", none, func(*runfile.Run) {}, nil, Gate{}},
		{"none of its variants", none, func(r *runfile.Run) { r.Header.Configs[0].Unchanged, r.Header.Configs[1].Unchanged = false, false }, ErrNothing, Gate{}},
		{"one unchanged, one gone", none, func(r *runfile.Run) {
			r.Header.Configs[1].Unchanged = false
			r.Header.Unavailable = []runfile.Unavailable{{Variant: "b@before", Before: "b", Error: "gone"}}
		}, nil, Gate{Unjudged: 1}},
		{"one under another ID", none, func(r *runfile.Run) { r.Header.Configs[1].ImageIDBefore = "sha256:old" }, nil, Gate{}},
		{"one started otherwise", none, func(r *runfile.Run) { r.Header.Configs[1].SetupChanged = true }, nil, Gate{Unjudged: 1}},
		{"no samples of the one that changed", map[string]float64{"b": 1}, func(r *runfile.Run) {
			r.Samples = slices.DeleteFunc(r.Samples, func(s coldstart.Sample) bool { return s.Config.Variant == "b" })
		}, nil, Gate{Unjudged: 1}},
		{"no samples of any that changed", map[string]float64{"a": 1, "b": 1}, func(r *runfile.Run) { r.Samples = nil }, ErrNothing, Gate{}},
		{"too few", map[string]float64{"b": 1}, func(r *runfile.Run) { r.Samples = r.Samples[:6] }, nil, Gate{Unjudged: 1}},
	} {
		run := against(rand.New(rand.NewPCG(1, 3)), 10, tt.times, "a", "b")
		tt.edit(run)
		c, err := CompareBefore(run, CompareOptions{FailOver: &gate})
		if !errors.Is(err, tt.want) || (c == nil) != (tt.want != nil) {
			t.Errorf("%s: %v, %v", tt.name, c, err)
			continue
		}
		if c != nil && (c.Gate.Judged != tt.gate.Judged || c.Gate.Unjudged != tt.gate.Unjudged || c.Gate.Tripped != 0) {
			t.Errorf("%s: gate %+v, want %+v", tt.name, *c.Gate, tt.gate)
		}
		if tt.name == "one under another ID" && !contains(c.Notes, "Another image ID, but the same content: b.") ||
			tt.name == "one started otherwise" && !contains(c.Notes, "differ from run base; this change is not compared: b.") {
			t.Errorf("%s: notes %q", tt.name, c.Notes)
		}
	}
}

// TestSettle asks for the command that settles what has no control.
func TestSettle(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 4))
	base, now := taken(r, "base", 10, nil, "a"), taken(r, "now", 10, nil, "a")
	settle := func(how CompareOptions) string {
		t.Helper()
		c, err := Compare(base, now, how)
		if err != nil {
			t.Fatal(err)
		}
		return c.Settle
	}
	if got := settle(CompareOptions{}); got != "" {
		t.Errorf("nothing changed: %q", got)
	}
	change(now, "a")
	if got := settle(CompareOptions{}); got != "bench local --against results/runs/base.jsonl" {
		t.Errorf("a change without a control: %q", got)
	}
	if got := settle(CompareOptions{Base: "it's there"}); got != `bench local --against 'it'\''s there'` {
		t.Errorf("a change without a control, named: %q", got)
	}
	base.Header.Backend, now.Header.Backend = "aws", "aws"
	if got := settle(CompareOptions{}); got != "" {
		t.Errorf("on AWS: %q", got)
	}
}
