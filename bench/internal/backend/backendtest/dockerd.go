package backendtest

import "testing"

// Overlay2 starts a Docker engine with the storage driver overlay2 that ends with the test, and
// returns its address. It needs dockerd, root and overlay, as in Require("overlay2"). Containers
// must use --network none.
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
