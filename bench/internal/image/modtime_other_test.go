//go:build !linux

package image_test

import (
	"io/fs"
	"os"
	"testing"
	"time"
)

// setModTime sets the time of a file; a symbolic link keeps its own.
func setModTime(t *testing.T, name string, at time.Time) {
	t.Helper()
	info, err := os.Lstat(name)
	if err == nil && info.Mode()&fs.ModeSymlink == 0 {
		err = os.Chtimes(name, at, at)
	}
	if err != nil {
		t.Fatal(err)
	}
}
