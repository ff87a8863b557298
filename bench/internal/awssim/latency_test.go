package awssim

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"coldbench/bench/internal/backend/sandbox"
	"coldbench/bench/internal/coldstart"
)

// The table is whole and grows along each row; draws follow it.
func TestPlatformInit(t *testing.T) {
	if len(quantileTable) != 32 || quantileLevels[0] != 0 || quantileLevels[len(quantileLevels)-1] != 1 || !slices.IsSorted(quantileLevels) {
		t.Fatalf("%d rows, levels %v", len(quantileTable), quantileLevels)
	}
	for _, r := range quantileTable {
		if len(r.ms) != len(quantileLevels) || !slices.IsSorted(r.ms) || r.ms[0] < 10 || r.ms[0] > 100 {
			t.Errorf("row %+v", r)
		}
	}
	c := configuration{memoryMB: 600, image: coldstart.Image{Arch: "amd64", Base: "public.ecr.aws/lambda/provided:al2"}}
	row := rowOf(c)
	if row.base != "al2" || row.zip || row.arch != "x86_64" || row.memoryMB != 512 {
		t.Fatalf("row %+v", row)
	}
	const n = 20_000
	var draws []float64
	for i := range n {
		draws = append(draws, float64(platformInit(newRNG(1, "latency", "f", i), c))/float64(time.Millisecond))
	}
	slices.Sort(draws)
	for i, p := range quantileLevels {
		got := draws[min(int(p*n), n-1)]
		// The ends are not reached, and the last quantiles are far apart.
		if p > 0.05 && p < 0.95 && math.Abs(got-row.ms[i]) > 0.1*row.ms[i] || got < row.ms[0] || got > row.ms[len(row.ms)-1] {
			t.Errorf("quantile %v of the draws is %v, of the table %v", p, got, row.ms[i])
		}
	}
	for _, c := range []struct {
		base, runtime string
		zip           bool
		want          string
	}{{"scratch", "", false, "al2023"}, {"x/al2", "", false, "al2"}, {"x/al2023", "", false, "al2023"}, {"", "provided.al2", true, "al2"}, {"", "provided.al2023", true, "al2023"}} {
		if r := rowOf(configuration{memoryMB: 128, zip: c.zip, runtime: c.runtime, image: coldstart.Image{Base: c.base, Arch: "arm64"}}); r.base != c.want || r.zip != c.zip || r.arch != "arm64" || r.memoryMB != 128 {
			t.Errorf("%+v: %+v", c, r)
		}
	}
}

// What looks for a phrase finds what holds it, and nothing panics.
func FuzzPattern(f *testing.F) {
	for _, s := range []string{`"REPORT RequestId"`, `REPORT -START`, `?a ?b "c\"d"`, `{ $.type = "platform.report" }`, `{ $.record.metrics.durationMs != 7 }`, `{`, `"`} {
		f.Add(s, `{"type":"platform.report"}`)
	}
	f.Fuzz(func(t *testing.T, pattern, message string) {
		match, err := patternOf(pattern)
		if (err == nil) != (match != nil) {
			t.Fatalf("%q: %v", pattern, err)
		}
		if err == nil {
			match(message)
		}
		if m, err := patternOf(`"platform"`); err != nil || !m("a platform.report") || m("REPORT") {
			t.Error("a phrase is not found")
		}
	})
}

// The first environment of an image that was deployed while the function is
// served takes as long as published first ones; no other does, and no zip's.
func TestFirstInit(t *testing.T) {
	least, most := time.Duration(firstInits[0]*1e6), time.Duration(firstInits[len(firstInits)-1]*1e6)
	if !slices.IsSorted(firstInits) {
		t.Fatal("out of order")
	}
	seen := map[time.Duration]bool{}
	for i := range 1000 {
		d := firstInit(newRNG(1, "first", "f", i))
		if seen[d] = true; d < least || d > most {
			t.Fatalf("drew %v", d)
		}
	}
	if len(seen) < 900 {
		t.Errorf("%d different draws of 1000", len(seen))
	}
	s, err := New(Options{Engine: nothing{}, Latency: "aws"})
	if err != nil {
		t.Fatal(err)
	}
	img := coldstart.Image{ID: "sha256:own", Root: "/none", Arch: "amd64"}
	for _, kind := range []string{"Image", "Zip"} {
		if err := s.Deploy(kind, img, Function{PackageType: kind}); err != nil {
			t.Fatal(err)
		}
		f := s.functions[kind]
		start := func() bool {
			e, _ := s.take(f, f.latest)
			defer func() { f.running-- }()
			return e.platform >= least
		}
		if start() {
			t.Errorf("%s: the first one of what was there before took as long as after a deployment", kind)
		}
		for n, id := range []string{"sha256:one", "sha256:two", "sha256:one"} {
			other := img
			other.ID = id
			cfg := f.latest.cfg.coded(other, "uri")
			f.latest.serving = &deployment{f: f, cfg: cfg}
			for position := range 3 {
				if want := kind == "Image" && position == 0 && n < 2; start() != want {
					t.Errorf("%s, deployment %d, position %d: slow is %v", kind, n, position, !want)
				}
			}
		}
	}
	s.environments = 0
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// nothing is an engine that makes nothing.
type nothing struct{}

func (nothing) NewMachine(sandbox.Spec) (sandbox.Machine, error) { return nil, errors.New("nothing") }
