package cli

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"time"

	"coldbench/bench/internal/backend/awslambda"
	"coldbench/bench/internal/runfile"
)

// awsPlan is what a run on AWS would do.
type awsPlan struct {
	text string
	// dollars is what the invocations are expected to cost.
	dollars float64
}

// What an invocation is taken to last where no earlier run says so, in
// milliseconds: more than a small function takes, so that the cost is rather
// overestimated. perUpdate is what an update and its wait take on AWS,
// perDeployment what that of an image's does, which Lambda prepares.
const (
	coldGuessMs   = 2000
	warmGuessMs   = 200
	perUpdate     = 5 * time.Second
	perDeployment = 30 * time.Second
)

func (a *app) awsPlan(client *awslambda.Client, inventory *awslambda.Inventory, m awsMeasure, configs []awsConfig) awsPlan {
	strategy := awslambda.Strategy(m.awsFlags.strategy)
	colds := m.runs * len(configs)
	warms := colds * m.warmRuns
	who := ""
	if id := inventory.Account.ARN; id != "" && client.Rehearsal() == "" {
		who = " as " + id
	}
	invocations, order := workload(colds, warms, m.runs+m.awsFlags.redeploy, len(configs))
	text := fmt.Sprintf("%s in %s%s, %s (seed %d)\n", invocations, client.Region(), who, order, m.seed)
	if r := client.Rehearsal(); r != "" {
		text += r + "\n"
	}
	functions := map[string]bool{}
	width := 12
	for _, c := range configs {
		width = max(width, len(c.config.Variant))
	}
	for _, c := range configs {
		kind := "image"
		if c.facts.Zip {
			kind = "zip"
		}
		note := ""
		if c.facts.Inactive {
			note = ", inactive: it has to be woken by an invocation"
		}
		text += fmt.Sprintf("  %-*s %5d MB  %s  %s (%s)%s\n", width, c.config.Variant, c.config.MemoryMB, c.config.Arch, c.ref, kind, note)
		if c.ref.Qualifier == "" || strategy == awslambda.Version {
			functions[c.ref.Name] = true
		}
	}
	if m.controlName != "" {
		text += fmt.Sprintf("%s is the baseline's own function, sampled once more each round: it shows the noise of sampling, not that of a second deployment\n", m.controlName)
	}
	text += deploymentsOf(m)
	updates, groups := 0, 1
	perStart := perUpdate
	switch strategy {
	case awslambda.CodeUpdate:
		// The variables are set before the first deployment, and both put back.
		updates = colds + len(functions)*(m.awsFlags.redeploy+3)
	case awslambda.ConfigUpdate, awslambda.Version:
		updates = colds + len(functions)
	case awslambda.Burst:
		size := m.awsFlags.burst
		for _, c := range configs {
			size = min(size, inventory.Capacity(c.facts, size))
		}
		groups = size
		if len(functions) > 0 {
			updates = (m.runs+size-1)/size*len(configs) + len(functions)
		}
	case awslambda.Idle:
		perStart = m.awsFlags.idle
	}
	if updates == 0 {
		text += fmt.Sprintf("strategy %s, which changes nothing\n", strategy)
	} else {
		text += fmt.Sprintf("%s of %s by strategy %s, put back at the end\n", plural(updates, "update"), plural(len(functions), "function"), strategy)
	}
	parallel := min(m.awsFlags.parallel, max(len(functions), 1))
	took := time.Duration(float64(perStart) * math.Ceil(float64(m.runs)/float64(groups)) * math.Ceil(float64(len(configs))/float64(parallel)))
	took += time.Duration(m.awsFlags.redeploy) * perDeployment * time.Duration(math.Ceil(float64(len(configs))/float64(parallel)))
	if client.Rehearsal() != "" {
		text += "expected time: not known of an endpoint that is not AWS\n"
	} else {
		text += fmt.Sprintf("expected time: about %s\n", took.Round(time.Second))
	}
	cost, said := awsCost(client, m, configs, a.runsOnAWS(absolute(a.Dir, m.out)))
	text += said
	if m.dryRun {
		place := runfile.Header{Backend: "aws", Rehearsal: client.Rehearsal()}.Place()
		x, err := experienced(filepath.Join(absolute(a.Dir, m.out), "runs"), func(h runfile.Header) bool {
			return h.Place() == place && h.Engine == client.Region() && h.Plan.Strategy == string(strategy)
		})
		if err != nil {
			a.warning("an earlier run can't be read: %v", err)
		}
		var list []planned
		for _, c := range configs {
			if c.config.Variant != m.controlName {
				list = append(list, planned{known: c.config})
			}
		}
		text += x.foresee(m.measure, compared(list, m.baseline))
	}
	return awsPlan{text: text, dollars: cost}
}

// billed returns what an invocation of a variant was billed in the newest run
// on AWS of the folder, or a guess, in milliseconds.
func billed(runs []*runfile.Run, variant string, cold bool) float64 {
	for _, run := range slices.Backward(runs) {
		most, found := 0.0, false
		for _, s := range run.Samples {
			if s.Config.Variant == variant && (s.Metrics.InitDurationMs != nil) == cold && s.Metrics.BilledDurationMs != nil {
				most, found = max(most, *s.Metrics.BilledDurationMs), true
			}
		}
		if found {
			return most
		}
	}
	if cold {
		return coldGuessMs
	}
	return warmGuessMs
}

// runsOnAWS reads the runs of the folder that were made on AWS.
func (a *app) runsOnAWS(out string) []*runfile.Run {
	entries, _, err := runfile.Folder(filepath.Join(out, "runs"))
	if err != nil {
		return nil
	}
	var runs []*runfile.Run
	for _, e := range slices.Backward(entries) {
		if e.Header.Place() != "aws" || len(runs) > 0 {
			continue
		}
		if run, err := runfile.Open(e.Path); err == nil {
			runs = append(runs, run)
		}
	}
	return runs
}

// awsCost returns what the invocations are expected to cost, and says so. It is
// not a number where the table has no price of the region.
func awsCost(client *awslambda.Client, m awsMeasure, configs []awsConfig, runs []*runfile.Run) (float64, string) {
	if client.Rehearsal() != "" {
		return 0, "expected cost: none\n"
	}
	table := m.pricing.prices()
	total := 0.0
	for _, c := range configs {
		rates, err := table.Rates(c.config.Arch, client.Region())
		if err != nil {
			return math.NaN(), fmt.Sprintf("expected cost: not known: %v\n", err)
		}
		one := func(cold bool) float64 {
			return rates.Cost(min(billed(runs, c.variant, cold), c.facts.Timeout.Seconds()*1000+10_000), c.config.MemoryMB)
		}
		total += float64(m.runs) * (one(true) + float64(m.warmRuns)*one(false))
		// A first cold start may be a long one: none of an earlier run says how long.
		first := min(max(billed(runs, c.variant, true), coldGuessMs), c.facts.Timeout.Seconds()*1000+10_000)
		total += float64(m.awsFlags.redeploy) * rates.Cost(first, c.config.MemoryMB)
	}
	return total, fmt.Sprintf("expected cost: about %s (prices of %s; free tier and logs left out)\n", dollars(total), table.Regions[client.Region()].Date)
}

func dollars(v float64) string {
	if v > 0 && v < 0.01 {
		return fmt.Sprintf("%.4f USD", v)
	}
	return fmt.Sprintf("%.2f USD", v)
}
