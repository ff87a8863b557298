package runner

import (
	"fmt"
	"slices"
	"testing"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
)

// A run that is interrupted anywhere and resumed has the cold starts that it
// would have had, in the same order.
func TestResumeHasTheSameRounds(t *testing.T) {
	p := Job{Plan: plan.Plan{Runs: 4, WarmRuns: 1, Seed: 3, Retries: 1}, Configs: configs("a", "b", "c")}
	p.FirstAfterDeploy = map[coldstart.Config]bool{p.Configs[1]: true}
	trouble := func(w *world) {
		w.start = func(c coldstart.Config, n int) error {
			if c.Variant == "c" && n == 2 {
				return &coldstart.InvocationError{Reason: coldstart.ReasonExit}
			}
			return nil
		}
	}
	colds := func(m *memory) (out []string) {
		for _, s := range m.samples {
			if s.Start == coldstart.Cold {
				out = append(out, fmt.Sprint(s.Round, s.Config.Variant))
			}
		}
		return out
	}
	whole := &memory{}
	w := newWorld()
	trouble(w)
	all, err := take(t, w, p, whole, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut <= len(whole.seqs); cut++ {
		past := plan.Past{}
		for _, s := range whole.samples {
			if s.Seq <= cut {
				past.Samples = append(past.Samples, s)
			}
		}
		for _, a := range whole.failures {
			if a.Seq <= cut {
				past.Failures = append(past.Failures, a)
			}
		}
		w, m := newWorld(), &memory{samples: slices.Clone(past.Samples)}
		if len(past.Failures) == 0 {
			w.start = func(c coldstart.Config, n int) error {
				if c.Variant == "c" && n == 2-len(colds(&memory{samples: only(past.Samples, "c")})) {
					return &coldstart.InvocationError{Reason: coldstart.ReasonExit}
				}
				return nil
			}
		}
		q := p
		q.Past = past
		res, err := take(t, w, q, m, Options{})
		if err != nil || res.Stopped != StoppedPlan || res.Failures != all.Failures {
			t.Fatalf("cut at %d: %+v, %v", cut, res, err)
		}
		if got, want := colds(m), colds(whole); !slices.Equal(got, want) {
			t.Errorf("cut at %d: cold starts\n%v, want\n%v", cut, got, want)
		}
		if len(m.seqs) > 0 && m.seqs[0] != cut+1 {
			t.Errorf("cut at %d: goes on with seq %d", cut, m.seqs[0])
		}
	}
}

func only(ss []coldstart.Sample, variant string) (out []coldstart.Sample) {
	for _, s := range ss {
		if s.Config.Variant == variant {
			out = append(out, s)
		}
	}
	return out
}

func TestResumeGoesOnWithAttempts(t *testing.T) {
	p := Job{Plan: plan.Plan{Runs: 2, Retries: 2}, Configs: configs("a")}
	reject := func(round, seq, attempt int) coldstart.Attempt {
		return coldstart.Attempt{Config: p.Configs[0], Round: round, Seq: seq, Attempt: attempt, Want: coldstart.Cold}
	}
	p.Past.Rejects = []coldstart.Attempt{reject(1, 1, 1), reject(1, 2, 2), reject(1, 3, 3), reject(2, 4, 1)}
	w, m := newWorld(), &memory{}
	res, err := take(t, w, p, m, Options{})
	if err != nil || res.Unproved != 1 || res.Rejects != 4 || res.Samples != 1 || m.samples[0].Attempt != 2 || m.samples[0].Round != 2 || m.samples[0].Seq != 5 {
		t.Errorf("result %+v, %v, samples %+v", res, err, m.samples)
	}
}
