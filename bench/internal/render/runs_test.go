package render_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runfile"
)

var started = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// made is a run of made-up numbers.
type made struct {
	*runfile.Run
	seq int
}

// speed is how long a made-up variant takes.
type speed struct{ init, duration, spread float64 }

var speeds = map[string]speed{
	"scratch":         {2.1, 0.62, 0.10},
	"scratch-control": {2.1, 0.62, 0.10},
	"al2":             {3.4, 0.65, 0.15},
	"al2023":          {2.14, 0.62, 0.10},
	"debug":           {26, 1.9, 0.20},
	"leaky":           {3, 0.8, 0.20},
	// The image that al2 had in an earlier run.
	"al2@before": {2.8, 0.65, 0.15},
}

// newRun makes the header of a run.
func newRun(engine string, runs, warm int, variants ...string) *made {
	h := runfile.Header{
		Type: "run", Schema: runfile.Schema, ID: "20260304T050607Z-local-" + engine,
		Started: runfile.Stamp(started), Tool: "bench v0.1.0", Backend: "local", Engine: engine,
		Host: runfile.Host{Fingerprint: "f00d", OS: "linux", Kernel: "6.1.0", CPU: "Example CPU @ 2.50GHz", CPUs: 2, MemoryMB: 8000, EngineVersion: "20.10.24", Cgroup: "v2"},
		Plan: plan.Plan{Runs: runs, WarmRuns: warm, Seed: 1, MemoryMB: []int{512}, Arch: []string{"amd64"}, CPU: "lambda", CPUPeriod: plan.Millis{Duration: 20 * time.Millisecond},
			Pause: plan.Millis{Duration: 40 * time.Millisecond}, PayloadSha256: "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", Timeout: plan.Seconds{Duration: 3 * time.Second}, Retries: 3, Strategy: "new-container"},
		Limits: coldstart.Limits{CPU: "quota", Memory: "limit", MaxMemoryUsed: "cgroup-peak"},
	}
	r := &made{Run: &runfile.Run{Path: "results/runs/" + h.ID + ".jsonl", Header: h}}
	for i, v := range variants {
		r.config(v, 512, i)
	}
	return r
}

func (r *made) config(variant string, memoryMB, i int) {
	base := map[string]string{"scratch": "scratch", "debug": "scratch"}[variant]
	if base == "" {
		base = "public.ecr.aws/lambda/provided:" + variant
	}
	r.Header.Configs = append(r.Header.Configs, runfile.Config{
		Config: coldstart.Config{Variant: variant, MemoryMB: memoryMB, Arch: "amd64"},
		Image: runfile.Image{
			ImageID: fmt.Sprintf("sha256:%016x%048x", 0x1234567890abcdef*uint64(i+3), i), Digest: fmt.Sprintf("sha256:%016x%048x", 0xfedcba0987654321*uint64(i+3), i),
			SizeBytes: int64(6_123_456 * (1 + 17*i)), CompressedBytes: int64(2_345_678 * (1 + 17*i)), Layers: 1 + i, Base: base,
		},
	})
}

// measure fills the run with the samples of the plan, or of the first rounds.
func (r *made) measure(rounds int) *made {
	rnd := rand.New(rand.NewPCG(r.Header.Plan.Seed, 1))
	for round := 1; round <= rounds; round++ {
		for _, i := range rnd.Perm(len(r.Header.Configs)) {
			r.environment(rnd, r.Header.Configs[i].Config, round, coldstart.ClassCold)
		}
	}
	return r.end("plan")
}

// environment adds a cold start and its warm invocations.
func (r *made) environment(rnd *rand.Rand, c coldstart.Config, round int, class coldstart.Class) {
	s := speeds[c.Variant]
	noise := func() float64 { return math.Exp(s.spread * rnd.NormFloat64()) }
	slow := math.Max(1, 700/float64(c.MemoryMB)) // less memory, less CPU
	between := noise()
	for k := 0; k <= r.Header.Plan.WarmRuns; k++ {
		r.seq++
		sample := coldstart.Sample{
			Config: c, Round: round, Seq: r.seq, Attempt: 1, Environment: fmt.Sprintf("e%d-%s-%d", round, c.Variant, c.MemoryMB), Invocation: k + 1,
			At: started.Add(time.Duration(r.seq) * 100 * time.Millisecond), Start: coldstart.Warm, Class: coldstart.ClassWarm,
			Metrics: coldstart.Metrics{MemorySizeMB: p(float64(c.MemoryMB)), MaxMemoryUsedMB: p(float64(9 + rnd.IntN(3)))},
		}
		duration := s.duration * slow * between * noise()
		switch k {
		case 0:
			sample.Start, sample.Class, sample.Strategy = coldstart.Cold, class, r.Header.Plan.Strategy
			init := s.init * noise()
			sample.Metrics.InitDurationMs, sample.Metrics.DurationMs = cents(init), cents(duration)
			sample.Metrics.BilledDurationMs = p(math.Ceil(init + duration))
			sample.Phases.ProvisionMs = cents(92 * noise())
		case 1:
			sample.Class = coldstart.ClassFirstWarm
			fallthrough
		default:
			sample.Metrics.DurationMs, sample.Metrics.BilledDurationMs = cents(duration*0.7), p(math.Ceil(duration*0.7))
		}
		r.Samples = append(r.Samples, sample)
	}
}

func (r *made) fail(variant string, n int, reason coldstart.Reason, text, output string) {
	for i := range n {
		r.seq++
		r.Failures = append(r.Failures, runfile.Failure{Tried: runfile.Tried{Type: "failure", Config: coldstart.Config{Variant: variant, MemoryMB: 512, Arch: "amd64"}, Round: 1 + i, Seq: r.seq,
			Attempt: 1, At: runfile.Stamp(started), Want: coldstart.Cold}, Reason: reason, Error: text, Output: output})
	}
}

func (r *made) end(stopped string) *made {
	r.End = &runfile.End{Type: "end", At: runfile.Stamp(started.Add(5 * time.Minute)), Samples: len(r.Samples), Rejects: len(r.Rejects), Failures: len(r.Failures), Stopped: stopped}
	return r
}

func p(v float64) *float64 { return &v }

// cents rounds as a REPORT line does.
func cents(v float64) *float64 { return p(math.Round(100*v) / 100) }

// reports are the inputs of the golden files.
func reports() map[string][]analysis.Input {
	one := func(r *made) []analysis.Input { return []analysis.Input{{Run: r.Run}} }
	all := map[string][]analysis.Input{}

	normal := newRun("docker", 50, 5, "scratch", "al2", "al2023", "debug")
	rnd := rand.New(rand.NewPCG(9, 9))
	for _, c := range normal.Header.Configs {
		warm := normal.Header.Plan.WarmRuns
		normal.Header.Plan.WarmRuns = 0
		normal.environment(rnd, c.Config, 0, coldstart.ClassFirstAfterDeploy)
		normal.Header.Plan.WarmRuns = warm
	}
	all["normal"] = one(normal.measure(50))

	before := newRun("docker", 50, 5, "scratch", "al2").measure(50)
	before.Header.ID = "20260303T050607Z-local-docker"
	before.Header.Configs[1].Image.ImageID = "sha256:" + strings.Repeat("7", 64)
	after := newRun("docker", 50, 5, "scratch", "al2", "debug").measure(50)
	after.Header.Reference = before.Header.ID
	all["previous"] = []analysis.Input{{Run: after.Run, Reference: before.Run}}

	unavailable := newRun("sandbox", 50, 5, "scratch", "debug")
	unavailable.Header.Host.EngineVersion = ""
	unavailable.Header.Plan.Strategy = "new-sandbox"
	unavailable.Header.Limits.CPU = "not limited: no cgroup may be made here"
	unavailable.Header.Warnings = []string{"DOCKER_HOST is set but no daemon answers there: using the sandbox engine"}
	unavailable.Header.Unavailable = []runfile.Unavailable{
		{Variant: "al2", Error: "pulling public.ecr.aws/lambda/provided:al2: no answer within 20 s", Hint: "make offline-base AL2_BASE=coldbench/al2"},
		{Variant: "al2023", Error: "pulling public.ecr.aws/lambda/provided:al2023: no answer within 20 s"},
	}
	all["unavailable"] = one(unavailable.measure(50))

	standIn := newRun("docker", 20, 3, "scratch", "al2")
	standIn.Header.Configs[1].Image.StandIn = true
	all["stand-in"] = one(standIn.measure(20))

	sweep := newRun("docker", 40, 2)
	sweep.Header.Plan.MemoryMB = []int{128, 512, 1769}
	for i, v := range []string{"scratch", "al2"} {
		for _, mb := range sweep.Header.Plan.MemoryMB {
			sweep.config(v, mb, i)
		}
	}
	all["sweep"] = one(sweep.measure(40))

	interrupted := newRun("docker", 50, 5, "scratch", "al2").measure(8).end("interrupted")
	interrupted.End.Warnings = []string{"al2: leftover container removed"}
	all["interrupted"] = one(interrupted)

	cut := newRun("docker", 50, 5, "scratch", "al2").measure(3)
	cut.End = nil
	cut.Warnings = []string{"line 40: cut off after 17 bytes: dropped", "no end record: the run was cut off"}
	all["cut"] = one(cut)

	failing := newRun("docker", 30, 2, "scratch").measure(30)
	failing.config("broken|name", 512, 3)
	failing.config("leaky", 512, 4)
	failing.fail("broken|name", 3, coldstart.ReasonExit, "the runtime exited with status 1 before its first /next", "panic: `oops` <b>|\x1b[31m\n```\ngoroutine 1 [running]:\n")
	failing.fail("leaky", 2, coldstart.ReasonOutOfMemory, "killed at 512 MB", "")
	failing.Rejects = append(failing.Rejects, runfile.Reject{Tried: runfile.Tried{Type: "reject", Config: coldstart.Config{Variant: "scratch", MemoryMB: 512, Arch: "amd64"}, Round: 3}, Reason: "not-cold", Detail: "instance seen before"})
	leaky := failing.Header.Configs[2].Config
	for round := 1; round <= 4; round++ {
		failing.environment(rnd, leaky, round, coldstart.ClassCold)
	}
	all["failures"] = one(failing.end("plan"))

	nothing := newRun("docker", 30, 2, "scratch")
	nothing.fail("scratch", 3, coldstart.ReasonInit, "no /next within 10 s", "")
	all["nothing"] = one(nothing.end("gave-up"))

	all["n1"] = one(newRun("docker", 1, 1, "scratch", "al2").measure(1))
	all["n5"] = one(newRun("docker", 5, 5, "scratch", "al2").measure(5))

	many := newRun("docker", 400, 0, "scratch", "al2")
	many.Header.Plan.Only = "cold"
	all["cold-only"] = one(many.measure(400))

	warm := newRun("docker", 40, 5, "scratch", "al2")
	warm.Header.Plan.Only = "warm"
	all["warm-only"] = one(warm.measure(40))

	odd := newRun("docker", 20, 2, "scratch").measure(20)
	odd.Samples[0].Metrics.BilledDurationMs = p(99)
	odd.Samples[3].Metrics.BilledDurationMs = nil
	odd.Samples[6].Strategy = "burst"
	odd.End.Host = &runfile.HostLoad{BusyShare: p(0.314), WaitedS: 1.57, StolenShare: p(0.002)}
	all["odd"] = one(odd)

	other := newRun("sandbox", 30, 2, "scratch", "al2")
	other.Header.Started = runfile.Stamp(started.Add(time.Hour))
	other.Header.Plan.Strategy = "new-sandbox"
	all["two-engines"] = append(one(newRun("docker", 30, 2, "scratch", "al2").measure(30)), one(other.measure(30))...)

	for i := range 3 {
		session := newRun("docker", 20, 1, "scratch", "al2")
		session.Header.Plan.Seed = uint64(i + 1)
		session.Header.Started = runfile.Stamp(started.Add(time.Duration(i) * 24 * time.Hour))
		session.Header.ID = fmt.Sprintf("2026030%dT050607Z-local-docker", 4+i)
		session.Path = "results/runs/" + session.Header.ID + runfile.Ext
		session.measure(20)
		slower := 1 + 0.2*float64(i)
		for k := range session.Samples {
			m := &session.Samples[k].Metrics
			m.DurationMs = cents(*m.DurationMs * slower)
			total := *m.DurationMs
			if m.InitDurationMs != nil {
				m.InitDurationMs = cents(*m.InitDurationMs * slower)
				total += *m.InitDurationMs
			}
			m.BilledDurationMs = p(math.Ceil(total))
		}
		all["sessions"] = append(all["sessions"], one(session)...)
	}

	against := newRun("docker", 50, 2, "scratch", "al2", "al2@before", "debug")
	against.Header.Plan.Against = "20260303T050607Z-local-docker"
	against.Header.Configs[0].Unchanged = true
	against.Header.Configs[2].Before = "al2"
	against.Header.Unavailable = []runfile.Unavailable{
		{Variant: "debug@before", Before: "debug", Error: "the image that it had in run 20260303T050607Z-local-docker, sha256:777777777777, is not on this machine", Hint: "bench images build debug"},
	}
	all["against"] = one(against.measure(50))

	aws := newRun("docker", 20, 2, "scratch", "al2", "scratch-control")
	h := &aws.Header
	h.ID, h.Backend, h.Engine = "20260304T070607Z-aws-eu-west-1", "aws", "eu-west-1"
	aws.Path = "results/runs/" + h.ID + ".jsonl"
	h.Started = runfile.Stamp(started.Add(2 * time.Hour))
	h.Host, h.Limits = runfile.Host{Fingerprint: "beef"}, coldstart.Limits{CPU: "Lambda's own", Memory: "limit", MaxMemoryUsed: "as Lambda reports it"}
	h.Plan.CPU, h.Plan.CPUPeriod, h.Plan.Timeout, h.Plan.Strategy, h.Plan.Control, h.Plan.Parallel = "", plan.Millis{}, plan.Seconds{}, "config-update", "scratch-control", 4
	for i := range h.Configs { // Lambda says the digest, and of images nothing else
		c := &h.Configs[i]
		function := "coldbench-" + strings.TrimSuffix(c.Variant, "-control")
		c.Image, c.Function = runfile.Image{ImageID: c.Image.Digest, Digest: c.Image.Digest}, &runfile.FunctionRef{Name: function}
	}
	aws.measure(20)
	for i := range aws.Samples {
		s := &aws.Samples[i]
		s.Phases = coldstart.Phases{ClientMs: cents(*s.Metrics.DurationMs + 9.5)}
		if s.Start == coldstart.Cold {
			platform := 31.0 + float64(s.Seq%7)
			*s.Metrics.InitDurationMs += platform
			*s.Metrics.BilledDurationMs = math.Ceil(*s.Metrics.InitDurationMs + *s.Metrics.DurationMs)
			*s.Phases.ClientMs += *s.Metrics.InitDurationMs + 120
			s.Function = &coldstart.Function{InstanceID: s.Environment, Invocation: 1, ProcessUptimeMs: p(float64(10 * (s.Seq % 2)))}
		}
	}
	all["redeploy"] = one(redeployed())
	all["aws"] = append(one(aws), one(newRun("docker", 20, 2, "scratch", "al2").measure(20))...)
	return all
}
