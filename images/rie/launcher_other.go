//go:build !linux

package main

import (
	"errors"
	"io"

	"coldbench/bench/runtimeapi"
)

// newLauncher says that functions run on Linux.
func newLauncher(settings, []string, *output, io.Writer) (runtimeapi.Launcher, error) {
	return nil, errors.New("running a function needs Linux")
}
