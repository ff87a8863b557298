package analysis

import (
	"fmt"
	"math"
	"slices"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/runfile"
	"coldbench/bench/internal/stats"
)

// observed holds the samples of a run by column and class, in the order in
// which they were taken, and by environment within.
type observed struct {
	samples map[cell]*[]environment
	// foreign counts samples of configs that the header does not name, other
	// those of another strategy than the run's.
	foreign int
	other   map[string]int
}

type cell struct {
	column int
	class  coldstart.Class
}

// environment holds the invocations of one class in one execution environment.
type environment struct {
	name        string
	invocations []*coldstart.Sample
}

// classes in the order of tables.
func classes() []coldstart.Class {
	return []coldstart.Class{coldstart.ClassCold, coldstart.ClassSuppressedInit, coldstart.ClassFirstWarm, coldstart.ClassWarm}
}

// observe groups the samples of a run. Cold samples whose strategy is not the
// plan's are counted and left out: strategies are never pooled.
func observe(run *runfile.Run, index map[coldstart.Config]int) observed {
	o := observed{samples: map[cell]*[]environment{}, other: map[string]int{}}
	place := map[cell]map[string]int{}
	for i := range run.Samples {
		s := &run.Samples[i]
		column, ok := index[s.Config]
		if !ok {
			o.foreign++
			continue
		}
		if want := run.Header.Plan.Strategy; s.Start == coldstart.Cold && want != "" && s.Strategy != want {
			o.other[s.Strategy]++
			continue
		}
		c := cell{column, s.Class}
		name := s.Environment
		if name == "" {
			name = fmt.Sprintf("round %d", s.Round)
		}
		if o.samples[c] == nil {
			o.samples[c], place[c] = &[]environment{}, map[string]int{}
		}
		at, ok := place[c][name]
		if !ok {
			at = len(*o.samples[c])
			place[c][name] = at
			*o.samples[c] = append(*o.samples[c], environment{name: name})
		}
		e := &(*o.samples[c])[at]
		e.invocations = append(e.invocations, s)
	}
	return o
}

// environments returns what was observed of a column and class.
func (o observed) environments(column int, class coldstart.Class) []environment {
	if e := o.samples[cell{column, class}]; e != nil {
		return *e
	}
	return nil
}

// has reports whether there is a sample of the class at all.
func (o observed) has(class coldstart.Class) bool {
	for c := range o.samples {
		if c.class == class {
			return true
		}
	}
	return false
}

// any reports whether there is a sample of the class in any column.
func (o observed) any(columns int, class coldstart.Class) bool {
	for c := range columns {
		if len(o.environments(c, class)) > 0 {
			return true
		}
	}
	return false
}

// values returns one value for each environment, the median of its
// invocations, and counts invocations with and without the metric.
func values(environments []environment, m coldstart.Metric) (v []float64, invocations, missing int) {
	var of []float64
	for _, e := range environments {
		of = of[:0]
		for _, s := range e.invocations {
			if x, ok := m.Value(*s); ok && !math.IsNaN(x) && !math.IsInf(x, 0) {
				of = append(of, x)
			} else {
				missing++
			}
		}
		invocations += len(of)
		switch len(of) {
		case 0:
		case 1:
			v = append(v, of[0])
		default:
			x, _ := stats.Order(of).Median()
			v = append(v, x)
		}
	}
	return v, invocations, missing
}

// metricOf returns the metric of a name that MetricsOf lists.
func metricOf(name string) coldstart.Metric {
	all := coldstart.MetricsOf()
	return all[slices.IndexFunc(all, func(m coldstart.Metric) bool { return m.Name == name })]
}
