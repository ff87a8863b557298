// Package backendtest is the contract that every backend passes: what a cold
// and a warm sample are, what a failure is called, and that nothing is left
// behind. It comes with a Lambda function that misbehaves on request.
//
// The same checks run against real engines and the made-up one, and a backend that
// is wrong on purpose has to fail them. They assert order and identity, not speed.
package backendtest

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// Require ends a test where this machine lacks what it is about. err says what
// is wrong; nil means that nothing is. The test is skipped with the reason, or
// fails where BENCH_REQUIRE, a list separated by commas, names what is missing
// ("docker", "sandbox", "podman", "chromium", "git").
func Require(t testing.TB, what string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if required(os.Getenv("BENCH_REQUIRE"), what) {
		t.Fatalf("%s is required here and missing: %v", what, err)
	}
	t.Skipf("%s is missing: %v", what, err)
}

// required says whether a list separated by commas holds a name.
func required(list, what string) bool {
	return slices.ContainsFunc(strings.Split(list, ","), func(name string) bool {
		return strings.TrimSpace(name) == what
	})
}
