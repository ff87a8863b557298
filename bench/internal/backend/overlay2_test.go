package backend_test

import (
	"bytes"
	"os/exec"
	"testing"

	"coldbench/bench/internal/backend/backendtest"
)

// withOverlay2 has the rest of a benchmark use a Docker engine with the storage
// driver overlay2, or this machine's own if there can be none. It returns the name
// of the driver, for the benchmark's rows.
func withOverlay2(b *testing.B) string {
	b.Helper()
	d, err := backendtest.StartDockerd()
	if err != nil {
		b.Logf("docker is measured on this machine's own engine: %v", err)
		return storageDriver(b)
	}
	b.Cleanup(func() {
		if err := d.Stop(); err != nil {
			b.Error(err)
		}
	})
	b.Setenv("DOCKER_HOST", d.Host())
	return storageDriver(b)
}

// storageDriver asks the engine for the name of its storage driver.
func storageDriver(b *testing.B) string {
	b.Helper()
	name, err := exec.Command("docker", "info", "-f", "{{.Driver}}").Output()
	if err != nil {
		backendtest.Require(b, "docker", err)
	}
	return string(bytes.TrimSpace(name))
}
