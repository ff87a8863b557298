// Package sandbox runs functions in sandboxes of its own making, on Linux,
// without a daemon and, where the kernel allows user namespaces, without root.
//
// Each cold start is a fresh set of mount, PID, IPC and UTS namespaces (and a
// user namespace, unless bench runs as root) over the unpacked image: a fresh
// read-only overlay of its files, a /tmp, /dev and /proc of its own, user 993, no
// capabilities, no way to new privileges. images/start builds it from inside and becomes the
// runtime, process 1, whose end ends the rest; beside extensions it stays process
// 1 and is the parent of them and of the runtime. The network is the machine's, so
// that the function reaches the Runtime API, which bench itself serves on
// loopback, outside of the function's limits.
//
// Memory and CPU are limited by cgroups, version 1 or 2, as Lambda limits them.
// A limit that can't be set on this machine is named, never pretended. The
// function sees its control groups, read-only, in /sys/fs/cgroup; there is nothing
// else in /sys. /etc/hosts has localhost and Lambda's sandbox.localdomain.
//
// As on Lambda, /tmp survives a crash (on kernels from 5.2). Not as on Lambda: it
// counts as memory; the number of processes is not limited; the function sees the machine's network
// and its number of CPUs; other names resolve only where the image has an
// /etc/resolv.conf file, which the machine's is then put over. It is no wall
// against malice: measure images you would also run.
package sandbox

import "errors"

// Options are how an engine is made.
type Options struct {
	// StateDir is a folder for what has to be a file; it is made when needed.
	// The system's folder for temporary files where empty.
	StateDir string
	// Log receives what is worth knowing but no warning (what a killed run left
	// behind and this one removed); nil for none.
	Log func(line string)
}

// Strategy is how this engine forces a cold start.
const Strategy = "new-sandbox"

// ErrUnsupported is wrapped by the errors of New where this machine can't make
// sandboxes.
var ErrUnsupported = errors.New("this machine can't make sandboxes")
