package awssim

import (
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"coldbench/bench/internal/coldstart"
)

// An endpoint is in use as long as a client is connected that called a moment ago,
// for longer while a function is changed.
func TestInUse(t *testing.T) {
	t.Parallel()
	for _, changed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := &Server{o: Options{Clock: time.Now}, functions: map[string]*function{}, registry: map[string]configuration{}}
			if err := s.Deploy("f", coldstart.Image{ID: "i", Root: "/", Arch: "amd64"}, Function{}); err != nil {
				t.Fatal(err)
			}
			expect := func(want bool, when string) {
				t.Helper()
				if got := s.InUse(); got != want {
					t.Errorf("changed %v: in use %v, %s", changed, got, when)
				}
			}
			expect(false, "without a client")
			c, _ := net.Pipe()
			s.use.connection(c, http.StateNew)
			s.use.call()
			expect(true, "after a call")
			if changed {
				f := s.functions["f"]
				f.latest.cfg.variables = map[string]string{"A": "1"}
			}
			time.Sleep(silent)
			expect(changed, "when the client has been silent")
			time.Sleep(silentChanging - silent)
			expect(false, "when it has been silent for long")
			s.use.call()
			expect(true, "after another call")
			s.use.connection(c, http.StateClosed)
			expect(false, "without a connection")
		})
	}
}
