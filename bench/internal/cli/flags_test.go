package cli

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"coldbench/bench/internal/plan"
)

// typed returns what a command's flags ask for.
func typed(t *testing.T, backend string, args []string) measure {
	t.Helper()
	var local localMeasure
	var aws awsMeasure
	cmd, m := &cobra.Command{Use: backend, Run: func(*cobra.Command, []string) {}}, &local.measure
	if backend == "local" {
		local.register(cmd)
	} else {
		aws.register(cmd)
		m = &aws.measure
	}
	cmd.SetArgs(args)
	err := cmd.Execute()
	if err == nil {
		err = m.check(t.TempDir(), backend)
	}
	if err != nil {
		t.Fatalf("bench %s %s: %v", backend, strings.Join(args, " "), err)
	}
	return *m
}

// named sets what is known only when the configs are.
func named(m *measure) {
	if m.Control {
		m.plan.Control = "scratch-control"
	}
}

// Each field of a plan survives the way from flags to the header of a run, back
// for --resume, and to the command line of the report. A field that is set by no
// flag of this table is forgotten somewhere.
func TestEveryFieldOfAPlanSurvives(t *testing.T) {
	shared := strings.Fields("--runs 7 --warm-runs 3 --memory 128,512 --arch arm64,amd64 --pause 1.5ms --seed 9 --baseline al2 --retries 4 --control")
	var covered plan.Plan
	for _, c := range []struct {
		backend string
		args    string
		not     []string // of the shared ones
	}{
		{"local", "--timeout 2500ms --cpu lambda --cpu-period 50ms --network none --warm", nil},
		{"local", "--cpu none --cold", nil},
		{"local", "--precision p90:10% --max-runs 77", []string{"--runs"}},
		{"aws", "--strategy burst --burst 6 --parallel 2", []string{"--warm-runs"}},
		{"aws", "--strategy idle --idle 90s --parallel 3", nil},
		{"aws", "--redeploy 5 --control=false --cold", []string{"--memory"}},
	} {
		args := append(append([]string{}, shared...), strings.Fields(c.args)...)
		for _, flag := range c.not {
			args = without(args, flag)
		}
		m := typed(t, c.backend, args)
		named(&m)
		text, err := json.Marshal(m.plan)
		if err != nil {
			t.Fatal(err)
		}
		var stored plan.Plan
		if err := json.Unmarshal(text, &stored); err != nil {
			t.Fatal(err)
		}
		if c.backend == "local" {
			stored.Against, stored.Strategy = "20260101T000000Z-local-docker", "new-container"
		}
		fill(&covered, stored)

		resumed := typed(t, c.backend, []string{"--resume", "RUN"})
		if err := resumed.makePlan(c.backend, &stored); err != nil {
			t.Fatal(err)
		}
		if c.backend == "local" {
			resumed.plan.Strategy = stored.Strategy // the engine's
		}
		if was, is := stored.Differences(resumed.plan); was != is {
			t.Errorf("bench %s %s: resumed with %s, begun with %s", c.backend, c.args, is, was)
		}

		again := typed(t, c.backend, without(stored.Args(c.backend), "--against"))
		named(&again)
		again.plan.Against = stored.Against
		if c.backend == "local" {
			again.plan.Strategy = stored.Strategy
		}
		if was, is := stored.Differences(again.plan); was != is {
			t.Errorf("bench %s %s: the command line asks for %s, the run had %s", c.backend, c.args, is, was)
		}
	}
	v := reflect.ValueOf(covered)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("no flag sets %s", v.Type().Field(i).Name)
		}
	}
}

// without removes a flag and its value.
func without(args []string, flag string) []string {
	var list []string
	for i := 0; i < len(args); i++ {
		if args[i] == flag {
			i++
			continue
		}
		list = append(list, args[i])
	}
	return list
}

// fill sets the fields of p that are zero to those of q.
func fill(p *plan.Plan, q plan.Plan) {
	v, w := reflect.ValueOf(p).Elem(), reflect.ValueOf(q)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			v.Field(i).Set(w.Field(i))
		}
	}
}
