package image_test

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// setModTime sets the time of a file, not of what a link names.
func setModTime(t *testing.T, name string, at time.Time) {
	t.Helper()
	ts, err := unix.TimeToTimespec(at)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, name, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		t.Fatal(err)
	}
}
