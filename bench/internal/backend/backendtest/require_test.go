package backendtest

import (
	"errors"
	"fmt"
	"testing"
)

// recorder is a test that notes how it ends.
type recorder struct {
	testing.TB
	fatal, skip string
}

func (r *recorder) Helper()                        {}
func (r *recorder) Fatalf(format string, a ...any) { r.fatal = fmt.Sprintf(format, a...); panic(r) }
func (r *recorder) Skipf(format string, a ...any)  { r.skip = fmt.Sprintf(format, a...); panic(r) }

func TestRequire(t *testing.T) {
	missing := errors.New("no daemon answers")
	for _, c := range []struct {
		list, what  string
		err         error
		fatal, skip string
	}{
		{"", "docker", nil, "", ""},
		{"docker", "docker", nil, "", ""},
		{"", "docker", missing, "", "docker is missing: no daemon answers"},
		{"docker,sandbox", "sandbox", missing, "sandbox is required here and missing: no daemon answers", ""},
		{" docker , podman", "podman", missing, "podman is required here and missing: no daemon answers", ""},
		{"docker-in-docker", "docker", missing, "", "docker is missing: no daemon answers"},
	} {
		t.Setenv("BENCH_REQUIRE", c.list)
		r := &recorder{}
		func() {
			defer func() { recover() }()
			Require(r, c.what, c.err)
		}()
		if r.fatal != c.fatal || r.skip != c.skip {
			t.Errorf("%q, %s: fails with %q, skips with %q", c.list, c.what, r.fatal, r.skip)
		}
	}
}
