package analysis

import (
	"fmt"
	"slices"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runfile"
)

// Session is one of several runs that are reported on as one.
type Session struct {
	Run string `json:"run"`
	// File is the name of the run's file without a folder; empty for none.
	File    string `json:"file,omitempty"`
	Started string `json:"started"`
}

// Runs are the IDs of the section's runs, the oldest first.
func (s *Section) Runs() []string {
	if len(s.Sessions) == 0 {
		return []string{s.Run}
	}
	var list []string
	for _, one := range s.Sessions {
		list = append(list, one.Run)
	}
	return list
}

// Files are the names of the section's run files, the oldest first.
func (s *Section) Files() []string {
	list := []string{s.File}
	if len(s.Sessions) > 0 {
		list = nil
	}
	for _, one := range s.Sessions {
		list = append(list, one.File)
	}
	return slices.DeleteFunc(list, func(name string) bool { return name == "" })
}

// together makes one input of the runs that are sessions of one measurement, see
// apart. Others of one place and engine stay apart, and say why. A run that is given
// twice counts once. Inputs are in the order of sorted.
func together(inputs []Input) []Input {
	var groups [][]Input
	// An ID is a time and an engine: two hosts may have runs of one.
	type run struct{ id, host string }
	seen := map[run]bool{}
	for _, in := range inputs {
		h := in.Run.Header
		key := run{h.ID, h.Host.Fingerprint}
		if h.ID != "" && seen[key] {
			continue
		}
		seen[key] = true
		at := slices.IndexFunc(groups, func(g []Input) bool {
			o := g[0].Run.Header
			if o.Place() != h.Place() || o.Engine != h.Engine {
				return false
			}
			why := apart(o, h)
			if why != "" && in.apart == "" {
				in.apart = fmt.Sprintf("Not a session of run %s: %s.", o.ID, why)
			}
			return why == ""
		})
		if at < 0 {
			groups = append(groups, []Input{in})
		} else {
			groups[at] = append(groups[at], in)
		}
	}
	var list []Input
	for _, g := range groups {
		list = append(list, joined(g))
	}
	return list
}

// apart says why two runs are no sessions of one measurement; empty if they are.
func apart(a, b runfile.Header) string {
	p, q := a.Plan, b.Plan
	for _, x := range []*plan.Plan{&p, &q} {
		x.Seed, x.Runs, x.Retries, x.Precision = 0, 0, 0, ""
	}
	configs := func(h runfile.Header) []coldstart.Config {
		var list []coldstart.Config
		for _, c := range h.Configs {
			list = append(list, c.Config)
		}
		return list
	}
	switch {
	case a.Rehearsal != b.Rehearsal:
		return "it was made at another endpoint"
	case a.Host.Fingerprint != b.Host.Fingerprint:
		return "its host is another one"
	case a.Host.EngineVersion != b.Host.EngineVersion:
		return fmt.Sprintf("the engine's version is %s, not %s", b.Host.EngineVersion, a.Host.EngineVersion)
	case !a.SameStorage(b):
		return fmt.Sprintf("the engine's storage driver is %s, not %s", b.StorageDriver(), a.StorageDriver())
	case a.Limits != b.Limits:
		return "its limits are others"
	case !slices.Equal(configs(a), configs(b)):
		return "its configs are others"
	case !p.Equal(q):
		return "its plan is another one"
	}
	for i, c := range a.Configs {
		other := b.Configs[i]
		if !c.Image.Identity().Same(other.Image.Identity()) || c.Function != nil && other.Function != nil && *c.Function != *other.Function {
			return "the image of " + c.Config.String() + " is another one"
		}
		if c.Change(other) == runfile.ChangeSetup {
			return "entrypoint, command, working directory or environment of " + c.Config.String() + " differ"
		}
	}
	return ""
}

// joined makes one input of sessions, the newest first.
func joined(sessions []Input) Input {
	latest := sessions[0]
	if len(sessions) == 1 {
		return latest
	}
	run := *latest.Run
	run.Header.Plan.Runs, run.Header.Plan.Redeploy, run.Header.Reference = 0, 0, ""
	run.Samples, run.Rejects, run.Failures, run.Resumes, run.Warnings = nil, nil, nil, nil, nil
	out := Input{Run: &run, apart: latest.apart, command: latest.Run.Header, Samples: &Samples{kept: map[kind]*column{}}}
	for _, in := range slices.Backward(sessions) {
		h := in.Run.Header
		out.Sessions = append(out.Sessions, Session{Run: h.ID, File: fileOf(in.Run), Started: h.Started})
		run.Header.Plan.Runs += h.Plan.Runs
		run.Header.Plan.Redeploy += h.Plan.Redeploy
		run.Header.Warnings = append(slices.Clip(run.Header.Warnings), h.Warnings...)
		run.Rejects, run.Failures = append(run.Rejects, in.Run.Rejects...), append(run.Failures, in.Run.Failures...)
		run.Resumes, run.Warnings = append(run.Resumes, in.Run.Resumes...), append(run.Warnings, in.Run.Warnings...)
		out.Samples.join(in.samples())
	}
	run.End = endOf(sessions)
	out.renamed = renamedIn(sessions)
	return out
}

// renamedIn names the configs whose image only has another ID in a session.
func renamedIn(sessions []Input) []string {
	var titles []string
	latest := sessions[0].Run.Header
	columns, index := columnsOf(latest)
	for i, c := range latest.Configs {
		if slices.ContainsFunc(sessions[1:], func(in Input) bool { return c.Renamed(in.Run.Header.Configs[i]) }) {
			titles = append(titles, columns[index[c.Config]].Title)
		}
	}
	return titles
}

// endOf makes one end of those of sessions, the newest first; nil where one of
// them did not end. What a reader of one should know, a reader of all should.
func endOf(sessions []Input) *runfile.End {
	if slices.ContainsFunc(sessions, func(in Input) bool { return in.Run.End == nil }) {
		return nil
	}
	end := *sessions[0].Run.End
	end.Warnings, end.Host = nil, nil
	for _, in := range slices.Backward(sessions) {
		e := in.Run.End
		if e.Stopped != runfile.StoppedPlan {
			end.Stopped = e.Stopped
		}
		end.Warnings = append(end.Warnings, e.Warnings...)
		end.Host = busier(end.Host, e.Host)
	}
	return &end
}

// busier returns of two machines' loads the shares that are greater; nil is none.
func busier(a, b *runfile.HostLoad) *runfile.HostLoad {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	busiest := *a
	if b.BusyShare != nil && (a.BusyShare == nil || *b.BusyShare > *a.BusyShare) {
		busiest.BusyShare, busiest.WaitedS = b.BusyShare, b.WaitedS
	}
	if b.StolenShare != nil && (a.StolenShare == nil || *b.StolenShare > *a.StolenShare) {
		busiest.StolenShare = b.StolenShare
	}
	return &busiest
}

// join appends a later session: its environments are others, its rounds go on.
func (k *Samples) join(other *Samples) {
	rounds := k.rounds
	for of, c := range other.kept {
		to := k.kept[of]
		if to == nil {
			to = &column{values: make([][]float64, len(metrics))}
			k.kept[of] = to
		}
		at := len(to.environment)
		for i, e := range c.environment {
			to.environment = append(to.environment, k.environments+e)
			to.round = append(to.round, rounds+c.round[i])
		}
		for m, list := range c.values {
			to.values[m] = appended(to.values[m], at, list)
		}
		to.ahead += c.ahead
		for i, p := range c.after {
			to.setAfter(at+i, p)
		}
	}
	k.begins = append(k.begins, begin{k.environments, rounds})
	k.environments += other.environments
	k.rounds += other.rounds
	k.n += other.n
	if k.strategy == nil {
		k.strategy = other.strategy
	}
	k.odd.n += other.odd.n
	k.odd.examples = append(k.odd.examples, other.odd.examples...)
	k.odd.examples = k.odd.examples[:min(len(k.odd.examples), mostExamples)]
}

// appended appends a list at a place at or beyond the end of another.
func appended(to []float64, at int, list []float64) []float64 {
	for i, v := range list {
		put(&to, at+i, v)
	}
	return to
}

// begin is a session's first environment and the round before its first.
type begin struct{ environment, round int32 }

func (k *Samples) session(environment int32) int32 {
	i, found := slices.BinarySearchFunc(k.begins, environment, func(b begin, e int32) int { return int(b.environment) - int(e) })
	if !found {
		i--
	}
	return int32(max(i, 0))
}
