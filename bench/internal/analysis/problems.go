package analysis

import (
	"cmp"
	"fmt"
	"slices"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runfile"
)

// problemsOf counts rejects and failures by config and reason, in the order of
// the columns and then of their first appearance.
func problemsOf(run *runfile.Run, columns []Column, index map[coldstart.Config]int) []Problem {
	type key struct {
		config       coldstart.Config
		kind, reason string
	}
	list := []Problem{}
	var keys []key
	add := func(k key, example, output string) {
		i := slices.Index(keys, k)
		if i < 0 {
			i = len(list)
			name := k.config.String()
			if c, ok := index[k.config]; ok {
				name = columns[c].Title
			}
			keys, list = append(keys, k), append(list, Problem{Column: name, Kind: k.kind, Reason: k.reason})
		}
		p := &list[i]
		p.Count++
		p.Example, p.Output = cmp.Or(example, p.Example), cmp.Or(output, p.Output)
	}
	for _, r := range run.Rejects {
		add(key{r.Config, "reject", string(r.Reason)}, r.Detail, "")
	}
	for _, f := range run.Failures {
		add(key{f.Config, "failure", string(f.Reason)}, f.Error, f.Output)
	}
	place := func(p Problem) int {
		if i := slices.IndexFunc(columns, func(c Column) bool { return c.Title == p.Column }); i >= 0 {
			return i
		}
		return len(columns)
	}
	slices.SortStableFunc(list, func(a, b Problem) int { return place(a) - place(b) })
	return list
}

func alerts(run *runfile.Run, columns []Column, index map[coldstart.Config]int, o observed) []string {
	list := []string{}
	runs := run.Header.Plan.Runs
	stopped := ""
	which := "This run"
	if o.sessions > 1 {
		which = "One of the runs"
	}
	if run.End == nil {
		list = append(list, which+" did not end: what is below is what it had measured by then.")
	} else if stopped = run.End.Stopped; stopped == "interrupted" {
		list = append(list, which+" was interrupted: what is below is what it had measured by then.")
	}
	failed := make([]int, len(columns))
	for _, f := range run.Failures {
		if c, ok := index[f.Config]; ok {
			failed[c]++
		}
	}
	for i, c := range columns {
		n := o.of(i, coldstart.ClassCold).n + o.of(i, coldstart.ClassSuppressedInit).n
		complete := n >= runs || stopped == "precision" || stopped == "interrupted" || run.End == nil
		switch {
		case n == 0 && failed[i] > 0:
			list = append(list, fmt.Sprintf("%s could not be measured: %s failed.", c.Title, plan.Plural(failed[i], "attempt")))
		case !complete && failed[i] > 0:
			list = append(list, fmt.Sprintf("%s was given up after %s: it has %d of %d cold starts.", c.Title, plan.Plural(failed[i], "failure"), n, runs))
		case !complete:
			list = append(list, fmt.Sprintf("%s has %d of the %d cold starts asked for.", c.Title, n, runs))
		case failed[i] > 0:
			list = append(list, fmt.Sprintf("%s: %s failed, see Failures and rejects.", c.Title, plan.Plural(failed[i], "invocation")))
		}
	}
	return list
}
