package cli

import (
	"fmt"
	"time"

	"coldbench/bench/internal/backend/awslambda"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runfile"
)

// awsPlan returns what a run on AWS would do and what its invocations are expected
// to cost in dollars; not a number if that is unknown.
func (a *app) awsPlan(client *awslambda.Client, inventory *awslambda.Inventory, m awsMeasure, targets []awslambda.Target) (text string, cost float64) {
	p, rehearsal := m.plan, client.Rehearsal()
	where := " in " + client.Region()
	if id := inventory.Account.ARN; id != "" && rehearsal == "" {
		where += " as " + id
	}
	text = p.Workload(len(targets), where)
	if rehearsal != "" {
		text += rehearsal + "\n"
	}
	width := 12
	for _, t := range targets {
		width = max(width, len(t.Config.Variant))
	}
	var functions []plan.Function
	var configs []coldstart.Config
	for _, t := range targets {
		kind, note := "image", ""
		if t.Facts.Zip {
			kind = "zip"
		}
		if t.Facts.Inactive {
			note = ", inactive: it has to be woken by an invocation"
		}
		text += fmt.Sprintf("  %-*s %5d MB  %s  %s (%s)%s\n", width, t.Config.Variant, t.Config.MemoryMB, t.Config.Arch, t.Ref, kind, note)
		if t.Config.Variant != p.Control {
			configs = append(configs, t.Config)
		}
		f := plan.Function{
			Config: t.Config, Name: t.Ref.Name, Timeout: t.Facts.Timeout, Capacity: inventory.Capacity(t.Facts, p.Burst),
			Updated: t.Ref.Qualifier == "" || p.Strategy == coldstart.StrategyVersion,
		}
		f.Variant = t.Variant // the control costs what its baseline does
		functions = append(functions, f)
	}
	if p.Control != "" {
		text += fmt.Sprintf("%s is the baseline's own function, sampled once more each round: it shows the noise of sampling, not that of a second deployment\n", p.Control)
	}
	text += deployments(p)
	effort := p.Effort(functions)
	if effort.Updates == 0 {
		text += fmt.Sprintf("strategy %s, which changes nothing\n", p.Strategy)
	} else {
		text += fmt.Sprintf("%s of %s by strategy %s, restored at the end\n", plural(effort.Updates, "update"), plural(effort.Functions, "function"), p.Strategy)
	}
	if rehearsal != "" {
		text += "expected time: not known of an endpoint that is not AWS\nexpected cost: none\n"
	} else {
		text += fmt.Sprintf("expected time: about %s\n", effort.Time.Round(time.Second))
		// A run that can't be read says no more than none.
		x, _ := a.results(m.out).Experience(func(h runfile.Header) bool { return h.Place() == "aws" })
		prices := m.pricing.prices()
		var err error
		if cost, err = p.Cost(functions, prices, client.Region(), x); err != nil {
			text += fmt.Sprintf("expected cost: not known: %v\n", err)
		} else {
			text += fmt.Sprintf("expected cost: about %s (prices of %s; free tier and logs left out)\n", dollars(cost), prices.Regions[client.Region()].Date)
		}
	}
	if m.dryRun {
		place := runfile.Header{Backend: "aws", Rehearsal: rehearsal}.Place()
		x, err := a.results(m.out).Experience(func(h runfile.Header) bool {
			return h.Place() == place && h.Engine == client.Region() && h.Plan.Strategy == p.Strategy
		})
		if err != nil {
			a.warning("an earlier run can't be read: %v", err)
		}
		text += p.Power(x, p.Contrasts(configs))
	}
	return text, cost
}

// deployments says in a line of the plan what --redeploy does.
func deployments(p plan.Plan) string {
	if p.Redeploy == 0 {
		return ""
	}
	after := fmt.Sprint(p.Runs / p.Redeploy)
	if p.Runs%p.Redeploy > 0 {
		after += fmt.Sprintf(" or %d", p.Runs/p.Redeploy+1)
	}
	return fmt.Sprintf("%s to each function, of images that it never had: 1 first cold start after each, then %s of the %d\n", plural(p.Redeploy, "deployment"), after, p.Runs)
}

func dollars(v float64) string {
	if v > 0 && v < 0.01 {
		return fmt.Sprintf("%.4f USD", v)
	}
	return fmt.Sprintf("%.2f USD", v)
}
