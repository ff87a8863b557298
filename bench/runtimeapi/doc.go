// Package runtimeapi serves the AWS Lambda Runtime API to one execution
// environment after another and measures its phases.
//
// A Server owns a listener. An Environment on it is one execution environment
// as AWS means it: provisioned, initialised eagerly, invoked again and again,
// closed. It asks a Launcher for its processes, so that one orchestration
// serves namespaces, containers and plain child processes alike: the init
// limit, init again inside the first invocation, timeouts, crashes, the fresh
// process after each, and the log lines in AWS's own form are all decided
// here, once.
//
// Init lasts from the start of the first external extension, or from the execve of
// the entrypoint without any, to the last of the runtime's first GET /next and the
// first GET /event/next of every registered extension; the runtime starts when
// every external one has registered. An invocation lasts from the hand-out of the event to the last of
// the runtime's next GET /next and that of every extension subscribed to INVOKE.
// Arrivals are read off CLOCK_MONOTONIC when a request's bytes arrive, hand-outs
// just before the bytes are written; the server's own work is in neither.
//
// It limits nothing, isolates nothing, freezes nothing between invocations and
// writes to no file or stream: log lines are returned.
package runtimeapi
