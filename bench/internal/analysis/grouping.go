package analysis

import (
	"fmt"
	"strings"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/stats"
)

// grouping says which environments are alike for reasons of their own.
type grouping struct {
	samples *Samples
	// sessions is the number of runs that were joined, at least 1; burst the
	// number of cold starts of one burst, 0 where there were no bursts.
	sessions, burst int
}

// by names what intervals are made over: "sessions" where there are enough, else
// "bursts" where there were any; empty where environments are independent.
func (g grouping) by() string {
	switch {
	case g.sessions >= stats.MinGroups:
		return "sessions"
	case g.burst > 1:
		return "bursts"
	}
	return ""
}

// burstOf numbers the bursts of all sessions from 0.
func (g grouping) burstOf(environment, round int32) int32 {
	session, first := g.samples.session(environment), int32(0)
	if len(g.samples.begins) > 0 {
		first = g.samples.begins[session].round
	}
	each := g.samples.rounds/int32(g.burst) + 1
	return session*each + max(0, round-first-1)/int32(g.burst)
}

func (u *units) assign(g grouping) {
	seen := make([]bool, g.samples.environments)
	sessions, bursts := map[int32]bool{}, map[int32]bool{}
	for i, e := range u.environment {
		if seen[e] {
			continue
		}
		seen[e] = true
		session := g.samples.session(e)
		sessions[session] = true
		group := session
		if g.burst > 1 {
			burst := g.burstOf(e, u.round[i])
			bursts[burst] = true
			if g.by() == "bursts" {
				group = burst
			}
		}
		if g.by() != "" {
			u.group = append(u.group, group)
		}
	}
	u.sessions, u.bursts = len(sessions), len(bursts)
}

// groups returns the values in their groups; false if environments are independent.
func (u *units) groups(name string) (stats.Groups, bool) {
	if u.group == nil {
		return stats.Groups{}, false
	}
	g, ok := u.grouped[name]
	if !ok {
		if u.grouped == nil {
			u.grouped = map[string]stats.Groups{}
		}
		values := u.metric(name)
		g = stats.Group(values, u.group[:len(values)])
		u.grouped[name] = g
	}
	return g, true
}

func (g grouping) notes(columns []Column, o observed) []string {
	var list []string
	most := 0
	for i := range columns {
		most = max(most, o.of(i, coldstart.ClassCold).bursts)
	}
	const how = "are drawn again, whole, in a bootstrap from a fixed seed (Davison and Hinkley 1997, 3.8), and Student's t allows for their number (Hesterberg 2015). No interval is narrower than that of independent environments."
	switch {
	case g.by() == "sessions":
		list = append(list, fmt.Sprintf("Intervals hold what differs from session to session: the %d sessions "+how, g.sessions))
	case g.by() == "bursts" && most >= stats.MinGroups:
		list = append(list, "The cold starts of one burst are alike: the bursts "+how)
	case g.by() == "bursts":
		list = append(list, fmt.Sprintf("The cold starts of one burst are alike, and this run has %s, too few to know what differs from burst to burst: intervals take all cold starts as independent, and are too narrow where bursts differ. A smaller --burst makes more of them.", plan.Plural(most, "burst")))
	}
	if g.sessions == 2 {
		list = append(list, fmt.Sprintf("2 sessions are too few to know what differs from session to session: intervals take them as one, and are too narrow where they differ. %d sessions and more say.", stats.MinGroups))
	}
	return list
}

// differing says of which columns sessions or bursts differ by more than chance,
// and from where to where their medians go: a sentence for each class.
func differing(columns []Column, o observed, only string) []string {
	var list []string
	for _, class := range o.among(only, classes()...) {
		var which []string
		for i, c := range columns {
			g, ok := o.of(i, class).groups("total")
			// One in a hundred classes that do not may be named.
			if !ok || g.N() < stats.MinGroups || g.Differ() > 0.01/float64(len(columns)) {
				continue
			}
			lo, hi, _ := g.Medians()
			which = append(which, fmt.Sprintf("%.3g to %.3g ms (%s)", lo, hi, c.Title))
		}
		if len(which) > 0 {
			list = append(list, fmt.Sprintf("The %s differ by more than chance, %s: their medians go from %s.", o.by(), class, strings.Join(which, ", ")))
		}
	}
	return list
}
