package results

import (
	"slices"

	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runfile"
)

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
