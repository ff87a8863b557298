package awslambda

import (
	"context"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/awssim"
	"coldbench/bench/internal/awssim/awssimtest"
	"coldbench/bench/internal/coldstart"
)

// hasty is a client whose user may be in a hurry.
type hasty struct {
	*Client
	hurry  context.CancelFunc
	giveUp context.CancelCauseFunc
}

func connectHasty(t *testing.T, e *awssimtest.Endpoint) hasty {
	t.Helper()
	h := hasty{Client: connect(t, e)}
	h.o.Restoring, h.giveUp = context.WithCancelCause(t.Context())
	h.o.Patient, h.hurry = context.WithCancel(h.o.Restoring)
	h.counter.patient = h.o.Patient
	t.Cleanup(h.hurry)
	return h
}

// startCold makes a cold start, which changes the function.
func startCold(t *testing.T, target coldstart.Target) {
	t.Helper()
	if _, _, err := target.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A hurry ends the retries, and each function is restored once more, with no
// request sent twice.
func TestHurryRestoresOnceMore(t *testing.T) {
	t.Parallel()
	for _, recovers := range []bool{true, false} {
		e := awssimtest.Serve(t, "one", "two")
		h := connectHasty(t, e)
		k, targets := open(t, e, h.Client, Setup{Strategy: coldstart.StrategyConfigUpdate}, "one", "two")
		startCold(t, targets[0])
		startCold(t, targets[1])
		if names, code := h.Changed(); !slices.Equal(names, []string{"one", "two"}) || code {
			t.Errorf("changed: %q, code %v", names, code)
		}
		var hurried, after atomic.Int32
		e.Mu.Lock()
		e.Fault = func(op string, _ int, w http.ResponseWriter, r *http.Request) bool {
			if _, name := awssim.Operation(r, nil); op != "UpdateFunctionConfiguration" || name != "one" {
				return false
			}
			if hurried.Load() > 0 {
				after.Add(1)
				if recovers {
					return false
				}
			}
			awssimtest.Refuse(w, 500, "ServiceException", "try again")
			if hurried.Load() == 0 {
				hurried.Store(1)
				h.hurry()
			}
			return true
		}
		e.Mu.Unlock()
		err := k.Close()
		e.Mu.Lock()
		e.Fault = nil
		e.Mu.Unlock()
		if n := after.Load(); n != 1 {
			t.Errorf("%d updates in a hurry, want 1", n)
		}
		names, _ := h.Changed()
		journals, _ := os.ReadDir(h.o.JournalDir)
		if recovers {
			if err != nil || e.Function("one").Variables[TokenKey] != "" || len(names)+len(journals) > 0 {
				t.Errorf("not restored: %v, changed %q, %d journals", err, names, len(journals))
			}
			continue
		}
		if err == nil || !strings.HasPrefix(err.Error(), "left changed: one: ") || !strings.Contains(advice.HintOf(err), "bench aws --restore --region us-east-1") || len(journals) != 1 {
			t.Errorf("%v, hint %q, %d journals", err, advice.HintOf(err), len(journals))
		}
		if !slices.Equal(names, []string{"one"}) || e.Function("two").Variables[TokenKey] != "" {
			t.Errorf("changed: %q; two: %v", names, e.Function("two").Variables)
		}
		if r, err := connect(t, e).Restore(); err != nil || len(r.Functions) != 0 {
			t.Errorf("another folder's journals: %+v, %v", r, err)
		}
		again := connect(t, e)
		again.o.JournalDir = h.o.JournalDir
		if r, err := again.Restore(); err != nil || !slices.Equal(r.Functions, []string{"one"}) || e.Function("one").Variables[TokenKey] != "" {
			t.Errorf("%+v, %v", r, err)
		}
	}
}

// Restoring ends when it has to, whatever the endpoint does, and says why.
func TestRestoringEnds(t *testing.T) {
	t.Parallel()
	e := awssimtest.Serve(t, "one")
	h := connectHasty(t, e)
	k, targets := open(t, e, h.Client, Setup{Strategy: coldstart.StrategyConfigUpdate}, "one")
	startCold(t, targets[0])
	limit := errors.New("too long")
	e.Mu.Lock()
	e.Fault = func(_ string, _ int, _ http.ResponseWriter, r *http.Request) bool {
		if h.o.Patient.Err() == nil {
			h.hurry()
		} else {
			h.giveUp(limit)
		}
		<-r.Context().Done()
		return true
	}
	e.Mu.Unlock()
	if err := k.Close(); !errors.Is(err, limit) || !strings.Contains(err.Error(), "left changed: one") {
		t.Errorf("%v", err)
	}
	if journals, _ := os.ReadDir(h.o.JournalDir); len(journals) != 1 {
		t.Errorf("%d journals", len(journals))
	}
}

// abandon interrupts a cold start while a change of its function is under way,
// and restores: with the user in a hurry before the endpoint has made the change,
// else when it has. The endpoint is closed when it returns.
func abandon(t *testing.T, strategy string, operation string, hurried bool) (awssim.State, error) {
	t.Helper()
	e := awssimtest.Serve(t, "one")
	h := connectHasty(t, e)
	k, targets := open(t, e, h.Client, Setup{Strategy: strategy}, "one")
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan bool)
	var began atomic.Bool
	e.Mu.Lock()
	e.Fault = func(op string, _ int, _ http.ResponseWriter, _ *http.Request) bool {
		if op == operation && began.CompareAndSwap(false, true) {
			cancel()
			if hurried {
				h.hurry()
				<-release
			} else {
				time.Sleep(300 * time.Millisecond)
			}
		}
		return false // it is made now
	}
	e.Mu.Unlock()
	if _, _, err := targets[0].Start(ctx); err == nil {
		t.Error("it started")
	}
	err := k.Close()
	close(release)
	e.Close()
	return e.Function("one"), err
}

// An update that was sent is made whether anybody waits or not. Restoring comes
// after it, or keeps it from being made.
func TestRestoreComesAfterTheUpdate(t *testing.T) {
	t.Parallel()
	for _, hurried := range []bool{false, true} {
		f, err := abandon(t, coldstart.StrategyConfigUpdate, "UpdateFunctionConfiguration", hurried)
		if err != nil || f.Variables[TokenKey] != "" || f.Variables["KEPT"] == "" {
			t.Errorf("hurried %v: left changed: %v, %v", hurried, f.Variables, err)
		}
	}
}

// An update of the code that comes while the configuration is restored is undone.
func TestRestoreComesAfterTheCode(t *testing.T) {
	t.Parallel()
	e := awssimtest.Serve(t, "one")
	h := connectHasty(t, e)
	images := map[Ref][]string{{Name: "one"}: {awssimtest.Digest(1)}}
	k, targets := open(t, e, h.Client, Setup{Strategy: coldstart.StrategyCodeUpdate, Images: images}, "one")
	ctx, cancel := context.WithCancel(t.Context())
	image := func() string { return e.Function("one").Image }
	release := make(chan bool)
	var began, late atomic.Bool
	e.Mu.Lock()
	e.Fault = func(op string, _ int, _ http.ResponseWriter, _ *http.Request) bool {
		switch {
		case op == "UpdateFunctionCode" && began.CompareAndSwap(false, true):
			cancel()
			h.hurry()
			<-release
		case op == "UpdateFunctionConfiguration" && began.Load() && late.CompareAndSwap(false, true):
			close(release)
			for end := time.Now().Add(10 * time.Second); image() != awssimtest.Digest(1) && time.Now().Before(end); {
				time.Sleep(time.Millisecond)
			}
			if image() != awssimtest.Digest(1) {
				t.Error("the code was not updated")
			}
		}
		return false
	}
	e.Mu.Unlock()
	if err := targets[0].(coldstart.Redeployer).Deploy(ctx, awssimtest.Digest(1)); err == nil {
		t.Error("it was deployed")
	}
	err := k.Close()
	if e.Close(); err != nil || !late.Load() || e.Function("one").Image != awssimtest.Image || e.Function("one").Variables[TokenKey] != "" {
		t.Errorf("left changed: %s, %v, %v", e.Function("one").Image, e.Function("one").Variables, err)
	}
}

// A version that was asked for when the run was abandoned is deleted, or may be
// left and is named.
func TestRestoreComesAfterTheVersion(t *testing.T) {
	t.Parallel()
	if f, err := abandon(t, coldstart.StrategyVersion, "PublishVersion", false); err != nil || len(f.Versions) > 0 {
		t.Errorf("versions %v are left, %v", f.Versions, err)
	}
	if _, err := abandon(t, coldstart.StrategyVersion, "PublishVersion", true); err == nil || !strings.Contains(err.Error(), "left changed: one: ") {
		t.Errorf("hurried: %v", err)
	}
}

// A memory size that an abandoned update sets is restored.
func TestRestoreOfAnAbandonedMemorySize(t *testing.T) {
	t.Parallel()
	e := awssimtest.Serve(t, "one")
	k, _ := open(t, e, connect(t, e), Setup{Strategy: coldstart.StrategyConfigUpdate}, "one")
	target, err := k.Open(t.Context(), coldstart.Config{Variant: "one", MemoryMB: 256, Arch: "amd64"}, coldstart.Image{Ref: "one"}, coldstart.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	e.Fault = func(op string, n int, _ http.ResponseWriter, _ *http.Request) bool {
		if op == "GetFunction" && n == 2 { // the first poll of the update
			cancel()
		}
		return false
	}
	if _, _, err := target.Start(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
	if err := k.Close(); err != nil || e.Function("one").MemoryMB != 512 {
		t.Errorf("%d MB, %v", e.Function("one").MemoryMB, err)
	}
}

// Where images are deployed, code may be changed: restoring it takes longer.
func TestChangedKnowsOfCode(t *testing.T) {
	t.Parallel()
	e := awssimtest.Serve(t, "one")
	c := connect(t, e)
	images := map[Ref][]string{{Name: "one"}: {awssimtest.Digest(1)}}
	k, targets := open(t, e, c, Setup{Strategy: coldstart.StrategyCodeUpdate, Images: images}, "one")
	if names, code := c.Changed(); len(names) > 0 || code {
		t.Errorf("before the first update: %q, %v", names, code)
	}
	if err := targets[0].(coldstart.Redeployer).Deploy(t.Context(), awssimtest.Digest(1)); err != nil {
		t.Fatal(err)
	}
	if names, code := c.Changed(); !slices.Equal(names, []string{"one"}) || !code {
		t.Errorf("after it: %q, %v", names, code)
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	if names, code := c.Changed(); len(names) > 0 || code {
		t.Errorf("restored: %q, %v", names, code)
	}
}
