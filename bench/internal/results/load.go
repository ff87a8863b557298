package results

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/analysis"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runfile"
)

// Load finds the run that a name means, see Find, and reads it.
func (f Folder) Load(ctx context.Context, name string, want Want) (File, *runfile.Run, error) {
	file, err := f.Find(ctx, name, want)
	if err != nil {
		return file, nil, err
	}
	run, err := file.Run()
	return file, run, err
}

// Inputs reads the runs that names mean, or the newest of each engine if there is no
// name. No run is an error.
func (f Folder) Inputs(ctx context.Context, names []string) ([]Input, error) {
	if len(names) == 0 {
		inputs, err := f.Newest("")
		if err == nil && len(inputs) == 0 {
			err = advice.Hint(fmt.Errorf("no finished run in %s", f.Relative(f.Runs())), "bench local")
		}
		return inputs, err
	}
	var inputs []Input
	for _, name := range names {
		file, err := f.Find(ctx, name, Want{})
		if err != nil {
			return nil, err
		}
		in, err := file.Input()
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, in)
	}
	return inputs, nil
}

// Compare compares the runs that two names mean; without a base, the images in the
// other run. It warns of what is odd about their files.
func (f Folder) Compare(ctx context.Context, base, now string, how analysis.CompareOptions) (*analysis.Comparison, error) {
	_, run, err := f.loadToCompare(ctx, now, Want{})
	if err != nil {
		return nil, err
	}
	var c *analysis.Comparison
	if base == "" {
		c, err = analysis.CompareBefore(run, how)
	} else {
		file, old, readErr := f.loadToCompare(ctx, base, Like(run.Header))
		if readErr != nil {
			return nil, readErr
		}
		if how.Base = base; file.OnDisk() {
			how.Base = f.Relative(file.Path)
		}
		c, err = analysis.Compare(old, run, how)
	}
	if err == nil {
		return c, nil
	}
	err = fmt.Errorf("comparing: %w", err)
	switch {
	case errors.Is(err, analysis.ErrUnlike):
		err = advice.Hint(err, "compare runs of one backend, engine and strategy")
	case errors.Is(err, analysis.ErrNotAgainst):
		err = advice.Hint(err, "name two runs, or measure with bench local --against")
	}
	return nil, err
}

func (f Folder) loadToCompare(ctx context.Context, name string, want Want) (File, *runfile.Run, error) {
	file, run, err := f.Load(ctx, name, want)
	if err == nil {
		for _, w := range run.Warnings {
			f.Warn("%s", runfile.AnnotateWarning(f.Relative(file.Path), w))
		}
	}
	return file, run, err
}

// Experience reads the newest run of the folder that fits and has samples to go
// by. It is empty if there is none.
func (f Folder) Experience(fits func(runfile.Header) bool) (*plan.Experience, error) {
	entries, _, err := runfile.Folder(f.Runs())
	if err != nil {
		return &plan.Experience{}, err
	}
	for _, e := range slices.Backward(entries) {
		if !fits(e.Header) {
			continue
		}
		x := plan.NewExperience(e.Header.ID, e.Header.Plan.Strategy)
		if _, err := runfile.Scan(e.Path, x.Add); err != nil {
			return &plan.Experience{}, err
		}
		if x.Samples >= 2 {
			return x, nil
		}
	}
	return &plan.Experience{}, nil
}
