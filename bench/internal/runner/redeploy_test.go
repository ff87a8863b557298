package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
)

// registry is a world whose targets have images.
type registry struct {
	*world
	// inPlace is each config's image; started holds CONFIG IMAGE of all that were
	// started, also by a run before this one.
	inPlace map[coldstart.Config]string
	started map[string]bool
	// deploy says what comes of the n-th deployment of a config; nil for all well.
	deploy func(c coldstart.Config, n int) error
	forced map[coldstart.Config]bool
}

func newRegistry() *registry {
	return &registry{world: newWorld(), inPlace: map[coldstart.Config]string{}, started: map[string]bool{}, forced: map[coldstart.Config]bool{}}
}

type imaged struct {
	target
	r *registry
}

func (t imaged) Deploy(_ context.Context, digest string) error { return t.deploy(digest, false) }

func (t imaged) DeployAgain(_ context.Context, digest string) error { return t.deploy(digest, true) }

func (t imaged) deploy(digest string, again bool) error {
	t.r.logf("deploy %s %s %v", t.c.Variant, digest, again)
	if t.r.deploy != nil {
		if err := t.r.deploy(t.c, t.r.nth("deploy", t.c)); err != nil {
			return err
		}
	}
	t.r.inPlace[t.c], t.r.forced[t.c] = digest, !again
	return nil
}

func (t imaged) Start(ctx context.Context) (coldstart.Environment, coldstart.Sample, error) {
	e, s, err := t.target.Start(ctx)
	var np *coldstart.ProofError
	if errors.As(err, &np) && np.Reason == "throttled" {
		return e, s, err
	}
	key := t.c.Variant + " " + t.r.inPlace[t.c]
	s.Strategy = "config-update"
	if t.r.forced[t.c] && !t.r.started[key] {
		s.Strategy = "code-update"
	}
	t.r.started[key], t.r.forced[t.c] = true, false
	return e, s, err
}

func (r *registry) targets(cs []coldstart.Config) map[coldstart.Config]coldstart.Target {
	m := map[coldstart.Config]coldstart.Target{}
	for _, c := range cs {
		m[c] = imaged{target{r.world, c}, r}
	}
	return m
}

// redeploy runs a plan and checks what has to hold of it whatever happens.
func redeploy(t *testing.T, r *registry, p Job, m *memory) Result {
	t.Helper()
	p.Targets = r.targets(p.Configs)
	res, err := Run(t.Context(), p, m, Options{Clock: r.world})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range m.samples {
		if s.Start != coldstart.Cold {
			continue
		}
		d := s.Deployment
		first := s.Class == coldstart.ClassFirstAfterDeploy
		if d == nil || first != (d.Position == 0) || first != (s.Strategy == "code-update") || first && d.Again {
			t.Errorf("a sample of class %s by %s in deployment %+v", s.Class, s.Strategy, d)
		}
	}
	claimed := map[string]bool{}
	for _, d := range m.deployed {
		key := fmt.Sprint(d.Config, d.Image)
		if claimed[key] {
			t.Errorf("%s was new twice", key)
		}
		claimed[key] = true
	}
	return res
}

// plan is of two configs, k deployments and spare images for each.
func redeployPlan(k, runs, spare int) Job {
	p := Job{Plan: plan.Plan{Runs: runs, Redeploy: k, Seed: 5, Retries: 2}, Configs: configs("a", "b"), Images: map[coldstart.Config][]string{}}
	for _, c := range p.Configs {
		for i := range k + spare {
			p.Images[c] = append(p.Images[c], fmt.Sprint("image", i+1))
		}
	}
	return p
}

// Every round has one place in one deployment, each deployment begins with its
// first cold start, and the runs are spread over them as evenly as can be.
func TestTurns(t *testing.T) {
	for runs := 1; runs <= 12; runs++ {
		for k := 1; k <= runs; k++ {
			p := Job{Plan: plan.Plan{Runs: runs, Redeploy: k}}
			length := map[int]int{}
			number, position := 0, 0
			for round := 1; round <= p.Rounds(); round++ {
				n, at := p.turn(round)
				if at == 0 && n == number+1 {
					number, position = n, 0
				} else if position++; n != number || at != position {
					t.Fatalf("runs %d, deployments %d: round %d is %d, %d after %d, %d", runs, k, round, n, at, number, position-1)
				}
				length[n] = position
			}
			least, most, sum := runs, 0, 0
			for _, l := range length {
				least, most, sum = min(least, l), max(most, l), sum+l
			}
			if len(length) != k || sum != runs || least < 1 || most-least > 1 {
				t.Errorf("runs %d, deployments %d: %v", runs, k, length)
			}
		}
	}
	p := Job{Plan: plan.Plan{Runs: 3}}
	if n, at := p.turn(2); n != 0 || at != 0 || p.Rounds() != 3 {
		t.Errorf("without deployments: %d, %d of %d rounds", n, at, p.Rounds())
	}
}

func TestRedeploy(t *testing.T) {
	r, m := newRegistry(), &memory{}
	p := redeployPlan(3, 7, 0)
	p.WarmRuns = 1
	res := redeploy(t, r, p, m)
	// Three first starts and seven others of two configs, which were invoked warm.
	if res.Samples != 2*(3+7*2) || res.Rounds != 10 || len(m.deployed) != 6 || len(res.Warnings) > 0 {
		t.Errorf("%+v, %d deployments", res, len(m.deployed))
	}
	var rounds []string
	for _, s := range m.samples {
		if s.Config.Variant == "a" && s.Start == coldstart.Cold {
			rounds = append(rounds, fmt.Sprintf("%d:%d.%d", s.Round, s.Deployment.Number, s.Deployment.Position))
		}
	}
	if want := "1:1.0 2:1.1 3:1.2 4:1.3 5:2.0 6:2.1 7:2.2 8:3.0 9:3.1 10:3.2"; strings.Join(rounds, " ") != want {
		t.Errorf("rounds %q, want %s", rounds, want)
	}
	// Both are deployed in one round, in the round's order, before either goes on.
	if i := Order(5, 5, 2)[0]; r.log[slices.Index(r.log, "deploy "+[]string{"a", "b"}[i]+" image2 false")+1] != "start "+[]string{"a", "b"}[i] {
		t.Errorf("log %q", r.log)
	}
}

// A start that was refused before it ran leaves the image new; one of which
// nobody knows takes the next image, where there is one.
func TestRedeployTakesAnotherImageWhenItMustHaveBeenStarted(t *testing.T) {
	for reason, c := range map[coldstart.ProofReason]struct {
		spare, deployments, unproved int
	}{
		"throttled": {0, 2, 0}, "unavailable": {1, 3, 0}, "not-cold": {0, 2, 1},
	} {
		r, m := newRegistry(), &memory{}
		r.start = func(c coldstart.Config, n int) error {
			if c.Variant == "b" && n == 1 {
				return &coldstart.ProofError{Want: coldstart.Cold, Reason: reason}
			}
			return nil
		}
		res := redeploy(t, r, redeployPlan(2, 4, c.spare), m)
		deployments, first := 0, 0
		for _, d := range m.deployed {
			if d.Config.Variant == "b" {
				deployments++
			}
		}
		for _, s := range m.samples {
			if s.Config.Variant == "b" && s.Class == coldstart.ClassFirstAfterDeploy {
				first++
			}
		}
		// Without a spare one the second deployment has none: the first took it.
		if deployments != c.deployments || res.Unproved != c.unproved || first != 2-c.unproved || len(res.Warnings) != c.unproved {
			t.Errorf("%s: %d deployments, %d first starts, %+v", reason, deployments, first, res)
		}
		if want := 4*2 + 4 - c.unproved; c.unproved == 0 && len(m.samples) != want {
			t.Errorf("%s: %d samples, want %d", reason, len(m.samples), want)
		}
	}
}

// A deployment that fails is a failure, and what would have followed it is not
// measured on the image before.
func TestRedeployFails(t *testing.T) {
	r, m := newRegistry(), &memory{}
	r.deploy = func(c coldstart.Config, n int) error {
		if c.Variant == "a" && n == 2 {
			return &coldstart.InvocationError{Reason: coldstart.ReasonEngine, Err: errors.New("access denied")}
		}
		return nil
	}
	res := redeploy(t, r, redeployPlan(3, 6, 0), m)
	if res.Failures != 1 || len(m.samples) != 2*9-3 || len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], "deployment 2 was not made") {
		t.Errorf("%+v, %d samples", res, len(m.samples))
	}
	for _, s := range m.samples {
		if s.Config.Variant == "a" && s.Deployment.Number == 2 {
			t.Errorf("%+v", s)
		}
	}
}

// A run that is interrupted anywhere and resumed has the cold starts that it
// would have had. No image that may have been started is new again, and what
// follows a deployment that was made once more says so.
func TestRedeployResumed(t *testing.T) {
	p := redeployPlan(3, 5, 1)
	whole := &memory{}
	redeploy(t, newRegistry(), p, whole)
	for cut := 0; cut <= len(whole.samples); cut++ {
		for _, lost := range []bool{false, true} {
			past := plan.Past{Samples: whole.samples[:cut]}
			r := newRegistry()
			for _, d := range whole.deployed {
				// lost: the first start was under way and is not in the file.
				i := slices.IndexFunc(whole.samples, func(s coldstart.Sample) bool { return s.Config == d.Config && s.Round == d.Round })
				if i < cut || lost && i == cut {
					past.Deployed = append(past.Deployed, d)
					r.started[d.Config.Variant+" "+d.Image] = true
				}
			}
			m := &memory{samples: slices.Clone(past.Samples), deployed: slices.Clone(past.Deployed)}
			q := p
			q.Past = past
			res := redeploy(t, r, q, m)
			if len(m.samples) != len(whole.samples) || len(res.Warnings) > 0 {
				t.Fatalf("cut at %d, lost %v: %d samples, want %d; %q", cut, lost, len(m.samples), len(whole.samples), res.Warnings)
			}
			for i, s := range m.samples {
				w := whole.samples[i]
				if s.Config != w.Config || s.Round != w.Round || s.Class != w.Class {
					t.Errorf("cut at %d: sample %d is %v %d %s", cut, i, s.Config, s.Round, s.Class)
				}
				// In the deployment that was cut, and there alone.
				n, at := p.turn(s.Round)
				begun := slices.ContainsFunc(past.Samples, func(b coldstart.Sample) bool {
					return b.Config == s.Config && b.Deployment.Number == n
				})
				if want := i >= cut && begun && at > 0; s.Deployment.Again != want {
					t.Errorf("cut at %d: %v %d.%d again: %v", cut, s.Config, n, at, s.Deployment.Again)
				}
			}
		}
	}
}

func TestRedeployPlansThatCannotBeRun(t *testing.T) {
	p := redeployPlan(2, 4, 0)
	for name, change := range map[string]func(*Job){
		"more deployments than runs": func(p *Job) { p.Redeploy = 5 },
		"less than none":             func(p *Job) { p.Redeploy = -1 },
		"a round 0":                  func(p *Job) { p.FirstAfterDeploy = map[coldstart.Config]bool{p.Configs[0]: true} },
		"bursts":                     func(p *Job) { p.Burst = 2 },
	} {
		q := p
		change(&q)
		q.Targets = newRegistry().targets(p.Configs)
		if _, err := Run(t.Context(), q, &memory{}, Options{}); err == nil {
			t.Errorf("%s: it ran", name)
		}
	}
	p.Targets = newWorld().targets(p.Configs)
	if _, err := Run(t.Context(), p, &memory{}, Options{}); err == nil || !strings.Contains(err.Error(), "can't be deployed") {
		t.Errorf("targets without images: %v", err)
	}
}

// Where another image could not be put in the place of one that may have been
// started, nobody knows which is there: the former one is deployed again.
func TestRedeployKnowsNotWhatIsInPlace(t *testing.T) {
	r, m := newRegistry(), &memory{}
	r.start = func(c coldstart.Config, n int) error {
		if c.Variant == "a" && n == 1 {
			return &coldstart.ProofError{Want: coldstart.Cold, Reason: "unavailable"}
		}
		return nil
	}
	r.deploy = func(c coldstart.Config, n int) error {
		if c.Variant == "a" && n == 2 {
			return &coldstart.InvocationError{Reason: coldstart.ReasonEngine}
		}
		return nil
	}
	redeploy(t, r, redeployPlan(1, 2, 1), m)
	if !slices.Contains(r.log, "deploy a image1 true") {
		t.Errorf("log %q", r.log)
	}
	for _, s := range m.samples {
		if s.Config.Variant == "a" && !s.Deployment.Again {
			t.Errorf("%+v", s.Deployment)
		}
	}
}
