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
	var functions []plan.Function
	var configs, compared []coldstart.Config
	for _, t := range targets {
		configs = append(configs, t.Config)
		if t.Config.Variant != p.Control {
			compared = append(compared, t.Config)
		}
		f := plan.Function{
			Config: t.Config, Name: t.Ref.Name, Timeout: t.Facts.Timeout, Capacity: inventory.Capacity(t.Facts, p.Burst),
			Updated: t.Ref.Qualifier == "" || p.Strategy == coldstart.StrategyVersion,
		}
		f.Variant = t.Variant // the control costs what its baseline does
		functions = append(functions, f)
	}
	text += plan.Listing(configs, func(i int) string { return describeFunction(targets[i]) })
	effort := p.Effort(functions)
	text += p.Forcing(effort)
	if rehearsal != "" {
		text += "expected time: not known of an endpoint that is not AWS\nexpected cost: none\n"
	} else {
		text += fmt.Sprintf("expected time: about %s\n", effort.Time.Round(time.Second))
		// A run that can't be read says no more than none.
		x, _ := a.results(m.out).Experience(func(h runfile.Header) bool { return h.Place() == "aws" })
		var err error
		if cost, err = p.Cost(functions, m.pricing.table, client.Region(), x); err != nil {
			text += fmt.Sprintf("expected cost: not known: %v\n", err)
		} else {
			text += fmt.Sprintf("expected cost: about %s (prices of %s; free tier and logs left out)\n", plan.Dollars(cost), m.pricing.table.Regions[client.Region()].Date)
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
		text += p.Power(x, p.Contrasts(compared))
	}
	return text, cost
}

// describeFunction names a function in the plan.
func describeFunction(t awslambda.Target) string {
	kind, note := "image", ""
	if t.Facts.Zip {
		kind = "zip"
	}
	if t.Facts.Inactive {
		note = ", inactive: it has to be woken by an invocation"
	}
	return fmt.Sprintf("%s (%s)%s", t.Ref, kind, note)
}
