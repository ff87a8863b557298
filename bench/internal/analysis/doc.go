// Package analysis turns runs into a report: a pure function of the run files,
// without a clock, a machine or a random number, so that a report made later
// and elsewhere is the same to the byte.
//
// It is opinionated. Classes and strategies are never pooled. The unit of
// every interval is the execution environment: of the warm invocations of one
// environment the median counts, once, because they are alike for reasons of
// their own and would otherwise be counted as if they were not. A quantile
// whose interval has an open end is reported as such. Values that do not fit
// (a Billed Duration that is not the ceiling of its parts, a metric that was
// not measured) are named in a warning and never repaired.
//
// It draws and formats nothing but the sentences of notes and warnings.
package analysis
