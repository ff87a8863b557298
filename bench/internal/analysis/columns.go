package analysis

import (
	"fmt"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/runfile"
)

// columnsOf makes a column of each config of the run and finds a config's
// column again.
func columnsOf(h runfile.Header) ([]Column, map[coldstart.Config]int) {
	sizes, archs := map[int]bool{}, map[string]bool{}
	for _, c := range h.Configs {
		sizes[c.MemorySizeMB], archs[c.Arch] = true, true
	}
	columns := []Column{}
	index := map[coldstart.Config]int{}
	baseline := baselineOf(h)
	for _, c := range h.Configs {
		key := c.Config()
		if _, twice := index[key]; twice {
			continue
		}
		title := titleOf(orElse(c.Before, c.Variant), c.MemorySizeMB, c.Arch, len(sizes) > 1, len(archs) > 1) + marks(c.Before != "", c.Image.StandIn)
		index[key] = len(columns)
		columns = append(columns, Column{
			Title: title, Variant: c.Variant, Before: c.Before, Unchanged: c.Unchanged, MemoryMB: c.MemorySizeMB, Arch: c.Arch,
			StandIn: c.Image.StandIn, Doc: c.Doc, Baseline: c.Variant == baseline,
			Control: h.Plan.Control != "" && c.Variant == h.Plan.Control,
		})
	}
	return columns, index
}

// titleOf names a config, with its memory size and architecture where those tell
// it from others.
func titleOf(variant string, memoryMB int, arch string, bySize, byArch bool) string {
	if bySize {
		variant += fmt.Sprintf(" %d MB", memoryMB)
	}
	if byArch {
		variant += " " + arch
	}
	return variant
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
	if h.Plan.Baseline != "" {
		return h.Plan.Baseline
	}
	if len(h.Configs) > 0 {
		return h.Configs[0].Variant
	}
	return ""
}
