package awslambda

import (
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/awssim/awssimtest"
	"coldbench/bench/internal/coldstart"
)

// Where somebody else changes a function in mid-run, the run ends, nothing more
// is touched, and the journal stays.
func TestSomebodyElsesChangeEndsTheRun(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	c := connect(t, e)
	k, targets := open(t, e, c, Setup{Strategy: coldstart.StrategyConfigUpdate}, "one")
	if _, _, err := targets[0].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	variables := e.Function("one").Variables
	variables["THEIRS"] = "1"
	e.Change("one", map[string]any{"Environment": map[string]any{"Variables": variables}})
	_, _, err := targets[0].Start(t.Context())
	if !errors.Is(err, coldstart.ErrAbort) || !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), "(Environment)") {
		t.Fatalf("%v", err)
	}
	updates := e.Counts["UpdateFunctionConfiguration"]
	if err := k.Close(); !errors.Is(err, ErrForeign) || !strings.Contains(advice.HintOf(err), "--restore") {
		t.Errorf("closing: %v, hint %q", err, advice.HintOf(err))
	}
	if n := e.Counts["UpdateFunctionConfiguration"]; n != updates {
		t.Errorf("%d more updates", n-updates)
	}
	// Asked to, bench takes off its own variable, and theirs stays.
	r, err := c.Restore()
	vars := e.Function("one").Variables
	if err != nil || !slices.Equal(r.Functions, []string{"one"}) || vars[TokenKey] != "" || vars["THEIRS"] != "1" || vars["KEPT"] == "" {
		t.Errorf("%+v, %v, %v", r, err, vars)
	}
	if files, _ := os.ReadDir(c.o.JournalDir); len(files) != 0 {
		t.Errorf("%d journals are left", len(files))
	}
}

// What comes after a bench that was killed: the session is never closed.
func TestRestoreAfterACrash(t *testing.T) {
	e := awssimtest.Serve(t, "one", "two")
	c := connect(t, e)
	k, targets := open(t, e, c, Setup{Strategy: coldstart.StrategyConfigUpdate}, "one", "two")
	for _, target := range targets {
		if _, _, err := target.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := c.Restore(); err != nil || len(r.Functions) != 0 {
		t.Errorf("a living bench's functions were put back: %+v, %v", r, err)
	}
	if f := Check(c.o.JournalDir); len(f) != 0 {
		t.Errorf("findings while the bench lives: %+v", f)
	}
	k.journal.close() // as the kernel does
	if f := Check(c.o.JournalDir); len(f) != 1 || !strings.Contains(f[0].Text, "one, two in us-east-1 at host:1") || !strings.Contains(f[0].Hint, "--restore") {
		t.Errorf("findings: %+v", f)
	}
	other := *c
	other.region = "eu-central-1"
	if r, err := other.Restore(); err != nil || len(r.Functions) != 0 || len(r.Elsewhere) != 1 {
		t.Errorf("in another region: %+v, %v", r, err)
	}
	other = *c
	other.endpoint = ""
	if r, err := other.Restore(); err != nil || len(r.Functions) != 0 || !slices.Equal(r.Elsewhere, []string{"us-east-1 at host:1"}) {
		t.Errorf("at another endpoint: %+v, %v", r, err)
	}
	r, err := c.Restore()
	if err != nil || !slices.Equal(r.Functions, []string{"one", "two"}) {
		t.Errorf("%+v, %v", r, err)
	}
	for name, f := range e.Sim.Stats().Functions {
		if f.Variables[TokenKey] != "" || f.Variables["KEPT"] == "" || f.MemoryMB != 512 {
			t.Errorf("%s: %v, %d MB", name, f.Variables, f.MemoryMB)
		}
	}
	if r, err := c.Restore(); err != nil || len(r.Functions) != 0 {
		t.Errorf("again: %+v, %v", r, err)
	}
	if f := Check(c.o.JournalDir); len(f) != 0 {
		t.Errorf("findings when all is put back: %+v", f)
	}
}

// The endpoint of a rehearsal dies with the bench that served it: there is
// nothing to put back.
func TestRehearsalsLeaveNothingToRestore(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	c := connect(t, e)
	c.endpoint = "rehearsal"
	k, targets := open(t, e, c, Setup{Strategy: coldstart.StrategyConfigUpdate}, "one")
	if _, _, err := targets[0].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	k.journal.close()
	if r, err := c.Restore(); err != nil || len(r.Functions) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if files, _ := os.ReadDir(c.o.JournalDir); len(files) != 0 {
		t.Errorf("%d journals are left", len(files))
	}
}

// An update that is answered and not made is no restoring.
func TestRestoringIsChecked(t *testing.T) {
	for _, operation := range []string{"UpdateFunctionConfiguration", "UpdateFunctionCode"} {
		e := awssimtest.Serve(t, "one")
		k, targets := redeploying(t, e, connect(t, e), "one")
		if err := targets[0].Deploy(t.Context(), awssimtest.Digest(1)); err != nil {
			t.Fatal(err)
		}
		e.Fault = func(op string, _ int, w http.ResponseWriter, _ *http.Request) bool {
			if op != operation {
				return false
			}
			awssimtest.Reply(w, 200, map[string]any{"RevisionId": "r"})
			return true
		}
		if err := k.Close(); err == nil || !strings.Contains(err.Error(), "the update was answered, and not made") {
			t.Errorf("%s: %v", operation, err)
		}
	}
}
