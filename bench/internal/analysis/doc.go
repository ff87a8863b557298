// Package analysis turns runs into a report: a pure function of the run files,
// without a clock or a machine, and with no random numbers but those of a fixed
// seed, so that a report made later and elsewhere is the same to the byte.
//
// It is opinionated. Classes and strategies are never pooled. The unit of
// every interval is the execution environment: of the warm invocations of one
// environment the median counts, once, because they are alike for reasons of
// their own and would otherwise be counted as if they were not. So are the cold
// starts of one burst, and the environments of one session where several runs of
// the same are reported on as one: from three on, bursts and sessions are what
// intervals are made over. Runs of anything else are never pooled. A quantile
// whose interval has an open end is reported as such. Values that do not fit
// (a Billed Duration that is not the ceiling of its parts, a metric that was
// not measured) are named in a warning and never repaired.
//
// It draws and formats nothing but the sentences of notes and warnings.
package analysis
