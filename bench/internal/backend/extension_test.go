package backend_test

import (
	"testing"
	"time"
)

// TestExtension: an external extension that takes 30 ms before it asks for its
// first event and 20 ms after each lengthens Init Duration and Duration by that,
// on every engine. Only lower bounds are asserted: a busy machine adds to them.
func TestExtension(t *testing.T) {
	function := program(t, "coldbench/function")
	extension := program(t, "coldbench/bench/internal/backend/testdata/extension")
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			store, img := imageOf(t, map[string]string{"bootstrap": function, "opt/extensions/slow": extension})
			backend, img := e.open(t, store, img)
			target := open(t, backend, "extension", img, `{"name":"you"}`, nil)
			f := measure(t, target, 2, time.Millisecond)
			if f.init[0] < 30 {
				t.Errorf("Init Duration %.2f ms: the extension alone takes 30 ms", f.init[0])
			}
			for _, d := range append(f.warm, f.cold...) {
				if d < 20 {
					t.Errorf("Duration %.2f ms: the extension alone takes 20 ms", d)
				}
			}
		})
	}
}
