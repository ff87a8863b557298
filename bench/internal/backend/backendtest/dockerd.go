package backendtest

import "testing"

// Overlay2 starts a Docker engine with the storage driver overlay2 that ends
// with the test, and returns its address for DOCKER_HOST. The test is skipped,
// or fails, as in Require ("overlay2"), if no such engine can run here: it needs
// dockerd, root, and a kernel with overlay. Containers must use --network none.
func Overlay2(t testing.TB) string {
	t.Helper()
	d, err := StartDockerd()
	Require(t, "overlay2", err)
	t.Cleanup(func() {
		if err := d.Stop(); err != nil {
			t.Error(err)
		}
	})
	return d.Host()
}
