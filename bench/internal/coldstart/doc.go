// Package coldstart is the vocabulary of bench: what a variant, an image, a
// configuration, a sample and a backend are, and what makes a sample cold.
//
// It is opinionated about two things. A value that was not measured is absent
// (a nil pointer, a false second result), never 0. And coldness is proved, not
// assumed: a backend hands out a cold sample only with the proofs that the
// environment was new, and otherwise an error that wraps ErrNotCold.
//
// It imports the standard library only, measures nothing and prints nothing.
package coldstart
