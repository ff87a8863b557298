// Package started reads the monotonic clock as early as Go code of a program
// can: while the program's packages are being initialized, before the others.
//
// Go initializes packages in the order of their import paths, each after those
// that it imports (Go specification, "Program initialization"; the order of
// paths is the linker's since Go 1.21). This package imports nothing but
// unsafe, so nothing has to come before it but the few packages without
// imports whose paths sort lower and the Go runtime itself. That is why it
// takes the clock from the runtime by name and not from package time or
// syscall, which would put a dozen packages in front of it.
package started

import _ "unsafe" // for go:linkname

// nanotime is the runtime's monotonic clock: on Linux CLOCK_MONOTONIC itself,
// in nanoseconds. The runtime promises to keep the name for such uses.
//
//go:linkname nanotime runtime.nanotime
func nanotime() int64

var atNs = nanotime()

// AtNs returns the clock as it was when this package was initialized: on Linux
// CLOCK_MONOTONIC in nanoseconds, comparable with other processes' readings on
// the same kernel; elsewhere a clock that only this process can read.
func AtNs() int64 { return atNs }
