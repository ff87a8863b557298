package awslambda

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/awssim"
	"coldbench/bench/internal/awssim/awssimtest"
	"coldbench/bench/internal/coldstart"
)

// A burst is one update and invocations that overlap, each in an environment of
// its own, never more than the account allows.
func TestBurst(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	e.Engine.Wait = 50 * time.Millisecond
	limit := 8
	e.Deploy("one", func(f *awssim.Function) { f.Reserved = &limit })
	k, targets := open(t, e, connect(t, e), Setup{Strategy: coldstart.StrategyBurst, Concurrency: 50}, "one")
	b := targets[0].(coldstart.Burster)
	made, err := b.Burst(t.Context(), 20)
	if err != nil || len(made) != limit {
		t.Fatalf("%d starts, %v; want %d", len(made), err, limit)
	}
	instances := map[string]bool{}
	for _, m := range made {
		if m.Err != nil || m.Sample.Class != coldstart.ClassCold || m.Sample.Strategy != "burst" {
			t.Fatalf("%+v", m)
		}
		instances[m.Sample.Function.InstanceID] = true
		if err := m.Environment.Close(); err != nil {
			t.Error(err)
		}
	}
	if len(instances) != limit || e.Engine.Most() != limit {
		t.Errorf("%d instances, %d at one time; want %d", len(instances), e.Engine.Most(), limit)
	}
	if n := e.Counts["UpdateFunctionConfiguration"]; n != 1 {
		t.Errorf("%d updates, want 1", n)
	}
	if e.Counts["DryRun"] != limit {
		t.Errorf("%d connections were warmed, want %d", e.Counts["DryRun"], limit)
	}
	if err := k.Close(); err != nil || e.Function("one").Variables[TokenKey] != "" {
		t.Errorf("not restored: %v", err)
	}
}

// An alias can't be updated: its bursts take what is cold and reject the rest.
func TestBurstOfAnAlias(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	e.Engine.Wait = 50 * time.Millisecond
	e.Publish("one", "", "live")
	_, targets := open(t, e, connect(t, e), Setup{Strategy: coldstart.StrategyBurst, Concurrency: 3}, "one:live")
	for i, want := range []int{3, 0} {
		made, err := targets[0].(coldstart.Burster).Burst(t.Context(), 3)
		if err != nil {
			t.Fatal(err)
		}
		cold := 0
		for _, m := range made {
			if m.Err == nil {
				cold++
			} else {
				reject(t, m.Err, "not-cold")
			}
		}
		if cold != want {
			t.Errorf("burst %d: %d cold starts, want %d", i, cold, want)
		}
	}
	if n := e.Counts["UpdateFunctionConfiguration"]; n != 0 {
		t.Errorf("%d updates", n)
	}
}

func TestVersions(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	e.Publish("one", "somebody's own", "")
	k, targets := open(t, e, connect(t, e), Setup{Strategy: coldstart.StrategyVersion}, "one")
	for i := range 2 {
		env, s, err := targets[0].Start(t.Context())
		if err != nil || s.Strategy != "version" || !slices.Contains(s.Proof, "version") {
			t.Fatalf("%+v, %v", s, err)
		}
		if w, err := env.Invoke(t.Context()); err != nil || w.Invocation != 2 {
			t.Fatalf("%+v, %v", w, err)
		}
		if n := len(e.Function("one").Versions); n != 2 {
			t.Errorf("%d versions during start %d, want 2", n, i)
		}
		if err := env.Close(); err != nil {
			t.Error(err)
		}
	}
	if left := e.Function("one").Versions; !slices.Equal(left, []string{"1"}) || e.Counts["PublishVersion"] != 2 {
		t.Errorf("versions %q are left of %d", left, e.Counts["PublishVersion"])
	}
	// One that a crash left behind.
	if _, _, err := targets[0].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	if f := e.Function("one"); !slices.Equal(f.Versions, []string{"1"}) || f.Variables[TokenKey] != "" || f.MemoryMB == 0 {
		t.Errorf("left: %+v", f)
	}
}

// A qualified function is published anew from the function without it, where
// that is of the same code.
func TestVersionsOfAnAlias(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	e.Publish("one", "", "live")
	c := connect(t, e)
	live, base := Ref{"one", "live"}, Ref{Name: "one"}
	s, err := c.Inventory(t.Context(), []Ref{live, base})
	if err != nil {
		t.Fatal(err)
	}
	k := c.Begin(s, Setup{Strategy: coldstart.StrategyVersion})
	config := coldstart.Config{Variant: "v", MemoryMB: 512, Arch: "amd64"}
	target, err := k.Open(t.Context(), config, coldstart.Image{Ref: "one:live"}, coldstart.Options{})
	if err != nil {
		t.Fatal(err)
	}
	env, sample, err := target.Start(t.Context())
	if err != nil || sample.Class != coldstart.ClassCold {
		t.Fatalf("%+v, %v", sample, err)
	}
	if err := errors.Join(env.Close(), k.Close()); err != nil || e.Function("one").Variables[TokenKey] != "" {
		t.Errorf("%v", err)
	}
	s.Functions[base].ImageID = "sha256:other"
	if err := c.Begin(s, Setup{Strategy: coldstart.StrategyVersion}).Check(s.Functions[live], config, nil); err == nil || !strings.Contains(advice.HintOf(err), "burst or idle") {
		t.Errorf("%v", err)
	}
	delete(s.Functions, base)
	if err := c.Begin(s, Setup{Strategy: coldstart.StrategyVersion}).Check(s.Functions[live], config, nil); err == nil {
		t.Error("what is published was not looked at")
	}
}

// still is a clock that moves only when somebody sleeps.
type still struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func (s *still) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *still) Sleep(ctx context.Context, d time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d > 0 {
		s.slept = append(s.slept, d)
		s.now = s.now.Add(d)
	}
	return ctx.Err()
}

func TestIdleChangesNothing(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	c := connect(t, e)
	clock := &still{now: time.Unix(1e9, 0)}
	c.clock = clock
	k, targets := open(t, e, c, Setup{Strategy: coldstart.StrategyIdle, Idle: 15 * time.Minute}, "one")
	if _, s, err := targets[0].Start(t.Context()); err != nil || s.Strategy != "idle" {
		t.Fatalf("%+v, %v", s, err)
	}
	_, _, err := targets[0].Start(t.Context())
	reject(t, err, "not-cold") // the endpoint forgets nothing
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	if want := []time.Duration{15 * time.Minute, 15 * time.Minute}; !slices.Equal(clock.slept, want) {
		t.Errorf("slept %v, want %v", clock.slept, want)
	}
	if e.Counts["UpdateFunctionConfiguration"] != 0 {
		t.Errorf("calls %q", e.Calls)
	}
}

// Two configurations of one function leave it alone for long enough, whichever
// of them invoked it last, and neither takes the other's environment for new.
func TestIdleOfAFunctionThatIsShared(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	c := connect(t, e)
	clock := &still{now: time.Unix(1e9, 0)}
	c.clock = clock
	s, err := c.Inventory(t.Context(), []Ref{{Name: "one"}})
	if err != nil {
		t.Fatal(err)
	}
	k := c.Begin(s, Setup{Strategy: coldstart.StrategyIdle, Idle: 15 * time.Minute})
	var targets []coldstart.Target
	for _, name := range []string{"v", "v-control"} {
		target, err := k.Open(t.Context(), coldstart.Config{Variant: name, MemoryMB: 512, Arch: "amd64"}, coldstart.Image{Ref: "one"}, coldstart.Options{})
		if err != nil {
			t.Fatal(err)
		}
		targets = append(targets, target)
	}
	if _, _, err := targets[0].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = clock.Sleep(t.Context(), 5*time.Minute)
	_, _, err = targets[1].Start(t.Context())
	reject(t, err, "not-cold") // the endpoint forgets nothing
	_, _, err = targets[0].Start(t.Context())
	reject(t, err, "not-cold")
	if want := []time.Duration{15 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute}; !slices.Equal(clock.slept, want) {
		t.Errorf("slept %v, want %v", clock.slept, want)
	}
	a, b := targets[0].(*target), targets[1].(*target)
	if !a.isNew("an instance") || b.isNew("an instance") {
		t.Error("an instance is new twice, or never")
	}
}

// Polls of an update begin at 0.1 s and end at one second; what is lost between
// its end and the next poll is no more than an eighth of what it took.
func TestPollsSlowDown(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	c := connect(t, e)
	clock := &still{now: time.Unix(1e9, 0)}
	c.clock = clock
	slowUpdates(e, 3)
	_, targets := open(t, e, c, Setup{Strategy: coldstart.StrategyConfigUpdate}, "one")
	if _, _, err := targets[0].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(clock.slept) != 3 {
		t.Fatalf("slept %v", clock.slept)
	}
	slept := clock.slept
	for gone := 3 * 112 * time.Millisecond; gone < time.Minute; gone += slept[len(slept)-1] {
		slept = append(slept, pollDelay(gone))
	}
	gone := time.Duration(0)
	for _, d := range slept {
		if d < 100*time.Millisecond || d > 1125*time.Millisecond || gone > time.Second && d > gone/8 || gone > 10*time.Second && d < time.Second {
			t.Errorf("slept %s after %s", d, gone)
		}
		gone += d
	}
}

// Memory sizes are set on the one function and put back, by --restore too.
func TestMemorySizes(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	c := connect(t, e)
	ref := Ref{Name: "one"}
	s, err := c.Inventory(t.Context(), []Ref{ref})
	if err != nil {
		t.Fatal(err)
	}
	k := c.Begin(s, Setup{Strategy: coldstart.StrategyConfigUpdate})
	var targets []coldstart.Target
	for _, size := range []int{128, 1769} {
		target, err := k.Open(t.Context(), coldstart.Config{Variant: "v", MemoryMB: size, Arch: "amd64"}, coldstart.Image{Ref: "one"}, coldstart.Options{Environment: map[string]string{"EXTRA": "1"}})
		if err != nil {
			t.Fatal(err)
		}
		targets = append(targets, target)
	}
	before := maps.Clone(e.Function("one").Variables)
	for range 2 {
		for i, target := range targets {
			env, sample, err := target.Start(t.Context())
			if err != nil || *sample.Metrics.MemorySizeMB != []float64{128, 1769}[i] || e.Function("one").Variables["EXTRA"] != "1" {
				t.Fatalf("%+v, %v", sample, err)
			}
			env.Close()
		}
	}
	k.journal.close() // killed
	if _, err := c.Restore(); err != nil {
		t.Fatal(err)
	}
	if f := e.Function("one"); f.MemoryMB != 512 || !maps.Equal(f.Variables, before) {
		t.Errorf("%d MB, %v", f.MemoryMB, f.Variables)
	}
}

// A size that somebody else has set since is theirs.
func TestRestoreLeavesAnothersMemorySize(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	c := connect(t, e)
	k, targets := open(t, e, c, Setup{Strategy: coldstart.StrategyConfigUpdate}, "one")
	if _, _, err := targets[0].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	k.journal.close()
	e.Change("one", map[string]any{"MemorySize": 2048})
	if _, err := c.Restore(); err != nil || e.Function("one").MemoryMB != 2048 || e.Function("one").Variables[TokenKey] != "" {
		t.Errorf("%d MB, %v, %v", e.Function("one").MemoryMB, e.Function("one").Variables, err)
	}
}

func TestQualifiersAreNotUpdated(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	e.Publish("one", "", "live")
	c := connect(t, e)
	ref := Ref{"one", "live"}
	s, err := c.Inventory(t.Context(), []Ref{ref})
	if err != nil {
		t.Fatal(err)
	}
	if v := s.Functions[ref].Version; v != "1" {
		t.Errorf("the alias stands for %q", v)
	}
	config := coldstart.Config{Variant: "v", MemoryMB: 512, Arch: "amd64"}
	err = c.Begin(s, Setup{Strategy: coldstart.StrategyConfigUpdate}).Check(s.Functions[ref], config, nil)
	if err == nil || !strings.Contains(advice.HintOf(err), "burst, idle or version") {
		t.Errorf("%v", err)
	}
	config.MemoryMB = 128
	err = c.Begin(s, Setup{Strategy: coldstart.StrategyIdle}).Check(s.Functions[ref], config, nil)
	if err == nil || !strings.Contains(advice.HintOf(err), "--memory 512") {
		t.Errorf("%v", err)
	}
	config.MemoryMB = 512
	if err := c.Begin(s, Setup{Strategy: coldstart.StrategyIdle}).Check(s.Functions[ref], config, map[string]string{"A": "1"}); err == nil {
		t.Error("--env without an update")
	}
}

// An inactive function is woken, and what that changes is nobody else's doing.
func TestInactiveFunctionsAreWoken(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	e.Deploy("one", func(f *awssim.Function) { f.State = "Inactive" })
	c := connect(t, e)
	ref := Ref{Name: "one"}
	s, err := c.Inventory(t.Context(), []Ref{ref})
	if err != nil || !s.Functions[ref].Inactive || e.Invocations != 0 {
		t.Fatalf("%+v, %v", s, err)
	}
	k := c.Begin(s, Setup{Strategy: coldstart.StrategyConfigUpdate})
	defer k.Close()
	if err := k.Wake(t.Context(), []Ref{ref}); err != nil || e.Invocations != 1 {
		t.Fatalf("%d invocations, %v", e.Invocations, err)
	}
	target, err := k.Open(t.Context(), coldstart.Config{Variant: "v", MemoryMB: 512, Arch: "amd64"}, coldstart.Image{Ref: "one"}, coldstart.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := target.Start(t.Context()); err != nil {
		t.Error(err)
	}
}

// An interrupt abandons what is waited for and puts everything back.
func TestInterruptPutsBack(t *testing.T) {
	e := awssimtest.Serve(t, "one")
	k, targets := open(t, e, connect(t, e), Setup{Strategy: coldstart.StrategyConfigUpdate}, "one")
	ctx, cancel := context.WithCancel(t.Context())
	e.Fault = func(op string, n int, _ http.ResponseWriter, _ *http.Request) bool {
		if op == "GetFunction" && n == 2 { // the first poll of the update
			cancel()
		}
		return false
	}
	if _, _, err := targets[0].Start(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
	if err := k.Close(); err != nil || e.Function("one").Variables[TokenKey] != "" {
		t.Errorf("not restored: %v, %v", err, e.Function("one").Variables)
	}
}

func TestParseRef(t *testing.T) {
	for s, want := range map[string]Ref{
		"fn": {"fn", ""}, "fn:live": {"fn", "live"}, "fn:7": {"fn", "7"}, "fn:$LATEST": {"fn", ""},
		"arn:aws:lambda:eu-west-1:123456789012:function:fn":   {"fn", ""},
		"arn:aws:lambda:eu-west-1:123456789012:function:fn:3": {"fn", "3"},
		"123456789012:function:fn":                            {"fn", ""},
	} {
		if got, err := ParseRef(s, "eu-west-1"); err != nil || got != want {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", ":", "fn:", "a b", "fn:a:b", "-\n", "arn:aws:s3:::bucket", strings.Repeat("x", 141)} {
		if got, err := ParseRef(s, ""); err == nil {
			t.Errorf("%q: %v", s, got)
		}
	}
	if _, err := ParseRef("arn:aws:lambda:us-east-1:123456789012:function:fn", "eu-west-1"); err == nil || strings.Contains(err.Error(), "123456789012") {
		t.Errorf("another region: %v", err)
	}
}

func TestScrub(t *testing.T) {
	in := "User: arn:aws:sts::123456789012:assumed-role/admin/someone is not authorized to perform: lambda:GetFunction on resource: arn:aws:lambda:us-east-1:123456789012:function:one with AKIAIOSFODNN7EXAMPLE"
	out := scrub(in)
	for _, secret := range []string{"123456789012", "someone", "admin", "IOSFODNN7"} {
		if strings.Contains(out, secret) {
			t.Errorf("%s is in %s", secret, out)
		}
	}
	if !strings.Contains(out, "function:one") || !strings.Contains(out, "lambda:GetFunction") {
		t.Errorf("too much is gone: %s", out)
	}
}

// Never more calls of the control plane in a second than Lambda allows, whatever
// the pace at which they are asked for; a few at once wait for nothing.
func TestControlPlanePace(t *testing.T) {
	for operation, limit := range map[string]struct{ atOnce, perSecond int }{"UpdateFunctionConfiguration": {5, 15}, "GetFunction": {10, 60}} {
		c := newCounter(t.Context(), nil)
		now := time.Unix(1e9, 0)
		var sent []time.Time
		for i := range 300 {
			wait := c.slot(operation, now)
			if i < limit.atOnce && wait != 0 {
				t.Errorf("%s: call %d waits %s", operation, i, wait)
			}
			if operation == "GetFunction" {
				c.slot("PublishVersion", now) // has a pace of its own
			}
			sent = append(sent, now.Add(wait))
			now = now.Add(time.Duration(i%4) * 5 * time.Millisecond)
		}
		most := 0
		for i := range sent {
			n := 0
			for _, s := range sent[i:] {
				if s.Sub(sent[i]) < time.Second {
					n++
				}
			}
			most = max(most, n)
		}
		if most > limit.perSecond || most < limit.perSecond/3 {
			t.Errorf("%s: %d calls within a second", operation, most)
		}
	}
}
