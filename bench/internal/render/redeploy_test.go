package render_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/render"
	"coldbench/bench/internal/runfile"
)

// redeployed is a run on AWS of seven deployments of two configs, of which the
// last one was resumed.
func redeployed() *made {
	const deployments, after = 7, 4
	r := newRun("docker", deployments*after, 0, "scratch", "al2")
	h := &r.Header
	h.ID, h.Backend, h.Engine = "20260304T080607Z-aws-eu-west-1", "aws", "eu-west-1"
	r.Path = "results/runs/" + h.ID + ".jsonl"
	h.Host, h.Limits = runfile.Host{Fingerprint: "beef"}, coldstart.Limits{CPU: "Lambda's own", Memory: "limit", MaxMemoryUsed: "as Lambda reports it"}
	h.Plan.CPU, h.Plan.CPUPeriod, h.Plan.Timeout, h.Plan.Parallel, h.Plan.Only = "", plan.Millis{}, plan.Seconds{}, 4, "cold"
	h.Plan.Strategy, h.Plan.Redeploy = "code-update", deployments
	for i := range h.Configs {
		c := &h.Configs[i]
		c.Image, c.Function = runfile.Image{ImageID: c.Image.Digest, Digest: c.Image.Digest}, &runfile.FunctionRef{Name: "coldbench-" + c.Variant}
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	round := 0
	for d := 1; d <= deployments; d++ {
		for at := 0; at <= after; at++ {
			round++
			for _, c := range h.Configs {
				class, strategy := coldstart.ClassCold, "config-update"
				if at == 0 {
					class, strategy = coldstart.ClassFirstAfterDeploy, "code-update"
				}
				r.environment(rnd, c.Config, round, class)
				s := &r.Samples[len(r.Samples)-1]
				s.Strategy, s.Deployment = strategy, &coldstart.Deployment{Number: d, Position: at, Again: d == deployments && at > 2}
				init := []float64{1100, 90, 52, 44, 41}[at] * math.Exp(0.1*rnd.NormFloat64())
				s.Metrics.InitDurationMs = cents(init)
				s.Metrics.BilledDurationMs = p(math.Ceil(init + *s.Metrics.DurationMs))
				s.Phases = coldstart.Phases{}
			}
		}
	}
	r.Resumes = append(r.Resumes, runfile.Resumed{Type: "resume", At: runfile.Stamp(started.Add(4 * time.Minute))})
	for d := 1; d <= deployments; d++ {
		for _, c := range h.Configs {
			r.Deployed = append(r.Deployed, runfile.Deployed{Type: "deploy", Config: coldstart.Config{Variant: c.Variant, MemoryMB: 512, Arch: "amd64"}, Round: (d-1)*(after+1) + 1, Deployment: d, Image: fmt.Sprintf("sha256:%064x", d), At: runfile.Stamp(started)})
		}
	}
	return r.end("plan")
}

// Places are counted as people count, the last point of a long curve from its
// first to its last.
func TestPlacesAfterADeployment(t *testing.T) {
	v := 12.5
	s := analysis.Section{Heading: "h", Columns: []analysis.Column{{Title: "a"}, {Title: "b"}}}
	for i, n := range []int{12, 3} {
		c := analysis.Curve{Column: i}
		for from := range n {
			c.Points = append(c.Points, analysis.CurvePoint{From: from, To: from, N: 1, Total: analysis.Estimate{Value: &v}})
		}
		s.Curves = append(s.Curves, c)
	}
	s.Curves[0].Points[11].To = 110
	s.Curves[0].Points[4].Total.Value, s.Curves[0].Points[4].N = nil, 0
	var b bytes.Buffer
	if err := render.Text(&b, &analysis.Report{Sections: []analysis.Section{s}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1st after a deployment", " 2nd ", " 3rd ", " 4th ", " 11th ", " 12th to 111th "} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, &b)
		}
	}
	for line := range strings.Lines(b.String()) {
		fields := strings.Fields(line)
		switch {
		case len(fields) > 0 && fields[0] == "5th" && strings.Join(fields, " ") != "5th - -",
			len(fields) > 0 && fields[0] == "2nd" && strings.Join(fields, " ") != "2nd 12.5 ms, n = 1 12.5 ms, n = 1":
			t.Errorf("line %q", line)
		}
	}
}
