package analysis

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"coldbench/bench/internal/runfile"
)

// ErrNotAgainst is wrapped by CompareBefore's error for a run without --against.
var ErrNotAgainst = errors.New("the run was not made with --against")

// CompareBefore sets each variant of a run against the image that it had in the run
// of --against: both were measured in turns, with no drift of the host between them.
func CompareBefore(run *runfile.Run, how CompareOptions) (*Comparison, error) {
	if run == nil {
		return nil, ErrNothing
	}
	h := run.Header
	if h.Plan.Against == "" {
		return nil, fmt.Errorf("%w: there is nothing in %s to compare", ErrNotAgainst, h.ID)
	}
	measures, err := measuresOf(how.Metrics)
	if err != nil {
		return nil, err
	}
	columns, index := columnsOf(h)
	o := recorded{run, samplesOf(run)}.observed(index)
	c := newComparison(h.Plan.Against, h.ID)
	c.Interleaved = true
	var matches []match
	for i, column := range columns {
		if b := beforeColumn(columns, column); b >= 0 {
			matches = append(matches, match{column: column, base: b, now: i, image: "changed"})
		}
	}
	same := unchanged(columns)
	c.Notes = append(c.Notes, beforeNotes(h, columns)...)
	pairs := c.lines(matches, measures, o, o)
	for _, r := range configsIn(h, columns) {
		if r.SetupChanged {
			c.missing++
		}
	}
	for _, u := range h.Unavailable {
		if u.Before != "" {
			c.Notes = append(c.Notes, fmt.Sprintf("%s can't be compared: %s.", u.Before, u.Error))
			c.missing++
		}
	}
	switch {
	case len(matches) == 0 && len(same) == 0:
		return nil, fmt.Errorf("%w: none of the images of run %s was measured in %s", ErrNothing, h.Plan.Against, h.ID)
	case len(pairs) == 0 && len(same) == 0:
		return nil, fmt.Errorf("%w: no variant of %s has samples of both its images", ErrNothing, h.ID)
	}
	c.judge(pairs, how)
	c.explain(pairs)
	return c, nil
}

// beforeNotes explain the columns of images of another run.
func beforeNotes(h runfile.Header, columns []Column) []string {
	if h.Plan.Against == "" {
		return nil
	}
	var list, fresh []string
	same := unchanged(columns)
	if slices.ContainsFunc(columns, func(c Column) bool { return c.Before != "" }) {
		list = append(list, fmt.Sprintf("before: the image that the variant had in run %s, measured again in this one, in the same rounds: no drift of the host lies between the two. Entrypoint, command and environment are today's for both.", h.Plan.Against))
	}
	if len(same) > 0 {
		list = append(list, fmt.Sprintf("The image is the one of run %s, and was measured once: %s.", h.Plan.Against, strings.Join(same, ", ")))
	}
	list = append(list, unchangedNotes(h, columns)...)
	gone := map[string]bool{}
	for _, u := range h.Unavailable {
		gone[u.Before] = true
	}
	for _, c := range columns {
		if c.Before == "" && !c.Control && !c.Unchanged && !gone[c.Variant] && beforeColumn(columns, c) < 0 {
			fresh = append(fresh, c.Title)
		}
	}
	if len(fresh) > 0 {
		list = append(list, fmt.Sprintf("Run %s has no image to set against: %s.", h.Plan.Against, strings.Join(fresh, ", ")))
	}
	return list
}

// unchangedNotes list the unchanged images with another ID or another setup.
func unchangedNotes(h runfile.Header, columns []Column) []string {
	var list, renamed, setup []string
	for i, c := range configsIn(h, columns) {
		if c.ImageIDBefore != "" {
			renamed = append(renamed, columns[i].Title)
		}
		if c.SetupChanged {
			setup = append(setup, columns[i].Title)
		}
	}
	if len(renamed) > 0 {
		list = append(list, renamedNote+strings.Join(renamed, ", ")+".")
	}
	if len(setup) > 0 {
		list = append(list, fmt.Sprintf("Entrypoint, command, working directory or environment differ from run %s; this change is not compared: %s.", h.Plan.Against, strings.Join(setup, ", ")))
	}
	return list
}

func configsIn(h runfile.Header, columns []Column) []runfile.Config {
	of := configsOf(h)
	var list []runfile.Config
	for _, c := range columns {
		list = append(list, of[c.Config])
	}
	return list
}

// unchanged lists the columns whose image is the one of the run of --against.
func unchanged(columns []Column) []string {
	var list []string
	for _, c := range columns {
		if c.Unchanged {
			list = append(list, c.Title)
		}
	}
	return list
}
