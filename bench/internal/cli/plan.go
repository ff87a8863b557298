package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"coldbench/bench/internal/runfile"
)

// printPlan says what a run would do and how long it would take, at the pace
// of the newest run of this folder.
func (a *app) printPlan(m measure, f localFlags, wanted []want, out string) error {
	colds := m.runs * len(wanted)
	warms := colds * m.warmRuns
	text := fmt.Sprintf("%s and %s, %d rounds of %s in random order (seed %d)\n",
		plural(colds, "cold start"), plural(warms, "warm invocation"), m.runs, plural(len(wanted), "config"), m.seed)
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
	took, from, err := expected(filepath.Join(out, "runs"), f.engine, colds, warms)
	if err != nil {
		return err
	}
	if from == "" {
		text += "expected time: not known, for there is no earlier run to go by\n"
	} else {
		text += fmt.Sprintf("expected time: about %s, at the pace of %s\n", took.Round(time.Second), from)
	}
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

// expected scales the newest run of the engine to a number of samples. It is
// "" where there is none.
func expected(runs, engine string, colds, warms int) (time.Duration, string, error) {
	entries, _, err := runfile.Folder(runs)
	if err != nil {
		return 0, "", err
	}
	for _, e := range slices.Backward(entries) {
		h := e.Header
		if h.Backend != "local" || (engine != "auto" && h.Engine != engine) {
			continue
		}
		run, err := runfile.Open(e.Path)
		if err != nil {
			return 0, "", err
		}
		if len(run.Samples) < 2 {
			continue
		}
		took := run.Samples[len(run.Samples)-1].At.Sub(run.Samples[0].At)
		return took * time.Duration(colds+warms) / time.Duration(len(run.Samples)), h.ID, nil
	}
	return 0, "", nil
}
