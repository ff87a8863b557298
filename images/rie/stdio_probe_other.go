//go:build !linux

package main

import "time"

// probe sees nothing: the emulator container is a Linux one.
type probe struct{}

func reapOrphans() {}

func (*probe) Attach()                          {}
func (*probe) Supervised()                      {}
func (*probe) MaxMemory() (int64, bool)         { return 0, false }
func (*probe) Throttled() (time.Duration, bool) { return 0, false }
func (*probe) OutOfMemory() bool                { return false }
func (*probe) Terminate()                       {}
func (*probe) Kill()                            {}
func (*probe) Detach()                          {}
