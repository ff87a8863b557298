// Package runtimeapi serves the AWS Lambda Runtime API to one execution environment after
// another and measures its phases. An Environment asks a Launcher for its processes: the
// init limit, init again inside the first invocation, timeouts, crashes and AWS's log lines
// are decided here, for every engine.
//
// Init lasts from the start of the first external extension, or else the entrypoint's
// execve, to the last of the runtime's first GET /next and each extension's first GET
// /event/next; the runtime starts when every external one has registered. An invocation
// lasts from the hand-out of the event to the last of the next GET /next and that of every
// extension subscribed to INVOKE. The server's own work is in neither. The package limits,
// isolates and freezes nothing, and writes to no file or stream: log lines are returned.
package runtimeapi
