package started

import (
	"syscall"
	"testing"
	"unsafe"
)

func TestClockIsCLOCK_MONOTONIC(t *testing.T) {
	const clockMonotonic = 1
	read := func() int64 {
		var ts syscall.Timespec
		if _, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&ts)), 0); errno != 0 {
			t.Fatal(errno)
		}
		return ts.Nano()
	}
	before := read()
	between := nanotime()
	after := read()
	if between < before || between > after {
		t.Errorf("the runtime's clock says %d between %d and %d of CLOCK_MONOTONIC", between, before, after)
	}
	if AtNs() <= 0 || AtNs() > before {
		t.Errorf("initialized at %d, want a time before %d", AtNs(), before)
	}
}
