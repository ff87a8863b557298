// Package stats summarizes and compares []float64. It knows no units and
// nothing of Lambda.
//
// It assumes no distribution: the centre is the median, and intervals are those
// of order statistics, exact for any continuous distribution and conservative if
// values tie. An end that too few values cannot bound is infinite; MinSamples
// says how many would do. There is no mean: one slow start moves it anywhere.
// Values are independent of one another, unless Groups says which are alike.
//
// A value that is not finite is no measurement and is left out. No function but
// Sort changes a slice that it is given. Each formula names its source.
package stats
