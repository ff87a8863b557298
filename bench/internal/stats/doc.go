// Package stats summarizes and compares []float64. It knows no units and
// nothing of Lambda.
//
// It is opinionated. It assumes no distribution: the centre is the median, and
// intervals are those of order statistics, exact for any continuous
// distribution and conservative where values tie. An end that so few values
// cannot bound is infinite and is never filled in; MinSamples says how many would
// do. A mean is not offered: one slow start among fifty moves it anywhere.
//
// Values are taken to be independent of one another. Where they come in groups
// that are alike, Groups says so, and intervals are wider for it.
//
// What is not a number, or infinite, is no measurement: Order leaves it out
// and counts it. No function but Sort changes a slice that it is given.
//
// Sources. Quantiles: R. J. Hyndman and Y. Fan, "Sample Quantiles in
// Statistical Packages", The American Statistician 50 (1996), definition 7.
// Intervals: J.-Y. Le Boudec, "Performance Evaluation of Computer and
// Communication Systems" (2010), theorem 2.1; H. A. David and H. N. Nagaraja,
// "Order Statistics" (2003), section 7.1. Ratios: T. Schweder and
// N. L. Hjort, "Confidence, Likelihood, Probability" (2016). Tests, shifts and
// groups name theirs where they are.
package stats
