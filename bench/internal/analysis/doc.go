// Package analysis turns runs into a report: a pure function of the run files,
// without a clock or a machine, and with no random numbers but those of a fixed
// seed, so that a report made later and elsewhere is the same to the byte.
//
// Classes and strategies are never pooled. The unit of every interval is the
// execution environment: its warm invocations are alike and count once, by their
// median. Bursts, and sessions of one measurement, are alike too: from three on,
// intervals are made over them. A quantile whose interval has an open end is
// reported as such. Values that do not fit are named in a warning, never repaired.
//
// It draws and formats nothing but the sentences of notes and warnings.
package analysis
