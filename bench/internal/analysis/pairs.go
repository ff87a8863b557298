package analysis

import (
	"fmt"
	"slices"
	"strings"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/runfile"
	"coldbench/bench/internal/stats"
)

// pair is the values that a line of the comparison stands on.
type pair struct {
	base, now stats.Ordered
	control   bool
	// was and is are the environments that the values are of.
	was, is *units
	metric  string
}

// ratio is that of a quantile of the two sides, now over base.
func (p pair) ratio(q, confidence float64) (r stats.Ratio, grouped, ok bool) {
	return ratioOf(p.is, p.was, p.metric, q, confidence)
}

// match is a config that both sides have, and its place in each.
type match struct {
	column    Column
	base, now int
	// image is Row.Image.
	image string
}

// pairsOf fills in the lines and returns their values.
func pairsOf(base, now recorded, how CompareOptions, c *Comparison) ([]pair, error) {
	measures, err := measuresOf(how.Metrics)
	if err != nil {
		return nil, err
	}
	newColumns, newIndex := columnsOf(now.Header)
	_, baseIndex := columnsOf(base.Header)
	matches := c.matches(newColumns, baseIndex, configsOf(base.Header), configsOf(now.Header))
	c.comeAndGone(base.Header, now.Header, baseIndex, newIndex)
	if len(matches) == 0 {
		return nil, fmt.Errorf("%w: runs %s and %s have no config in common", ErrNothing, base.Header.ID, now.Header.ID)
	}
	pairs := c.lines(matches, measures, base.observed(baseIndex), now.observed(newIndex))
	if len(pairs) == 0 {
		return nil, fmt.Errorf("%w: no config has samples in both %s and %s", ErrNothing, base.Header.ID, now.Header.ID)
	}
	return pairs, nil
}

// comeAndGone names the configs that only one of two runs has.
func (c *Comparison) comeAndGone(base, now runfile.Header, baseIndex, newIndex map[coldstart.Config]int) {
	columns, at := columnsOf(runfile.Header{Configs: slices.Concat(base.Configs, now.Configs)})
	for _, alone := range []struct {
		of    []runfile.Config
		other map[coldstart.Config]int
		what  string
	}{
		{base.Configs, newIndex, "gone: the new run does not have it."},
		{now.Configs, baseIndex, "new: the base run does not have it."},
	} {
		for _, r := range alone.of {
			if _, both := alone.other[r.Config]; !both && r.Before == "" {
				c.Notes = append(c.Notes, columns[at[r.Config]].Title+" is "+alone.what)
			}
		}
	}
}

// matches finds the configs that two runs have in common, and the controls among
// them. Images that a run measured again for another one's sake are not its own.
func (c *Comparison) matches(columns []Column, index map[coldstart.Config]int, before, after map[coldstart.Config]runfile.Config) []match {
	var list []match
	var setup, renamed []string
	for i, column := range columns {
		j, ok := index[column.Config]
		if !ok || column.Before != "" {
			continue
		}
		was, is := before[column.Config], after[column.Config]
		change := is.Change(was)
		switch change {
		case runfile.ChangeNone:
			c.Controls = append(c.Controls, column.Title)
		case runfile.ChangeSetup:
			setup = append(setup, column.Title)
		}
		if is.Renamed(was) {
			renamed = append(renamed, column.Title)
		}
		list = append(list, match{column: column, base: j, now: i, image: string(change)})
	}
	if len(setup) > 0 {
		c.Notes = append(c.Notes, "The image is the same, but entrypoint, command, working directory or environment changed: "+strings.Join(setup, ", ")+".")
	}
	if len(renamed) > 0 {
		c.Notes = append(c.Notes, renamedNote+strings.Join(renamed, ", ")+".")
	}
	return list
}

const renamedNote = "Another image ID, but the same content: "

// lines adds a line for each config, measure and quantile of both sides.
func (c *Comparison) lines(matches []match, measures []measure, was, is observed) []pair {
	var pairs []pair
	for _, m := range matches {
		for _, of := range measures {
			p := pair{control: m.image == string(runfile.ChangeNone), was: was.of(m.base, of.class), is: is.of(m.now, of.class), metric: of.metric.Name}
			p.base, p.now = p.was.ordered(p.metric), p.is.ordered(p.metric)
			if p.base.N() == 0 || p.now.N() == 0 {
				c.lacks(m, of, p, was.has(of.class), is.has(of.class))
				continue
			}
			for _, q := range []float64{0.5, 0.9} {
				if enough := stats.MinSamples(q, Confidence); q > 0.5 && min(p.base.N(), p.now.N()) < enough {
					continue
				}
				d := Row{Title: m.column.Title, Config: m.column.Config,
					Image: m.image, Class: string(of.class), Metric: of.metric.Name, Unit: of.metric.Unit, Quantile: q,
					Base: estimate(p.base, q), New: estimate(p.now, q), BaseN: p.base.N(), NewN: p.now.N()}
				if q == 0.5 {
					d.Whole = wholly(p.now, p.base)
				}
				c.Lines, pairs = append(c.Lines, d), append(pairs, p)
			}
		}
	}
	family := make([]*Difference, len(c.Lines))
	for i := range c.Lines {
		family[i] = c.Lines[i].Whole
	}
	adjust(family)
	return pairs
}

// lacks notes that a config can't be compared. That a side has no sample of the
// class in any config is how it was asked for.
func (c *Comparison) lacks(m match, of measure, p pair, wasAsked, isAsked bool) {
	if !wasAsked || !isAsked {
		return
	}
	base, now := "the base run", "the new run"
	if c.Interleaved {
		base, now = "its image before", "its present image"
	}
	where := now
	switch {
	case p.base.N()+p.now.N() == 0:
		where = "either"
	case p.base.N() == 0:
		where = base
	}
	c.Notes = append(c.Notes, fmt.Sprintf("%s: no %s %s of %s was measured, so that nothing can be said of it.", m.column.Title, of.class, of.metric.Name, where))
	if !p.control {
		c.missing++
	}
}

func configsOf(h runfile.Header) map[coldstart.Config]runfile.Config {
	configs := map[coldstart.Config]runfile.Config{}
	for _, c := range h.Configs {
		configs[c.Config] = c
	}
	return configs
}
