//go:build !linux

package docker

import (
	"os"
	"strconv"
)

// thisProcess has no host: leftovers are judged by their age.
func thisProcess() owner { return owner{pid: strconv.Itoa(os.Getpid())} }

func (owner) lives() bool { return false }
