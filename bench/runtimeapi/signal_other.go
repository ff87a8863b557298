//go:build !linux

package runtimeapi

import "strconv"

// signalName returns the number: the names are those of Linux.
func signalName(n int) string { return "signal " + strconv.Itoa(n) }
