package analysis

import (
	"slices"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/runfile"
)

// placed makes a run of a place, its cold starts of a length.
func placed(id, backend, engine, rehearsal string, total float64, variants ...string) *runfile.Run {
	run := newRun(variants...)
	h := &run.Header
	h.ID, h.Backend, h.Engine, h.Rehearsal = id, backend, engine, rehearsal
	for _, v := range variants {
		for range 8 {
			cold(run, v, coldstart.ClassCold, total-1, 0.5)
			invoke(run, coldstart.ClassFirstWarm, 0.9)
			invoke(run, coldstart.ClassWarm, 1.5, 1.5)
		}
	}
	return run
}

func overviewOf(runs ...*runfile.Run) Overview {
	var inputs []Input
	for _, r := range runs {
		inputs = append(inputs, Input{Run: r})
	}
	return New(inputs).Overview()
}

func medians(r OverviewRow) []float64 {
	var v []float64
	for _, c := range r.Cells {
		if c.Median.Value == nil {
			v = append(v, -1)
			continue
		}
		v = append(v, *c.Median.Value)
	}
	return v
}

// TestOverview: the newest local run and the newest on AWS stand in one table,
// each config in a column of its own, and nothing else does.
func TestOverview(t *testing.T) {
	local := placed("l", "local", "docker", "", 10, "scratch", "al2")
	local.Header.Configs[1].Image.StandIn, local.Header.Configs[1].Image.Base = true, "coldbench/stand-in:al2"
	older := placed("o", "local", "sandbox", "", 70, "scratch", "old")
	older.Header.Started = runfile.Stamp(start.Add(-time.Hour))
	aws := placed("a", "aws", "eu-west-1", "", 100, "scratch", "scratch-zip")
	aws.Header.Started = runfile.Stamp(start.Add(-2 * time.Hour))
	rehearsal := placed("r", "aws", "eu-west-1", "rehearsal, not AWS", 50, "scratch", "rehearsed")
	elsewhere := placed("e", "aws", "eu-west-1", "endpoint localhost, not AWS", 60, "scratch", "elsewhere")

	o := overviewOf(older, rehearsal, local, elsewhere, aws)
	if want := []string{"scratch", "al2", "scratch-zip"}; !slices.Equal(o.Columns, want) {
		t.Fatalf("columns %q, want %q", o.Columns, want)
	}
	want := []struct {
		label string
		cells []float64
	}{
		{"Local cold", []float64{10, 10, -1}}, {"Local warm", []float64{2, 2, -1}},
		{"AWS Lambda cold", []float64{100, -1, 100}}, {"AWS Lambda warm", []float64{2, -1, 2}},
	}
	if len(o.Rows) != len(want) {
		t.Fatalf("%d rows", len(o.Rows))
	}
	for i, w := range want {
		if r := o.Rows[i]; r.Label != w.label || !r.Measured || !slices.Equal(medians(r), w.cells) {
			t.Errorf("row %d: %q (%v) %v, want %q %v", i, r.Label, r.Measured, medians(r), w.label, w.cells)
		}
	}
	if o.Rows[0].Cells[0].StandIn || !o.Rows[0].Cells[1].StandIn || o.Rows[2].Cells[0].StandIn {
		t.Error("stand-in bases are not told from real ones")
	}
	captions := strings.Join(o.Captions, "\n")
	for _, part := range []string{"docker engine, 2026-03-04 05:06 UTC, 512 MB, amd64", "8 cold starts and 16 warm invocations of 8 environments", "stand-in bases: al2 on coldbench/stand-in:al2", "region eu-west-1, 2026-03-04 03:06 UTC, 512 MB"} {
		if !strings.Contains(captions, part) {
			t.Errorf("the captions lack %q:\n%s", part, captions)
		}
	}
}

// TestOverviewWithoutAWS: a rehearsal and an endpoint that is not AWS leave the
// rows of AWS unmeasured.
func TestOverviewWithoutAWS(t *testing.T) {
	for name, runs := range map[string][]*runfile.Run{
		"local alone": {placed("l", "local", "docker", "", 10, "scratch")},
		"rehearsals": {
			placed("l", "local", "docker", "", 10, "scratch"), placed("r", "aws", "eu-west-1", "rehearsal, not AWS", 50, "scratch"),
			placed("e", "aws", "eu-west-1", "endpoint localhost, not AWS", 60, "scratch"),
		},
	} {
		o := overviewOf(runs...)
		if !slices.Equal(o.Columns, []string{"scratch"}) || len(o.Captions) != 1 || !slices.Equal(o.Missing, []string{"aws"}) {
			t.Errorf("%s: %q, %q, missing %q", name, o.Columns, o.Captions, o.Missing)
		}
		for _, r := range o.Rows[2:] {
			if r.Measured || r.Place != "aws" || medians(r)[0] != -1 {
				t.Errorf("%s: %q (%v) shows %v", name, r.Label, r.Measured, medians(r))
			}
		}
	}
	o := overviewOf()
	if len(o.Rows) != 4 || len(o.Columns) != 0 || o.Rows[0].Measured || o.Rows[0].Place != "local" {
		t.Errorf("of nothing: %+v", o)
	}
}

// TestOverviewKeepsSizesApart: one variant at two sizes is two columns.
func TestOverviewKeepsSizesApart(t *testing.T) {
	aws := placed("a", "aws", "eu-west-1", "", 100, "scratch")
	aws.Header.Configs[0].MemoryMB = 1024
	for i := range aws.Samples {
		aws.Samples[i].Config.MemoryMB = 1024
	}
	control := placed("l", "local", "docker", "", 10, "scratch", "scratch-control")
	control.Header.Plan.Control = "scratch-control"
	o := overviewOf(control, aws)
	if want := []string{"scratch 512 MB", "scratch 1024 MB"}; !slices.Equal(o.Columns, want) {
		t.Fatalf("columns %q, want %q", o.Columns, want)
	}
	if got := medians(o.Rows[2]); !slices.Equal(got, []float64{-1, 100}) {
		t.Errorf("AWS cold: %v", got)
	}
}
