// Package runner takes the samples of a run: round after round it starts every
// configuration once, in an order of the round's own, invokes the warm ones,
// closes the environment, and hands each sample to a sink the moment it exists.
//
// Configurations are interleaved, so that a machine that slows down slows all of
// them down. The order of a round follows from the seed and the round's number
// alone, so that a resumed run has the rounds it would have had. A failure is
// recorded and counted, never replaced by another try: a function that fails now
// and then would look sound. Only what was served but not proved is tried again.
//
// It measures nothing, keeps no samples, and knows no file and no table.
package runner
