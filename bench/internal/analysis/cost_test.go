package analysis

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/price"
)

func TestCosts(t *testing.T) {
	run := newRun("a", "b")
	cold(run, "a", coldstart.ClassCold, 1.5, 1.2) // billed 3
	invoke(run, coldstart.ClassFirstWarm, 900)
	invoke(run, coldstart.ClassWarm, 0.5, 0.5, 3.5) // billed 1, 1, 4: mean 2, median 1
	cold(run, "a", coldstart.ClassCold, 5, 1.2)     // billed 7
	cold(run, "a", coldstart.ClassSuppressedInit, 0, 5000)
	cold(run, "b", coldstart.ClassCold, 1, 1)
	run.Samples[len(run.Samples)-1].Metrics.BilledDurationMs = nil

	r := New([]Input{{Run: run}})
	if r.Sections[0].Costs != nil {
		t.Error("a price before any was asked for")
	}
	r.Price(price.Default(), "")
	c := r.Sections[0].Costs
	if c == nil || c.Region != "us-east-1" || c.Date == "" || c.Source == "" || c.Unknown != "" || len(c.Lines) != 2 {
		t.Fatalf("%+v", c)
	}
	want := func(class, column int, n int, ms float64) {
		t.Helper()
		cell := c.Lines[class].Cells[column]
		usd := 0.20 + ms*1e6/1000*0.5*0.0000166667
		if cell.Invocations != n || cell.BilledMs == nil || *cell.BilledMs != ms || math.Abs(*cell.USD-usd) > 1e-9 {
			t.Errorf("%s, column %d: %+v, want %d invocations of %v ms, %v USD", c.Lines[class].Class, column, cell, n, ms, usd)
		}
	}
	want(0, 0, 2, 5)
	want(1, 0, 3, 2)
	for _, l := range c.Lines {
		if cell := l.Cells[1]; cell.USD != nil || cell.BilledMs != nil || cell.Invocations != 0 {
			t.Errorf("%s of what was never billed: %+v", l.Class, cell)
		}
	}
	text, err := json.Marshal(c)
	if err != nil || !strings.Contains(string(text), `"usdPerMillion":null`) {
		t.Errorf("%s, %v", text, err)
	}

	r.Price(price.Default(), "af-south-1")
	if got := r.Sections[0].Costs; got.Region != "af-south-1" || *got.Lines[0].Cells[0].USD <= *c.Lines[0].Cells[0].USD {
		t.Errorf("%+v", got)
	}
	r.Price(price.Default(), "nowhere-1")
	if got := r.Sections[0].Costs; got.Unknown == "" || len(got.Lines) != 0 {
		t.Errorf("a region without prices: %+v", got)
	}
}

// A run on AWS is priced where it ran, a rehearsal is not on AWS.
func TestCostsWhereItRan(t *testing.T) {
	for _, test := range []struct{ rehearsal, want string }{{"", "eu-south-1"}, {"rehearsal, not AWS", "us-east-1"}} {
		run := newRun("a")
		run.Header.Backend, run.Header.Engine, run.Header.Rehearsal = "aws", "eu-south-1", test.rehearsal
		cold(run, "a", coldstart.ClassCold, 1, 1)
		r := New([]Input{{Run: run}})
		r.Price(price.Default(), "")
		if c := r.Sections[0].Costs; c == nil || c.Region != test.want {
			t.Errorf("%+v, want %s", c, test.want)
		}
	}
	r := New([]Input{{Run: newRun("a")}})
	r.Price(price.Default(), "")
	if c := r.Sections[0].Costs; c != nil {
		t.Errorf("the cost of nothing: %+v", c)
	}
}
