//go:build !linux

package main

import (
	"errors"

	"coldbench/bench/runtimeapi"
)

// newLauncher says that functions run on Linux.
func newLauncher(settings, []string, *output) (runtimeapi.Launcher, error) {
	return nil, errors.New("running a function needs Linux")
}
