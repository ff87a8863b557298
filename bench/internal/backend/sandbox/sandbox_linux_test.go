package sandbox

import (
	"testing"

	"coldbench/bench/internal/coldstart"
)

// helpers are what the test binary does when it is started by a test.
var helpers = map[string]func() int{}

func TestSmoke(t *testing.T) {
	e := engine(t)
	m := started(t, e, unpack(t, "function"), 512, coldstart.Options{LimitCPU: true})
	t.Logf("%s", invoke(t, m, `{"name":"you"}`).Response)
	inv := invoke(t, m, `{"name":"you"}`)
	t.Logf("%s\n%s", inv.Response, inv.Log)
	t.Log(e.warnings, e.Cgroup())
	th, ok := m.Throttled()
	t.Log(th, ok)
	_ = m.Close()
	m = started(t, e, unpack(t, "probe"), 512, coldstart.Options{LimitCPU: true})
	t.Logf("%s", invoke(t, m, `{}`).Response)
}
