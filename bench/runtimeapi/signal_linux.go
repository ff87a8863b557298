package runtimeapi

import "syscall"

// signalName returns the name of a signal as Lambda's sentence has it.
func signalName(n int) string { return syscall.Signal(n).String() }
