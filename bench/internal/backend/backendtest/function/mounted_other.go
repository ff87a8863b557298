//go:build !linux

package main

// mountedReadOnly returns false: only Linux has control groups.
func mountedReadOnly(string) bool { return false }
