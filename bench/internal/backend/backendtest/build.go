package backendtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// built is the test function's binary, made once a process.
var built = sync.OnceValues(func() (binary []byte, err error) {
	_, here, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(here) {
		return nil, errors.New("the source of the test function can't be found")
	}
	// Read by this process, the sources count for the go command's cache of
	// test results.
	sources, err := filepath.Glob(filepath.Join(filepath.Dir(here), "function", "*.go"))
	if err != nil || len(sources) == 0 {
		return nil, fmt.Errorf("the source of the test function can't be found: %v", err)
	}
	for _, s := range sources {
		if _, err := os.ReadFile(s); err != nil {
			return nil, err
		}
	}
	dir, err := os.MkdirTemp("", "coldbench-test-function-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	out := filepath.Join(dir, "bootstrap")
	cmd := exec.Command("go", "build", "-tags", "lambda.norpc", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", out, ".")
	cmd.Dir = filepath.Join(filepath.Dir(here), "function")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH, "GOFLAGS=")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building test function: %w\n%s", err, text)
	}
	return os.ReadFile(out)
})

// Build returns the path of the test function's static binary for Linux on this machine's
// architecture, in a folder of the test's own.
func Build(t testing.TB) string {
	t.Helper()
	binary, err := built()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "bootstrap")
	if err := os.WriteFile(path, binary, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
