package cli

import (
	"context"
	"errors"
	"fmt"
	"math"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/backend/awslambda"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runfile"
)

// measureAWS looks, says what it would do, and does it.
func (a *app) measureAWS(ctx context.Context, client *awslambda.Client, m awsMeasure, selected []awslambda.Selection) (err error) {
	if !m.dryRun {
		// Before the look: what was left changed would be taken for how it was.
		if err := a.restoreAWS(client, false); err != nil {
			return err
		}
	}
	var refs []awslambda.Ref
	for _, s := range selected {
		refs = append(refs, s.Ref)
		if s.Ref.Qualifier != "" && m.plan.Strategy == coldstart.StrategyVersion {
			refs = append(refs, awslambda.Ref{Name: s.Ref.Name}) // what is published anew
		}
	}
	inventory, err := client.Inventory(ctx, refs)
	if err != nil {
		return err
	}
	a.warnings(inventory.Warnings)
	fresh, err := a.freshImages(client, inventory, m, selected)
	if err != nil {
		return err
	}
	session := client.Begin(inventory, awslambda.Setup{
		Strategy: m.plan.Strategy, Idle: m.plan.Idle.Duration, Expect: m.awsFlags.expect, Concurrency: m.plan.Burst, Images: fresh,
	})
	targets, unavailable, err := a.awsTargets(session, m, selected)
	if err != nil {
		return err
	}
	if m.Control || m.plan.Control != "" {
		// Of what can be measured: a baseline that is left out has no control.
		if targets, m.plan.Control, err = plan.WithControl(targets, m.plan.Baseline, func(t *awslambda.Target) *string { return &t.Config.Variant }); err != nil {
			return advice.Usage(err)
		}
	}
	text, cost := a.awsPlan(client, inventory, m, targets)
	if m.dryRun {
		_, err := fmt.Fprint(a.Stdout, text)
		return err
	}
	a.note("%s", text)
	switch {
	case math.IsNaN(cost) && !m.Given("max-cost"):
		return advice.Hint(errors.New("the cost is unknown"), "--max-cost USD, any number, to continue anyway")
	case cost > m.awsFlags.maxCost:
		return advice.Hint(fmt.Errorf("expected to cost %s, more than --max-cost %g", plan.Dollars(cost), m.awsFlags.maxCost), fmt.Sprintf("--max-cost %.2f, or fewer --runs", cost+0.01))
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	if err := session.Wake(ctx, refs); err != nil {
		return err
	}
	header := awsHeader(client, m, targets, unavailable)
	header.Warnings = append(header.Warnings, inventory.Warnings...)
	var list []OpenTarget
	images := map[coldstart.Config][]string{}
	for _, t := range targets {
		images[t.Config] = fresh[t.Ref]
		for _, w := range t.Facts.Warnings {
			header.Warnings = addOnce(header.Warnings, w)
		}
		img := coldstart.Image{ID: t.Facts.ImageID, Arch: t.Facts.Arch, Ref: t.Ref.String()}
		target, err := session.Open(ctx, t.Config, img, coldstart.Options{Payload: m.event, Environment: m.vars, Log: a.log(m.verbose)})
		if err != nil {
			return fmt.Errorf("%s: %w", t.Config.Variant, err)
		}
		list = append(list, OpenTarget{Selection: Selection{config: t.Config}, image: img, target: target})
	}
	return a.run(ctx, m.measure, job{header: header, configs: list, images: images, after: func() ([]string, error) {
		var err error
		for _, c := range list {
			err = errors.Join(err, c.target.Close())
		}
		err = errors.Join(err, session.Close())
		return session.Warnings(), err
	}})
}

// awsTargets returns the configurations of the functions that were found. A
// function that can't be measured becomes a row that says why, unless it was
// asked for by name.
func (a *app) awsTargets(session *awslambda.Session, m awsMeasure, selected []awslambda.Selection) (list []awslambda.Target, unavailable []runfile.Unavailable, err error) {
	for _, s := range selected {
		found, err := session.Targets(s, m.anyArch && m.resumed == nil, m.vars)
		switch {
		case err == nil:
			list = append(list, found...)
		case s.Named:
			return nil, nil, fmt.Errorf("%s: %w", s.Variant, err)
		default:
			unavailable = append(unavailable, a.leaveOut(s.Variant, err))
		}
	}
	if len(list) == 0 {
		return nil, nil, advice.Hint(errors.New("no function can be measured"), "make deploy, or bench aws NAME=FUNCTION")
	}
	return list, unavailable, nil
}

// awsHeader describes the run before it begins.
func awsHeader(client *awslambda.Client, m awsMeasure, targets []awslambda.Target, unavailable []runfile.Unavailable) runfile.Header {
	h := runfile.Header{
		Tool:        "bench " + version(),
		Backend:     "aws",
		Engine:      client.Region(),
		Rehearsal:   client.Rehearsal(),
		Host:        runfile.Host{Fingerprint: client.Fingerprint()},
		Plan:        m.plan,
		Limits:      coldstart.Limits{CPU: "Lambda's own", Memory: "limit", MaxMemoryUsed: "as Lambda reports it"},
		Unavailable: unavailable,
	}
	if h.Rehearsal != "" {
		h.Warnings = append(h.Warnings, h.Rehearsal)
	}
	for _, t := range targets {
		function := &runfile.FunctionRef{Name: t.Ref.Name}
		if t.Ref.Qualifier != "" {
			function.Version = t.Facts.Version
		}
		img := runfile.Image{ImageID: t.Facts.ImageID, Layers: t.Rehearsed.Layers, Base: t.Rehearsed.Base, StandIn: t.Rehearsed.StandIn}
		if t.Facts.Zip {
			img.CompressedBytes = t.Facts.SizeBytes
		} else {
			img.Digest = t.Facts.ImageID
		}
		h.Configs = append(h.Configs, runfile.Config{
			Config: t.Config, Doc: t.Doc, Image: img, Function: function,
		})
	}
	h.ListMeasured()
	return h
}
