package analysis

import (
	"math"
	"slices"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/stats"
)

// observed holds the samples of a run by the report's columns and classes.
type observed struct {
	units map[cell]*units
	// foreign counts samples of unknown configs, other those of other strategies.
	foreign int
	other   map[string]int
	grouping
}

type cell struct {
	column int
	class  coldstart.Class
}

// classes in the order of tables.
func classes() []coldstart.Class {
	return []coldstart.Class{coldstart.ClassCold, coldstart.ClassSuppressedInit, coldstart.ClassFirstWarm, coldstart.ClassWarm}
}

// observe sorts samples into columns. Cold samples of another strategy than the
// plan's, or the first sample's if the plan has none, are counted and left out.
func observe(k *Samples, plan plan.Plan, index map[coldstart.Config]int) observed {
	strategy := plan.Strategy
	if strategy == "" && k.strategy != nil {
		strategy = *k.strategy
	}
	o := observed{units: map[cell]*units{}, other: map[string]int{}, grouping: grouping{k, max(1, len(k.begins)), plan.Burst}}
	for of, c := range k.kept {
		at, ok := index[of.config]
		switch n := len(c.environment); {
		case !ok:
			o.foreign += n
		case !warm(of.class) && of.strategy != strategyOf(strategy, of.class):
			o.other[of.strategy] += n
		default:
			o.units[cell{at, of.class}] = newUnits(c, o.grouping)
		}
	}
	return o
}

// strategyOf is how the cold starts of a class are forced in a run of a strategy.
func strategyOf(run string, class coldstart.Class) string {
	if run == byDeployment && class != coldstart.ClassFirstAfterDeploy {
		return afterDeploymentBy
	}
	return run
}

// of returns what was observed of a column and class, which may be nothing.
func (o observed) of(column int, class coldstart.Class) *units {
	if u := o.units[cell{column, class}]; u != nil {
		return u
	}
	return &units{column: &column0}
}

func (o observed) has(class coldstart.Class) bool {
	for c := range o.units {
		if c.class == class {
			return true
		}
	}
	return false
}

// among are those of the classes that there are samples of and that are shown.
func (o observed) among(only string, classes ...coldstart.Class) []coldstart.Class {
	return slices.DeleteFunc(classes, func(c coldstart.Class) bool { return !shown(c, only) || !o.has(c) })
}

var column0 = column{values: make([][]float64, len(metrics))}

// units are the environments of a column and class, in order of first samples.
type units struct {
	*column
	n int
	// samples lists the column's by environment, those of environment e from
	// start[e] to start[e+1]; nil where each environment has one.
	samples, start []int32
	// sessions and bursts count those that the environments are of; group is the
	// number of each one's, nil where they are independent.
	sessions, bursts int
	group            []int32
	sorted           map[string]stats.Ordered
	grouped          map[string]stats.Groups
}

func newUnits(c *column, g grouping) *units {
	u := &units{column: c}
	u.assign(g)
	place := make([]int32, g.samples.environments)
	for i := range place {
		place[i] = -1
	}
	var size []int32
	for _, e := range c.environment {
		if place[e] < 0 {
			place[e] = int32(len(size))
			size = append(size, 0)
		}
		size[place[e]]++
	}
	u.n = len(size)
	if u.n == len(c.environment) {
		return u
	}
	u.start = make([]int32, u.n+1)
	for e, n := range size {
		u.start[e+1] = u.start[e] + n
	}
	next := slices.Clone(u.start[:u.n])
	u.samples = make([]int32, len(c.environment))
	for i, e := range c.environment {
		p := place[e]
		u.samples[next[p]] = int32(i)
		next[p]++
	}
	return u
}

func (u *units) invocations() int { return len(u.environment) }

// each returns one value for each environment, the median of its samples, NaN
// where none was measured; nil where none of any was. It must not be changed.
func (u *units) each(list []float64) []float64 {
	if len(list) == 0 {
		return nil
	}
	if u.samples == nil {
		if len(list) == u.n {
			return list
		}
		// The last ones were not measured.
		return slices.Concat(list, slices.Repeat([]float64{math.NaN()}, u.n-len(list)))
	}
	values := make([]float64, u.n)
	var of []float64
	for e := range values {
		of = of[:0]
		for _, i := range u.samples[u.start[e]:u.start[e+1]] {
			if int(i) < len(list) && !math.IsNaN(list[i]) {
				of = append(of, list[i])
			}
		}
		values[e] = math.NaN()
		if v, ok := stats.Sort(of).Median(); ok {
			values[e] = v
		}
	}
	return values
}

func (u *units) metric(name string) []float64 { return u.each(u.values[placeOf(name)]) }

func (u *units) measured(name string) int {
	n := 0
	for _, v := range u.values[placeOf(name)] {
		if !math.IsNaN(v) {
			n++
		}
	}
	return n
}

// inOrder returns the values of the environments that have one, in the order in
// which they were taken. It must not be changed.
func (u *units) inOrder(name string) []float64 {
	v := u.metric(name)
	if !slices.ContainsFunc(v, math.IsNaN) {
		return v
	}
	return slices.DeleteFunc(slices.Clone(v), math.IsNaN)
}

// ordered returns the values of the environments that have one, sorted.
func (u *units) ordered(name string) stats.Ordered {
	o, ok := u.sorted[name]
	if !ok {
		if u.sorted == nil {
			u.sorted = map[string]stats.Ordered{}
		}
		o = stats.Order(u.metric(name))
		u.sorted[name] = o
	}
	return o
}

func (u *units) rounds() []int32 {
	if u.samples == nil {
		return u.round
	}
	rounds := make([]int32, u.n)
	for e := range rounds {
		rounds[e] = u.round[u.samples[u.start[e]]]
	}
	return rounds
}

func placeOf(name string) int {
	return slices.IndexFunc(metrics, func(m coldstart.Metric) bool { return m.Name == name })
}

func summarize(u *units, metric string) Summary {
	o, measured := u.ordered(metric), u.measured(metric)
	s := Summary{
		N: o.N(), Invocations: measured, Missing: u.invocations() - measured,
		Min:    optional(o.Min()),
		Median: u.estimate(metric, 0.5),
		P90:    u.estimate(metric, 0.9),
		P99:    u.estimate(metric, 0.99),
		Max:    optional(o.Max()),
		MAD:    optional(o.MAD()),
	}
	if u.sessions > 1 {
		s.Sessions = u.sessions
	}
	s.Bursts = u.bursts
	return s
}

// estimate is a quantile with its interval, over groups if there are any.
func (u *units) estimate(metric string, q float64) Estimate {
	e := estimate(u.ordered(metric), q)
	if g, ok := u.groups(metric); ok {
		iv := g.Interval(q, Confidence)
		e.Low, e.High = bound(iv.Lo), bound(iv.Hi)
	}
	return e
}

func estimated(v float64, iv stats.Interval) Estimate {
	return Estimate{Value: &v, Low: bound(iv.Lo), High: bound(iv.Hi)}
}

func estimate(o stats.Ordered, q float64) Estimate {
	iv := o.Interval(q, Confidence)
	return Estimate{Value: optional(o.Quantile(q)), Low: bound(iv.Lo), High: bound(iv.Hi)}
}

func optional(v float64, ok bool) *float64 {
	if !ok {
		return nil
	}
	return &v
}

// at is a value of a list that may be shorter, or hold NaN there.
func at(list []float64, i int) (float64, bool) {
	if i >= len(list) || math.IsNaN(list[i]) {
		return 0, false
	}
	return list[i], true
}

func bound(v float64) *float64 { return optional(v, !math.IsInf(v, 0)) }
