package cli

import (
	"testing"

	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/runfile"
)

// A machine is watched where it is the one that runs are made on.
func TestWatchedMachine(t *testing.T) {
	for _, c := range []struct {
		backend, network, host string
		watched                bool
	}{
		{"local", "", "tcp://elsewhere:2375", true}, {"local", "bridge", "", true}, {"local", "none", "unix:///run/podman.sock", true},
		{"local", "bridge", "tcp://elsewhere:2375", false}, {"local", "none", "ssh://elsewhere", false}, {"aws", "", "", false},
	} {
		a := &app{Env: Env{Environ: []string{"DOCKER_HOST=" + c.host}, HostStat: func() (string, error) { return "cpu 1 1 1 1 1 1 1 1\n", nil }}}
		noise := a.watchHost(runfile.Header{Backend: c.backend, Plan: plan.Plan{Network: c.network}}, true)
		noise.Begin(t.Context())
		if load := noise.End(t.Context()); (load != nil) != c.watched {
			t.Errorf("%+v: watched %v", c, load)
		}
	}
}
