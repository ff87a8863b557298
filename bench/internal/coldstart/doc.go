// Package coldstart is the vocabulary of bench: what a variant, an image, a
// configuration, a sample and a backend are, and what makes a sample cold.
//
// A value that was not measured is absent (a nil pointer, a false second result),
// never 0. Coldness is proved, not assumed: a backend hands out a cold sample only
// with proofs that the environment was new.
//
// It imports the standard library only, measures nothing and prints nothing.
package coldstart
