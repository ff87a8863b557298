package analysis

import (
	"fmt"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/runfile"
	"coldbench/bench/internal/stats"
)

// pair is the values that a line of the comparison stands on.
type pair struct {
	base, now stats.Ordered
	control   bool
}

// pairsOf fills in the lines and returns their values.
func pairsOf(base, now *runfile.Run, how Against, c *Change) ([]pair, error) {
	measures, err := measuresOf(how.Metrics)
	if err != nil {
		return nil, err
	}
	newColumns, newIndex := columnsOf(now.Header)
	_, baseIndex := columnsOf(base.Header)
	was, is := observe(base, baseIndex), observe(now, newIndex)
	before, after := imageIDs(base.Header), imageIDs(now.Header)
	var pairs []pair
	common := 0
	for i, column := range newColumns {
		config := coldstart.Config{Variant: column.Variant, MemoryMB: column.MemoryMB, Arch: column.Arch}
		j, ok := baseIndex[config]
		if !ok {
			c.Notes = append(c.Notes, column.Title+" is new: the base run does not have it.")
			continue
		}
		common++
		image := "changed"
		switch old, id := before[config], after[config]; {
		case old == "" || id == "":
			image = "unknown"
		case old == id:
			image = "same"
			c.Controls = append(c.Controls, column.Title)
		}
		for _, m := range measures {
			x, _, _ := values(was.environments(j, m.class), m.metric)
			y, _, _ := values(is.environments(i, m.class), m.metric)
			p := pair{stats.Order(x), stats.Order(y), image == "same"}
			if p.base.N() == 0 || p.now.N() == 0 {
				continue
			}
			for _, q := range []float64{0.5, 0.9} {
				if enough := stats.Enough(q, Confidence); q > 0.5 && min(p.base.N(), p.now.N()) < enough {
					continue
				}
				d := Delta{Title: column.Title, Variant: column.Variant, MemoryMB: column.MemoryMB, Arch: column.Arch,
					Image: image, Class: string(m.class), Metric: m.metric.Name, Unit: m.metric.Unit, Quantile: q,
					Base: estimate(p.base, q), New: estimate(p.now, q), BaseN: p.base.N(), NewN: p.now.N()}
				if q == 0.5 {
					d.Whole = wholly(p.now, p.base)
				}
				c.Lines, pairs = append(c.Lines, d), append(pairs, p)
			}
		}
	}
	for _, r := range base.Header.Configs {
		if _, ok := newIndex[r.Config()]; !ok {
			c.Notes = append(c.Notes, r.Config().String()+" is gone: the new run does not have it.")
		}
	}
	switch {
	case common == 0:
		return nil, fmt.Errorf("%w: runs %s and %s have no config in common", ErrNothing, base.Header.ID, now.Header.ID)
	case len(pairs) == 0:
		return nil, fmt.Errorf("%w: no config has samples in both %s and %s", ErrNothing, base.Header.ID, now.Header.ID)
	}
	family := make([]*Difference, len(c.Lines))
	for i := range c.Lines {
		family[i] = c.Lines[i].Whole
	}
	adjust(family)
	return pairs, nil
}

func imageIDs(h runfile.Header) map[coldstart.Config]string {
	ids := map[coldstart.Config]string{}
	for _, c := range h.Configs {
		ids[c.Config()] = c.Image.ImageID
	}
	return ids
}
