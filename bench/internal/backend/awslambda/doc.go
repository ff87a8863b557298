// Package awslambda measures functions that are deployed on AWS Lambda. It
// forces cold starts, invokes, reads REPORT from the answer's log tail or from
// CloudWatch Logs, and proves of each sample that it is what was asked for.
//
// An invocation is sent once: a retried one would be a second invocation. Nothing
// is left changed: a journal on disk says how every function was, and Close, or
// Restore after a crash, restores it, unless somebody else has changed it.
//
// It is the only package that knows the AWS SDK. What it returns for a run file
// names no account, user or value of an environment variable.
package awslambda
