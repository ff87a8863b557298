package awslambda

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"coldbench/bench/internal/awssim/awssimtest"
	"coldbench/bench/internal/coldstart"
)

func TestConfigUpdateForcesProvesAndRestores(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	c := connect(t, e)
	k, targets := open(t, e, c, Setup{Strategy: coldstart.StrategyConfigUpdate}, "one")
	before := e.Function("one")
	ctx := context.Background()
	for range 3 {
		env, s, err := targets[0].Start(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if s.Class != "cold" || s.Strategy != "config-update" || s.Metrics.InitDurationMs == nil || *s.Metrics.InitDurationMs != 44.1 || s.Phases.ClientMs == nil || s.Phases.ProvisionMs != nil {
			t.Errorf("sample %+v", s)
		}
		if want := []string{"initDuration", "newInstance", "token", "version"}; !slices.Equal(s.Proof, want) {
			t.Errorf("proof %q, want %q", s.Proof, want)
		}
		for i := range 2 {
			w, err := env.Invoke(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if w.Start != "warm" || w.Invocation != i+2 || w.Environment != s.Environment {
				t.Errorf("warm sample %+v", w)
			}
		}
		if err := env.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if files, _ := os.ReadDir(c.o.JournalDir); len(files) != 1 {
		t.Fatalf("%d journals while the functions are changed, want 1", len(files))
	} else {
		info, _ := files[0].Info()
		text, _ := os.ReadFile(c.o.JournalDir + "/" + files[0].Name())
		if info.Mode().Perm() != 0o600 {
			t.Errorf("the journal's mode is %v", info.Mode())
		}
		if s := string(text); strings.Contains(s, "secret") || strings.Contains(s, "bench-") || !strings.Contains(s, `"one"`) || !strings.Contains(s, before.Revision) {
			t.Errorf("journal %s", s)
		}
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	if got := e.Function("one").Variables; !maps.Equal(got, before.Variables) {
		t.Errorf("variables %v after the run, %v before", got, before.Variables)
	}
	if files, _ := os.ReadDir(c.o.JournalDir); len(files) != 0 {
		t.Errorf("%d journals are left", len(files))
	}
	if n := e.Counts["UpdateFunctionConfiguration"]; n != 4 {
		t.Errorf("%d updates for 3 cold starts and the restoring", n)
	}
	if e.Invocations != 9 {
		t.Errorf("%d invocations, want 9", e.Invocations)
	}
}
