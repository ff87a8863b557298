package awslambda

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/awssim/awssimtest"
	"coldbench/bench/internal/coldstart"
)

// redeploying opens functions whose images may be replaced by three others, of
// which the last is not in the repository.
func redeploying(t *testing.T, e *awssimtest.Endpoint, c *Client, names ...string) (*Session, []coldstart.Redeployer) {
	t.Helper()
	images := map[Ref][]string{}
	for _, n := range names {
		images[Ref{Name: n}] = []string{awssimtest.Digest(1), awssimtest.Digest(2), awssimtest.Digest(0)}
	}
	k, targets := open(t, e, c, Setup{Strategy: coldstart.StrategyCodeUpdate, Images: images}, names...)
	var list []coldstart.Redeployer
	for _, target := range targets {
		list = append(list, target.(coldstart.Redeployer))
	}
	return k, list
}

// as was says what of a function is not as Serve made it.
func asWas(t *testing.T, e *awssimtest.Endpoint, name string) {
	t.Helper()
	f := e.Function(name)
	if want := map[string]string{"KEPT": "secret-" + name}; f.Image != awssimtest.Image || !maps.Equal(f.Variables, want) || f.MemoryMB != 512 {
		t.Errorf("%s was left changed: image %s, %v, %d MB", name, f.Image, f.Variables, f.MemoryMB)
	}
}

// The first cold start of an image is forced by its deployment and nothing else,
// the ones after it by a variable; in the end everything is as it was.
func TestRedeploy(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	c := connect(t, e)
	k, targets := redeploying(t, e, c, "one")
	target := targets[0]
	for n := 1; n <= 2; n++ {
		if err := target.Deploy(t.Context(), awssimtest.Digest(n)); err != nil {
			t.Fatal(err)
		}
		for position, strategy := range []string{"code-update", "config-update", "config-update"} {
			env, s, err := target.Start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if s.Strategy != strategy || s.Class != coldstart.ClassCold || !slices.Equal(s.Proof, []string{"initDuration", "newInstance", "token", "version"}) {
				t.Errorf("deployment %d, position %d: %s, %s, %q", n, position, s.Strategy, s.Class, s.Proof)
			}
			if w, err := env.Invoke(t.Context()); err != nil || w.Strategy != strategy {
				t.Errorf("%+v, %v", w, err)
			}
			if err := env.Close(); err != nil {
				t.Error(err)
			}
		}
		if f := e.Function("one"); f.Image != awssimtest.Digest(n) || e.Engine.Started(f.Image) != 3 {
			t.Errorf("deployment %d: image %s was started %d times", n, f.Image, e.Engine.Started(f.Image))
		}
	}
	// Between a deployment and its first start nothing is updated.
	i := slices.Index(e.Calls, "UpdateFunctionCode one")
	for _, call := range e.Calls[i+1:] {
		if call == "Invoke one" {
			break
		}
		if strings.HasPrefix(call, "Update") {
			t.Errorf("%s after the deployment", call)
		}
	}
	files, _ := os.ReadDir(c.o.JournalDir)
	if len(files) != 1 {
		t.Fatalf("%d journals, want 1", len(files))
	}
	text, err := os.ReadFile(c.o.JournalDir + "/" + files[0].Name())
	if s := string(text); err != nil || strings.Contains(s, "secret") || strings.Contains(s, "bench-") || !strings.Contains(s, awssimtest.Repository+"@"+awssimtest.Image) || !strings.Contains(s, awssimtest.Digest(2)) {
		t.Errorf("journal %s, %v", s, err)
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	asWas(t, e, "one")
	if code, config := e.Counts["UpdateFunctionCode"], e.Counts["UpdateFunctionConfiguration"]; code != 3 || config != 1+4+1 {
		t.Errorf("%d updates of the code, %d of the configuration", code, config)
	}
	if files, _ := os.ReadDir(c.o.JournalDir); len(files) != 0 {
		t.Errorf("%d journals are left", len(files))
	}
}

// The journal is there before the first update of all, with the image that is to
// be put back, and what a killed bench left deployed is put back by the next.
func TestRedeployRestoredAfterACrash(t *testing.T) {
	e := awssimtest.Serve(t, "one", "two")
	c := connect(t, e)
	journaled := false
	e.Fault = func(op string, _ int, _ http.ResponseWriter, _ *http.Request) bool {
		if strings.HasPrefix(op, "Update") && !journaled {
			files, _ := os.ReadDir(c.o.JournalDir)
			if len(files) != 1 {
				t.Errorf("%d journals before the first update", len(files))
			}
			journaled = true
		}
		return false
	}
	k, targets := redeploying(t, e, c, "one", "two")
	for _, target := range targets {
		if err := target.Deploy(t.Context(), awssimtest.Digest(1)); err != nil {
			t.Fatal(err)
		}
	}
	k.journal.close() // killed
	e.ChangeImage("two", awssimtest.Digest(77))
	r, err := c.Restore()
	if err != nil || !slices.Equal(r.Functions, []string{"one", "two"}) {
		t.Errorf("%+v, %v", r, err)
	}
	asWas(t, e, "one")
	// Somebody has deployed another image since: it is theirs.
	if f := e.Function("two"); f.Image != awssimtest.Digest(77) || f.Variables[TokenKey] != "" {
		t.Errorf("two: %s, %v", f.Image, f.Variables)
	}
	if r, err := c.Restore(); err != nil || len(r.Functions) != 0 || e.Counts["UpdateFunctionCode"] != 3 {
		t.Errorf("again: %+v, %v, %d updates", r, err, e.Counts["UpdateFunctionCode"])
	}
}

// An update is made under the revision that was seen: where that is another one
// and nothing else is, it is made again; where the function is another one, it is
// left to whoever changed it.
func TestRedeployRevisions(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	c := connect(t, e)
	k, targets := redeploying(t, e, c, "one")
	image := func() string { return e.Function("one").Image }
	e.Fault = func(op string, n int, _ http.ResponseWriter, _ *http.Request) bool {
		if op == "UpdateFunctionCode" && n == 1 {
			e.Change("one", map[string]any{})
		}
		return false
	}
	if err := targets[0].Deploy(t.Context(), awssimtest.Digest(1)); err != nil || image() != awssimtest.Digest(1) || e.Counts["UpdateFunctionCode"] != 2 {
		t.Fatalf("%v, image %s, %d updates", err, image(), e.Counts["UpdateFunctionCode"])
	}
	e.Fault = func(op string, n int, _ http.ResponseWriter, _ *http.Request) bool {
		if op == "UpdateFunctionCode" && n == 3 {
			e.ChangeImage("one", awssimtest.Digest(77))
		}
		return false
	}
	err := targets[0].Deploy(t.Context(), awssimtest.Digest(2))
	if !errors.Is(err, coldstart.ErrAbort) || !errors.Is(err, ErrForeign) {
		t.Errorf("%v", err)
	}
	if err := k.Close(); !errors.Is(err, ErrForeign) || !strings.Contains(advice.HintOf(err), "--restore") || image() != awssimtest.Digest(77) {
		t.Errorf("closing: %v, image %s", err, image())
	}
}

// Where the answer to an update is lost the SDK sends it again, which the
// revision refuses: it was made once.
func TestRedeployLostAnswer(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	k, targets := redeploying(t, e, connect(t, e), "one")
	e.Fault = func(op string, n int, _ http.ResponseWriter, r *http.Request) bool {
		if op == "UpdateFunctionCode" && n == 1 {
			e.Sim.ServeHTTP(httptest.NewRecorder(), r) // it is made
			panic(http.ErrAbortHandler)
		}
		return false
	}
	if err := targets[0].Deploy(t.Context(), awssimtest.Digest(1)); err != nil || e.Counts["UpdateFunctionCode"] != 2 {
		t.Errorf("%v, %d updates", err, e.Counts["UpdateFunctionCode"])
	}
	if _, s, err := targets[0].Start(t.Context()); err != nil || s.Strategy != "code-update" {
		t.Errorf("%+v, %v", s, err)
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	asWas(t, e, "one")
}

// What fails is put back, too: an image that is not there, one that Lambda may
// not read, an update that fails on the way, and an interrupt.
func TestRedeployPutsBackWhatFailed(t *testing.T) {
	for name, c := range map[string]struct {
		image, hint string
		prepare     func(e *awssimtest.Endpoint)
		reason      coldstart.Reason
		abort       bool
	}{
		"no such image":             {image: awssimtest.Digest(0), hint: "bench images push --fresh", reason: coldstart.ReasonEngine},
		"no such image of this run": {image: awssimtest.Digest(5), reason: coldstart.ReasonEngine},
		"an image that may not be read": {image: awssimtest.Digest(1), hint: "repository's policy", abort: true, prepare: func(e *awssimtest.Endpoint) {
			e.Fault = awssimtest.Refusing("UpdateFunctionCode", 403, "AccessDeniedException", "Lambda does not have permission to access the ECR image. Check the ECR permissions.")
		}},
		"no permission": {image: awssimtest.Digest(1), hint: "allow lambda:UpdateFunctionCode", abort: true, prepare: func(e *awssimtest.Endpoint) {
			e.Fault = awssimtest.Refusing("UpdateFunctionCode", 403, "AccessDeniedException", "User: arn:aws:iam::123456789012:user/someone is not authorized to perform: lambda:UpdateFunctionCode")
		}},
		"an update that fails": {image: awssimtest.Digest(1), reason: coldstart.ReasonEngine, prepare: func(e *awssimtest.Endpoint) { failUpdate(e, "UpdateFunctionCode") }},
	} {
		t.Run(name, func(t *testing.T) {
			e := awssimtest.Serve(t, "one")
			k, targets := redeploying(t, e, connect(t, e), "one")
			if c.prepare != nil {
				c.prepare(e)
			}
			err := targets[0].Deploy(t.Context(), c.image)
			var f *coldstart.InvocationError
			if errors.As(err, &f) != (c.reason != "") || f != nil && f.Reason != c.reason || errors.Is(err, coldstart.ErrAbort) != c.abort {
				t.Errorf("%v", err)
			}
			if !strings.Contains(advice.HintOf(err), c.hint) {
				t.Errorf("%v, hint %q", err, advice.HintOf(err))
			}
			e.Mu.Lock()
			e.Fault = nil
			e.Mu.Unlock()
			if err := k.Close(); err != nil {
				t.Error(err)
			}
			asWas(t, e, "one")
		})
	}
	t.Run("an interrupt", func(t *testing.T) {
		e := awssimtest.Serve(t, "one")
		k, targets := redeploying(t, e, connect(t, e), "one")
		ctx, cancel := context.WithCancel(t.Context())
		sent := false
		e.Fault = func(op string, _ int, _ http.ResponseWriter, _ *http.Request) bool {
			if sent = sent || op == "UpdateFunctionCode"; sent && op == "GetFunction" {
				cancel()
			}
			return false
		}
		if err := targets[0].Deploy(ctx, awssimtest.Digest(1)); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		if err := k.Close(); err != nil {
			t.Error(err)
		}
		asWas(t, e, "one")
	})
}

// An invocation that was refused before it ran has not started the image; one
// whose answer is lost may have.
func TestRedeployRefusedFirstStart(t *testing.T) {
	for code, c := range map[string]struct {
		reason coldstart.ProofReason
		next   string
	}{
		"TooManyRequestsException": {"throttled", "code-update"}, "ServiceException": {"unavailable", "config-update"},
	} {
		e := awssimtest.Serve(t, "one")
		_, targets := redeploying(t, e, connect(t, e), "one")
		e.Fault = func(op string, n int, w http.ResponseWriter, _ *http.Request) bool {
			if op != "Invoke" || n > 1 {
				return false
			}
			awssimtest.Refuse(w, map[coldstart.ProofReason]int{"throttled": 429, "unavailable": 500}[c.reason], code, "no")
			return true
		}
		if err := targets[0].Deploy(t.Context(), awssimtest.Digest(1)); err != nil {
			t.Fatal(err)
		}
		_, _, err := targets[0].Start(t.Context())
		reject(t, err, c.reason)
		if _, s, err := targets[0].Start(t.Context()); err != nil || s.Strategy != c.next {
			t.Errorf("%s: %s, %v", code, s.Strategy, err)
		}
	}
}

// An image that was started before is deployed for the cold starts after it.
func TestRedeployAgain(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	_, targets := redeploying(t, e, connect(t, e), "one")
	if err := targets[0].DeployAgain(t.Context(), awssimtest.Digest(1)); err != nil {
		t.Fatal(err)
	}
	if _, s, err := targets[0].Start(t.Context()); err != nil || s.Strategy != "config-update" || e.Function("one").Image != awssimtest.Digest(1) {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestFunctionsThatAreNotRedeployed(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	e.Publish("one", "", "live")
	c := connect(t, e)
	refs := []Ref{{"one", ""}, {"one", "live"}}
	s, err := c.Inventory(t.Context(), refs)
	if err != nil {
		t.Fatal(err)
	}
	config := coldstart.Config{Variant: "v", MemoryMB: 512, Arch: "amd64"}
	check := func(ref Ref, change func(*Facts)) error {
		f := *s.Functions[ref]
		change(&f)
		return c.Begin(s, Setup{Strategy: coldstart.StrategyCodeUpdate}).Check(&f, config, nil)
	}
	if err := check(refs[0], func(*Facts) {}); err != nil {
		t.Error(err)
	}
	for _, w := range []struct {
		ref        Ref
		change     func(*Facts)
		text, hint string
	}{
		{refs[1], func(*Facts) {}, "version or alias", "burst, idle or version"},
		{refs[0], func(f *Facts) { f.Zip = true }, "is a zip", "config-update"},
		{refs[0], func(f *Facts) { f.ImageURI = "" }, "does not say which image", ""},
	} {
		if err := check(w.ref, w.change); err == nil || !strings.Contains(err.Error(), w.text) || !strings.Contains(advice.HintOf(err), w.hint) {
			t.Errorf("%q, hint %q; want %q", err, advice.HintOf(err), w.text)
		}
	}
}

// After an update that failed the next one is made, whichever state the function
// was left in: of the code and of a variable alike.
func TestUpdatesGoOnAfterOneThatFailed(t *testing.T) {
	for _, kept := range []bool{true, false} {
		e := awssimtest.Serve(t, "one")
		k, targets := redeploying(t, e, connect(t, e), "one")
		fail := func(operation string) {
			failUpdate(e, operation)
			before, sent := e.Function("one"), false
			e.Fault = func(op string, _ int, _ http.ResponseWriter, _ *http.Request) bool {
				if sent && op == "GetFunction" && kept {
					sent = false
					e.ChangeImage("one", before.Image)
					e.Change("one", map[string]any{"Environment": map[string]any{"Variables": before.Variables}})
				}
				sent = sent || op == operation
				return false
			}
		}
		if err := targets[0].Deploy(t.Context(), awssimtest.Digest(1)); err != nil {
			t.Fatal(err)
		}
		fail("UpdateFunctionCode")
		if err := targets[0].Deploy(t.Context(), awssimtest.Digest(2)); err == nil || errors.Is(err, coldstart.ErrAbort) {
			t.Fatalf("%v", err)
		}
		e.Fault = nil
		if err := targets[0].DeployAgain(t.Context(), awssimtest.Digest(1)); err != nil || e.Function("one").Image != awssimtest.Digest(1) {
			t.Fatalf("kept %v: %v, image %s", kept, err, e.Function("one").Image)
		}
		fail("UpdateFunctionConfiguration")
		if _, _, err := targets[0].Start(t.Context()); err == nil || errors.Is(err, coldstart.ErrAbort) {
			t.Fatalf("%v", err)
		}
		e.Fault = nil
		if _, s, err := targets[0].Start(t.Context()); err != nil || !slices.Contains(s.Proof, "token") {
			t.Errorf("kept %v: %+v, %v", kept, s, err)
		}
		if err := k.Close(); err != nil {
			t.Error(err)
		}
		asWas(t, e, "one")
	}
}
