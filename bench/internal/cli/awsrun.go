package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/awssim"
	"coldbench/bench/internal/backend/awslambda"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runfile"
	"coldbench/bench/internal/variant"
)

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
		Strategy: m.plan.Strategy, Idle: m.plan.Idle.Duration, Expect: m.expect, Concurrency: m.plan.Burst, Images: fresh,
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
	case cost > m.maxCost:
		return advice.Hint(fmt.Errorf("expected to cost %s, more than --max-cost %g", plan.Dollars(cost), m.maxCost), fmt.Sprintf("--max-cost %.2f, or fewer --runs", cost+0.01))
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

// varsFile is the file that says what was pushed: what --tfvars names, or the one
// in the folder deployment beside the compose file.
func (a *app) varsFile(name, composeFile string) string {
	if name == "" {
		name = filepath.Join(filepath.Dir(filepath.Dir(a.storeDir(composeFile))), "deployment", "images.auto.tfvars.json")
	}
	return absolute(a.Dir, name)
}

func (a *app) freshImages(client *awslambda.Client, inventory *awslambda.Inventory, m awsMeasure, selected []awslambda.Selection) (map[awslambda.Ref][]string, error) {
	if m.plan.Redeploy == 0 {
		return nil, nil
	}
	folder := a.results(m.out)
	entries, _, err := runfile.Folder(folder.Runs())
	if err != nil {
		return nil, err
	}
	here := runfile.Header{Backend: "aws", Engine: client.Region(), Host: runfile.Host{Fingerprint: client.Fingerprint()}}
	if m.resumed != nil {
		here.ID = m.resumed.Header.ID
	}
	gone, err := runfile.DeployedTo(entries, here)
	if err != nil {
		return nil, err
	}
	vars := a.varsFile(m.tfvars, m.file)
	pushed := awslambda.PushedTo(awssim.Repository(client.Region()), selected)
	if !m.rehearse {
		if pushed, err = awslambda.ReadPushed(vars); err != nil {
			return nil, err
		}
	}
	return awslambda.Redeployable{
		Number: m.plan.Redeploy, Pushed: pushed, File: folder.Relative(vars), Gone: gone, Begun: m.resumed.DeployedOf,
	}.Images(inventory, selected)
}

// selectFunctions returns the functions that the arguments ask for: those of all
// services of the compose file without arguments, otherwise exactly those named;
// those of the run that goes on, if one does.
func (a *app) selectFunctions(ctx context.Context, m awsMeasure, args []string) ([]awslambda.Selection, error) {
	var services map[string][]awslambda.Selection
	var names []string
	if m.resumed != nil {
		args = nil // the run says which
	}
	if m.resumed == nil || m.rehearse {
		o := a.compose(m.file, m.plan.Arch[0])
		list, err := variant.Services(ctx, o, args)
		if err != nil {
			return nil, err
		}
		if len(list) > 0 {
			project, err := variant.Project(o)
			if err != nil {
				return nil, err
			}
			services, names = awslambda.SelectServices(project, list, m.plan.Arch, m.plan.MemoryMB)
		}
	}
	if m.resumed != nil {
		return m.selectResumed(services)
	}
	list, err := variant.Choose(args, names, services, m.selectFunction)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for i, s := range list {
		// The name of a service and what x-bench adds to another's may be equal.
		config := s.Variant + "/" + s.Arch
		if seen[config] {
			return nil, usagef("variant %q is named twice", s.Variant)
		}
		seen[config] = true
		list[i].Named = len(args) > 0
	}
	return list, m.checkBaseline(slices.ContainsFunc(list, func(s awslambda.Selection) bool { return s.Variant == m.plan.Baseline }))
}

func (m awsMeasure) selectFunction(arg string) (awslambda.Selection, error) {
	name, function, _ := strings.Cut(arg, "=")
	if _, err := variant.Parse(arg); err != nil {
		return awslambda.Selection{}, fmt.Errorf("reading %q: want NAME=FUNCTION", arg)
	}
	s, err := awslambda.SelectFunction(name, function, m.region, m.plan.Strategy)
	s.MemoryMB = m.plan.MemoryMB
	if !m.anyArch && len(m.plan.Arch) == 1 {
		s.Arch = m.plan.Arch[0]
	}
	return s, err
}

// selectResumed returns the functions of the run that goes on, with the services
// they were made from if these are known.
func (m awsMeasure) selectResumed(services map[string][]awslambda.Selection) ([]awslambda.Selection, error) {
	h := m.resumed.Header
	var list []awslambda.Selection
	for _, c := range h.Configs {
		if c.Variant == h.Plan.Control {
			continue // it is added again
		}
		if c.Function == nil {
			return nil, fmt.Errorf("the run %s does not say which function %s is", h.ID, c.Variant)
		}
		ref := awslambda.Ref{Name: c.Function.Name, Qualifier: c.Function.Version}
		i := slices.IndexFunc(list, func(s awslambda.Selection) bool { return s.Variant == c.Variant && s.Arch == c.Arch && s.Ref == ref })
		if i < 0 {
			i = len(list)
			list = append(list, awslambda.Selection{Variant: c.Variant, Ref: ref, Arch: c.Arch, Doc: c.Doc, Named: true})
			for _, s := range services[c.Variant] {
				if s.Arch == c.Arch {
					list[i].Service, list[i].Zip = s.Service, s.Zip
				}
			}
		}
		list[i].MemoryMB = append(list[i].MemoryMB, c.MemoryMB)
	}
	return list, nil
}
