package analysis

import (
	"math/rand/v2"
	"testing"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/runfile"
)

// engineRun makes a run of an engine in which b takes factor times as long as a,
// and c twice as long; spread is that of the times.
func engineRun(engine, driver string, factor, spread float64) Input {
	run := newRun("a", "b", "c")
	h := &run.Header
	h.ID, h.Engine, h.Plan.Runs, h.Plan.WarmRuns = "r-"+engine+driver, engine, 40, 0
	if driver != "" {
		h.Facts = &coldstart.EngineFacts{StorageDriver: driver}
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range h.Plan.Runs {
		for i, f := range []float64{1, factor, 2} {
			cold(run, string("abc"[i]), coldstart.ClassCold, 3*f*(1+spread*r.NormFloat64()), 0.5*f)
		}
	}
	return Input{Run: run}
}

func TestEnginesThatDisagree(t *testing.T) {
	at := func(in Input, hours int) Input {
		in.Run.Header.Started = runfile.Stamp(start.Add(time.Duration(hours) * time.Hour))
		return in
	}
	with := func(in Input, variant int, image runfile.Image) Input {
		in.Run.Header.Configs[variant].Image = image
		return in
	}
	for name, c := range map[string]struct {
		inputs []Input
		want   int
	}{
		"another verdict":   {[]Input{engineRun("docker", "fuse-overlayfs", 3, .01), engineRun("sandbox", "", 1, .01)}, 2}, // the median and p90
		"opposite verdicts": {[]Input{engineRun("docker", "overlay2", 3, .01), engineRun("sandbox", "", .5, .01)}, 2},
		"the same verdicts": {[]Input{engineRun("docker", "overlay2", 3, .01), engineRun("sandbox", "", 1.5, .01)}, 0},
		"one is unclear":    {[]Input{engineRun("docker", "overlay2", 1.2, 1), engineRun("sandbox", "", 1, .01)}, 0},
		"another image":     {[]Input{engineRun("docker", "overlay2", 3, .01), with(engineRun("sandbox", "", 1, .01), 1, runfile.Image{ImageID: "sha256:x"})}, 0},
		"another baseline":  {[]Input{engineRun("docker", "overlay2", 3, .01), with(engineRun("sandbox", "", 1, .01), 0, runfile.Image{ImageID: "sha256:x"})}, 0},
		"another ID, one content": {[]Input{
			with(engineRun("docker", "overlay2", 3, .01), 1, runfile.Image{ImageID: "sha256:y", ContentID: "sha256:c"}),
			with(engineRun("sandbox", "", 1, .01), 1, runfile.Image{ImageID: "sha256:x", ContentID: "sha256:c"}),
		}, 2},
		"one engine":               {[]Input{engineRun("docker", "overlay2", 3, .01)}, 0},
		"one engine twice":         {[]Input{engineRun("docker", "overlay2", 3, .01), at(engineRun("docker", "vfs", 1, .01), 1)}, 0},
		"an older run disagrees":   {[]Input{engineRun("docker", "fuse-overlayfs", 3, .01), at(engineRun("docker", "overlay2", 1, .01), 1), at(engineRun("sandbox", "", 1, .01), 2)}, 0},
		"the newest one disagrees": {[]Input{engineRun("docker", "fuse-overlayfs", 1, .01), at(engineRun("docker", "overlay2", 3, .01), 1), at(engineRun("sandbox", "", 1, .01), 2)}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			got := New(c.inputs).Disagreements
			if len(got) != c.want {
				t.Fatalf("%d disagreements, want %d: %+v", len(got), c.want, got)
			}
			for _, d := range got {
				if d.Title != "b" || d.Baseline != "a" || d.Class != "cold" || len(d.Sides) != 2 || d.Sides[0].Verdict == d.Sides[1].Verdict {
					t.Errorf("%+v", d)
				}
			}
		})
	}
	d := New([]Input{engineRun("docker", "fuse-overlayfs", 3, .01), at(engineRun("sandbox", "", 1, .01), 1)}).Disagreements
	if len(d) == 0 {
		t.Fatal("no disagreement")
	}
	newer, older := d[0].Sides[0], d[0].Sides[1]
	if newer.Engine != "sandbox" || newer.Verdict != "same" || newer.StorageDriver != "" ||
		older.Engine != "docker" || older.Verdict != "slower" || older.StorageDriver != "fuse-overlayfs" || older.Run != "r-dockerfuse-overlayfs" || *older.Ratio.Value < 2.9 {
		t.Errorf("%+v", d[0])
	}
}
