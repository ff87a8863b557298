package main

import _ "unsafe" // for go:linkname

// arguments returns the command line. The runtime offers it to package os
// under this name; os itself would make start a sixth larger.
//
//go:linkname arguments os.runtime_args
func arguments() []string
