// Package price says in US dollars what invocations of a Lambda function cost:
// a dated table of region x architecture, and the sum that AWS does with it.
//
// It is opinionated about what it does not know: a region that is not in the
// table is an error, never a neighbour's price. It leaves out what does not
// belong to a single function's packaging: the free tier, the volume tiers
// (which the table holds and Cost does not use), ephemeral storage beyond
// 512 MB, provisioned concurrency, SnapStart's cache, logs and traffic.
package price
