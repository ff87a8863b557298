// Package awslambda measures functions that are deployed on AWS Lambda. It
// forces cold starts, invokes, reads REPORT from the answer's log tail or from
// CloudWatch Logs, and proves of each sample that it is what was asked for.
//
// It is opinionated about two things. An invocation is sent once: a retried one
// is a second invocation, so that whatever comes back becomes one sample, one
// reject or one failure. And nothing is left changed: before the first update a
// journal on disk says how every function was, and Close, or Restore after a
// crash, puts it back; where somebody else changed a function in the meantime,
// nothing more is touched.
//
// It is the only package that knows the AWS SDK. It prints nothing, and names no
// account, user or value of an environment variable in what it returns for a
// run file.
package awslambda
