//go:build !linux

package main

import "time"

// processUptime needs Linux's /proc.
func processUptime() (time.Duration, bool) { return 0, false }
