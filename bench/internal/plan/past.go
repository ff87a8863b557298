package plan

import "coldbench/bench/internal/coldstart"

// Past is what there is of a run that was interrupted, in the order it was
// taken. A start that was made is not made again: where an environment had not
// served all of its warm invocations when the run ended, they stay missing.
type Past struct {
	Samples []coldstart.Sample
	Rejects []coldstart.Attempt
	// Failures are the attempts that failed.
	Failures []coldstart.Attempt
	// Deployed are the images that were about to be started for the first time.
	Deployed []coldstart.Deployed
}
