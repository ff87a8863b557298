package analysis

import (
	"cmp"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runfile"
)

// columnsOf makes a column of each config, and an index of them.
func columnsOf(h runfile.Header) ([]Column, map[coldstart.Config]int) {
	named := make([]coldstart.Config, len(h.Configs))
	for i, c := range h.Configs {
		named[i] = c.Config
		named[i].Variant = cmp.Or(c.Before, c.Variant)
	}
	titles := plan.Names(named)
	columns := []Column{}
	index := map[coldstart.Config]int{}
	baseline := baselineOf(h)
	for i, c := range h.Configs {
		key := c.Config
		if _, twice := index[key]; twice {
			continue
		}
		index[key] = len(columns)
		columns = append(columns, Column{
			Title: titles[i] + marks(c.Before != "", c.Image.StandIn), Config: key, Before: c.Before, Unchanged: c.Unchanged,
			StandIn: c.Image.StandIn, Doc: c.Doc, Baseline: c.Variant == baseline,
			Control: h.Plan.Control != "" && c.Variant == h.Plan.Control,
		})
	}
	return columns, index
}

// marks say in a title what is not a variant's present image on its true base.
func marks(before, standIn bool) string {
	switch {
	case before && standIn:
		return " (before, stand-in base)"
	case before:
		return " (before)"
	case standIn:
		return " (stand-in base)"
	}
	return ""
}

// baselineOf names the variant that the others are compared with: the one
// asked for, else the first; empty where there is none.
func baselineOf(h runfile.Header) string {
	if len(h.Configs) == 0 {
		return h.Plan.Baseline
	}
	return cmp.Or(h.Plan.Baseline, h.Configs[0].Variant)
}
