package cli

import (
	"fmt"
	"path/filepath"
	"time"

	"coldbench/bench/internal/runfile"
)

// printPlan says what a run would do and how long it would take, at the pace
// of the newest run of this folder.
func (a *app) printPlan(m measure, f localFlags, wanted []want, out string) error {
	colds := m.runs * len(wanted)
	warms := colds * m.warmRuns
	invocations, order := workload(colds, warms, m.runs, len(wanted))
	text := fmt.Sprintf("%s, %s (seed %d)\n", invocations, order, m.seed)
	width := 12
	for _, w := range wanted {
		width = max(width, len(w.config.Variant))
	}
	for _, w := range wanted {
		text += fmt.Sprintf("  %-*s %5d MB  %s  %s\n", width, w.config.Variant, w.config.MemoryMB, w.config.Arch, origin(w))
	}
	text += fmt.Sprintf("engine: %s\n", f.engine)
	if m.before.run != "" {
		text += fmt.Sprintf("@before is the image in run %s, which is measured where it is another one\n", m.before.run)
	}
	text += "images never started here before are started once more, as class first-after-deploy\n"
	x, err := experienced(filepath.Join(out, "runs"), func(h runfile.Header) bool {
		return h.Place() == "local" && (f.engine == "auto" || h.Engine == f.engine)
	})
	if err != nil {
		return err
	}
	if x.run == "" {
		text += "expected time: not known, for there is no earlier run to go by\n"
	} else {
		text += fmt.Sprintf("expected time: about %s, at the pace of %s\n", x.pace(colds+warms).Round(time.Second), x.run)
	}
	text += "expected cost: none\n" + x.foresee(m, plannedLocally(m, f, wanted))
	_, err = fmt.Fprint(a.Stdout, text)
	return err
}

// origin says where an image comes from.
func origin(w want) string {
	v := w.variant
	if w.before != nil {
		return short(w.before.ImageID)
	}
	if v.Build != nil {
		return filepath.Base(v.Build.Dockerfile)
	}
	return v.Image
}

// plannedLocally lists what a local run would compare: each variant with the
// baseline, and with the image that it had before. The control is left out: what
// it would show is what is said of its baseline.
func plannedLocally(m measure, f localFlags, wanted []want) []planned {
	var today, before []planned
	for _, w := range wanted {
		switch {
		case w.before != nil:
			before = append(before, planned{known: w.present()})
		case w.config.Variant != f.controlName:
			today = append(today, planned{known: w.present()})
		}
	}
	list := compared(today, m.baseline)
	title(before)
	for i, c := range before {
		before[i].from = &planned{title: "what it was before", known: c.known}
	}
	return append(list, before...)
}
