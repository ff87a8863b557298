//go:build !linux

package backendtest

import "errors"

// Dockerd is a Docker engine of this process's own; only on Linux.
type Dockerd struct{}

// StartDockerd returns an error: there is no such engine on this system.
func StartDockerd() (*Dockerd, error) { return nil, errors.New("starting dockerd: needs Linux") }

// Host is empty.
func (*Dockerd) Host() string { return "" }

// Stop does nothing.
func (*Dockerd) Stop() error { return nil }
