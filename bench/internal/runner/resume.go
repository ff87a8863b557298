package runner

import (
	"errors"

	"coldbench/bench/internal/coldstart"
)

type cell struct {
	config coldstart.Config
	round  int
}

type slot struct {
	settled  bool // its cold start was made or has failed
	attempts int  // at the cold start, none of them proved
}

func (r *run) slot(c coldstart.Config, round int) slot {
	if past := r.cells[cell{c, round}]; past != nil {
		return *past
	}
	return slot{}
}

func (r *run) replay() {
	byConfig := map[coldstart.Config]*config{}
	for _, c := range r.configs {
		byConfig[c.Config] = c
	}
	at := func(c coldstart.Config, round, seq int) (*config, *slot) {
		r.seq = max(r.seq, seq)
		k := cell{c, round}
		if r.cells[k] == nil {
			r.cells[k] = &slot{}
		}
		conf := byConfig[c]
		if conf == nil {
			conf = &config{} // no longer of the plan: counted, and no more
		}
		return conf, r.cells[k]
	}
	for _, s := range r.Past.Samples {
		conf, slot := at(s.Config, s.Round, s.Seq)
		r.res.Samples++
		conf.attempts++
		slot.settled = slot.settled || s.Start == coldstart.Cold
		r.keep(conf, s)
	}
	for _, a := range r.Past.Failures {
		conf, slot := at(a.Config, a.Round, a.Seq)
		r.res.Failures++
		conf.attempts++
		conf.failed++
		slot.settled = slot.settled || a.Want == coldstart.Cold
	}
	for _, a := range r.Past.Rejects {
		conf, slot := at(a.Config, a.Round, a.Seq)
		r.res.Rejects++
		if a.Want == coldstart.Cold {
			slot.attempts = max(slot.attempts, a.Attempt)
		}
		if a.Attempt > r.Retries {
			r.res.Unproved++
			conf.attempts++
			conf.failed++
			slot.settled = slot.settled || a.Want == coldstart.Cold
		}
	}
	for _, d := range r.Past.Deployed {
		if c := byConfig[d.Config]; c != nil {
			c.deployed.note(d)
		}
	}
	for _, c := range r.configs {
		c.gaveUp = c.shouldGiveUp()
		if c.gaveUp {
			r.res.GaveUp = append(r.res.GaveUp, GaveUp{
				Config: c.Config, Failed: c.failed, Attempts: c.attempts,
				Last: coldstart.InvocationError{Err: errors.New("it was given up before the run was resumed")},
			})
		}
	}
}
