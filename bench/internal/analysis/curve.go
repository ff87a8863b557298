package analysis

import (
	"cmp"
	"fmt"
	"math"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runfile"
	"coldbench/bench/internal/stats"
)

// The strategies of the first cold start of an image and of those after it.
const (
	byDeployment      = "code-update"
	afterDeploymentBy = "config-update"
)

// Curve is how the cold starts of one config go on after a deployment. It judges
// nothing.
type Curve struct {
	Column int `json:"column"`
	// Points are in the order of the positions.
	Points []CurvePoint `json:"points"`
	// Factor is the median total of the first cold starts over that of the Later ones.
	Factor Estimate `json:"firstOverLater"`
	Later  int      `json:"later"`
	// Again counts the cold starts left out: their image was deployed once more.
	Again int `json:"leftOut"`
}

// CurvePoint holds one cold start of each deployment.
type CurvePoint struct {
	// From and To are the first and last position, from 0. They differ only for the
	// last point of a long curve.
	From int `json:"from"`
	To   int `json:"to"`
	N    int `json:"n"`
	// Total is the median of init + duration in ms, Init that of Init Duration.
	Total Estimate `json:"totalMs"`
	Init  Estimate `json:"initDurationMs"`
}

// longCurve is the last position that has a point of its own.
const longCurve = 10

// place is where a cold start is after a deployment, as a column keeps it.
type place int32

// noPlace is without a deployment, againPlace after an image was deployed again.
const (
	noPlace    place = -1
	againPlace place = -2
)

func placeAfter(d *coldstart.Deployment) place {
	switch {
	case d == nil:
		return noPlace
	case d.Again:
		return againPlace
	}
	return place(min(d.Position, math.MaxInt32))
}

// setAfter sets a sample's place, the ones before it being set or of no deployment.
func (c *column) setAfter(at int, p place) {
	for len(c.after) < at {
		c.after = append(c.after, noPlace)
	}
	c.after = append(c.after, p)
}

func curvesOf(columns []Column, o observed, only string) []Curve {
	list := []Curve{}
	if !shown(coldstart.ClassCold, only) {
		return list
	}
	total, init := placeOf("total"), placeOf("init")
	for i := range columns {
		c := Curve{Column: i, Points: []CurvePoint{}}
		totals, inits := map[int][]float64{}, map[int][]float64{}
		var first, later []float64
		last := -1
		for _, class := range []coldstart.Class{coldstart.ClassFirstAfterDeploy, coldstart.ClassCold} {
			u := o.of(i, class)
			for k, p := range u.after {
				if p == againPlace {
					c.Again++
				}
				if p < 0 {
					continue
				}
				last = max(last, int(p))
				point := min(int(p), longCurve+1)
				if v, ok := at(u.values[init], k); ok {
					inits[point] = append(inits[point], v)
				}
				v, ok := at(u.values[total], k)
				if !ok {
					continue
				}
				totals[point] = append(totals[point], v)
				if p == 0 {
					first = append(first, v)
				} else {
					later = append(later, v)
				}
			}
		}
		if last < 0 {
			continue
		}
		for point := 0; point <= min(last, longCurve+1); point++ {
			p := CurvePoint{From: point, To: point}
			if point > longCurve {
				p.To = last
			}
			values := stats.Order(totals[point])
			p.N, p.Total, p.Init = values.N(), estimate(values, 0.5), estimate(stats.Order(inits[point]), 0.5)
			c.Points = append(c.Points, p)
		}
		rest := stats.Order(later)
		c.Later = rest.N()
		if r, ok := stats.RatioOf(stats.Order(first), rest, 0.5, Confidence); ok {
			c.Factor = estimated(r.Value, r.Interval)
		}
		list = append(list, c)
	}
	return list
}

func curveNotes(h runfile.Header, curves []Curve) []string {
	if len(curves) == 0 {
		return nil
	}
	list := []string{fmt.Sprintf("The cold starts of the first table follow %s of each config, and the first one after each is not among them: see After a deployment.",
		plan.Plural(h.Plan.Redeploy, "deployment"))}
	again := 0
	few := false
	for _, c := range curves {
		again += c.Again
		few = few || c.Factor.Value != nil && !c.Factor.Bounded()
	}
	if again > 0 {
		list = append(list, fmt.Sprintf("Left out of After a deployment: %s that the run took when it was resumed, for which the image had to be deployed once more.",
			plan.Plural(again, "cold start")))
	}
	if few {
		list = append(list, fmt.Sprintf("How many times as long a first cold start takes has an interval from %d deployments on.", stats.MinSamples(0.5, Confidence)))
	}
	return list
}

func forcedBy(p plan.Plan) string {
	if p.Redeploy > 0 {
		return fmt.Sprintf("%s, after %s of each config (%s)", afterDeploymentBy, plan.Plural(p.Redeploy, "deployment"), byDeployment)
	}
	return cmp.Or(p.Strategy, "a strategy that was not recorded")
}
