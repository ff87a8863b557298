package cli

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/backend/awslambda"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runfile"
)

// awsConfig is a configuration of a function that was found.
type awsConfig struct {
	awsWant
	config coldstart.Config
	facts  *awslambda.Facts
}

// measureAWS looks, says what it would do, and does it.
func (a *app) measureAWS(ctx context.Context, client *awslambda.Client, m awsMeasure, wanted []awsWant) (err error) {
	if !m.dryRun {
		// Before the look: what was left changed would be taken for how it was.
		if err := a.restoreAWS(client, false); err != nil {
			return err
		}
	}
	var refs []awslambda.Ref
	for _, w := range wanted {
		refs = append(refs, w.ref)
		if w.ref.Qualifier != "" && m.awsFlags.strategy == string(awslambda.Version) {
			refs = append(refs, awslambda.Ref{Name: w.ref.Name}) // what is published anew
		}
	}
	inventory, err := client.Inventory(ctx, refs)
	if err != nil {
		return err
	}
	for _, w := range inventory.Warnings {
		a.warning("%s", w)
	}
	fresh, err := a.freshImages(client, inventory, m, wanted)
	if err != nil {
		return err
	}
	session := client.Begin(inventory, awslambda.Setup{
		Strategy: awslambda.Strategy(m.awsFlags.strategy), Idle: m.awsFlags.idle, Expect: m.awsFlags.expect, Concurrency: m.awsFlags.burst, Images: fresh,
	})
	configs, unavailable, err := a.awsConfigs(inventory, session, m, wanted)
	if err != nil {
		return err
	}
	if m.awsFlags.control {
		// Of what can be measured: a baseline that is left out has no control.
		if configs, m.controlName, err = withControl(configs, m.baseline, func(c *awsConfig) *string { return &c.config.Variant }); err != nil {
			return err
		}
	}
	plan := a.awsPlan(client, inventory, m, configs)
	if m.dryRun {
		_, err := fmt.Fprint(a.Stdout, plan.text)
		return err
	}
	a.note("%s", plan.text)
	switch {
	case math.IsNaN(plan.dollars) && !m.given("max-cost"):
		return advice.Hint(errors.New("what it would cost is not known"), "--max-cost USD, any number, goes on all the same")
	case plan.dollars > m.awsFlags.maxCost:
		return advice.Hint(fmt.Errorf("expected to cost %s, more than --max-cost %g", dollars(plan.dollars), m.awsFlags.maxCost), fmt.Sprintf("--max-cost %.2f, or fewer --runs", plan.dollars+0.01))
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	if err := session.Wake(ctx, refs); err != nil {
		return err
	}
	header := a.awsHeader(client, m, configs, unavailable)
	header.Warnings = append(header.Warnings, inventory.Warnings...)
	var list []opened
	images := map[coldstart.Config][]string{}
	for _, c := range configs {
		images[c.config] = fresh[c.ref]
		for _, w := range c.facts.Warnings {
			header.Warnings = addOnce(header.Warnings, w)
		}
		img := coldstart.Image{ID: c.facts.ImageID, Arch: c.facts.Arch, Ref: c.ref.String()}
		o := coldstart.Options{Payload: m.event, Environment: m.vars}
		if m.verbal {
			o.Log = func(text string) { a.say("%s", text) }
		}
		target, err := session.Open(ctx, c.config, img, o)
		if err != nil {
			return fmt.Errorf("%s: %w", c.config.Variant, err)
		}
		list = append(list, opened{want: want{config: c.config}, image: img, target: target})
	}
	return a.run(ctx, m.measure, job{header: header, configs: list, images: images, after: func() ([]string, error) {
		var err error
		for _, c := range list {
			err = errors.Join(err, c.target.Close())
		}
		err = errors.Join(err, session.Close())
		return session.Warnings(), err
	}}, absolute(a.Dir, m.out))
}

// awsConfigs multiplies the functions that were found by memory sizes. One that
// can't be measured becomes a row that says why, unless it was asked for by
// name.
func (a *app) awsConfigs(inventory *awslambda.Inventory, session *awslambda.Session, m awsMeasure, wanted []awsWant) ([]awsConfig, []runfile.Unavailable, error) {
	var list []awsConfig
	var unavailable []runfile.Unavailable
	for _, w := range wanted {
		facts, err := inventory.Functions[w.ref], inventory.Errors[w.ref]
		if other := inventory.Reaches(w.home); other != nil {
			err = other
		}
		if w.undeployed != nil {
			err = w.undeployed
		}
		var found []awsConfig
		if err == nil {
			arch, sizes := w.arch, w.memoryMB
			if arch == "" || m.anyArch && m.resumed == nil {
				arch = facts.Arch
			}
			if len(sizes) == 0 {
				sizes = []int{facts.MemoryMB}
			}
			for _, size := range sizes {
				c := awsConfig{awsWant: w, facts: facts, config: coldstart.Config{Variant: w.variant, MemoryMB: size, Arch: arch}}
				if err = errors.Join(err, session.Check(facts, c.config, m.vars)); err != nil {
					break
				}
				found = append(found, c)
			}
		}
		switch {
		case err == nil:
			list = append(list, found...)
		case w.named:
			return nil, nil, fmt.Errorf("%s: %w", w.variant, err)
		default:
			unavailable = append(unavailable, a.leaveOut(w.variant, err))
		}
	}
	if len(list) == 0 {
		return nil, nil, advice.Hint(errors.New("no function can be measured"), "make deploy, or bench aws NAME=FUNCTION")
	}
	return list, unavailable, nil
}

// fingerprintOf tells the places apart where functions run: the host of a run on
// AWS.
func fingerprintOf(client *awslambda.Client) string {
	sum := sha256.Sum256([]byte("aws\n" + client.Region() + "\n" + client.Rehearsal()))
	return fmt.Sprintf("%x", sum[:8])
}

// awsHeader describes the run before it begins.
func (a *app) awsHeader(client *awslambda.Client, m awsMeasure, configs []awsConfig, unavailable []runfile.Unavailable) runfile.Header {
	h := runfile.Header{
		Tool:      "bench " + version(),
		Backend:   "aws",
		Engine:    client.Region(),
		Rehearsal: client.Rehearsal(),
		Host:      runfile.Host{Fingerprint: fingerprintOf(client)},
		Plan: plan.Plan{
			Runs: m.runs, WarmRuns: m.warmRuns, Seed: m.seed,
			Pause:         plan.Millis{Duration: m.pause},
			PayloadSha256: digest(m.event),
			Strategy:      m.awsFlags.strategy,
			Baseline:      m.baseline,
			Retries:       m.retries,
			Parallel:      m.awsFlags.parallel,
			Control:       m.controlName,
			Redeploy:      m.awsFlags.redeploy,
		},
		Limits:      coldstart.Limits{CPU: "Lambda's own", Memory: "limit", MaxMemoryUsed: "as Lambda reports it"},
		Unavailable: unavailable,
	}
	if h.Rehearsal != "" {
		h.Warnings = append(h.Warnings, h.Rehearsal)
	}
	switch awslambda.Strategy(m.awsFlags.strategy) {
	case awslambda.Burst:
		h.Plan.Burst = m.awsFlags.burst
	case awslambda.Idle:
		h.Plan.Idle.Duration = m.awsFlags.idle
	}
	if m.cold {
		h.Plan.Only = "cold"
	} else if m.warm {
		h.Plan.Only = "warm"
	}
	for _, c := range configs {
		h.Plan.MemoryMB = addOnce(h.Plan.MemoryMB, c.config.MemoryMB)
		h.Plan.Arch = addOnce(h.Plan.Arch, c.config.Arch)
		function := &runfile.FunctionRef{Name: c.ref.Name}
		if c.ref.Qualifier != "" {
			function.Version = c.facts.Version
		}
		img := runfile.Image{ImageID: c.facts.ImageID, Layers: c.rehearsed.Layers, Base: c.rehearsed.Base, StandIn: c.rehearsed.StandIn}
		if c.facts.Zip {
			img.CompressedBytes = c.facts.SizeBytes
		} else {
			img.Digest = c.facts.ImageID
		}
		h.Configs = append(h.Configs, runfile.Config{
			Variant: c.config.Variant, MemorySizeMB: c.config.MemoryMB, Arch: c.config.Arch, Doc: c.doc,
			Image:    img,
			Function: function,
		})
	}
	return h
}
