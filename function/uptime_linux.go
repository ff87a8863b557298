package main

import (
	"os"
	"syscall"
	"time"
	"unsafe"
)

// clockBoottime is CLOCK_BOOTTIME of clock_gettime(2), the clock that start
// times of processes are read on.
const clockBoottime = 7

// processUptime returns the age of this process in steps of 10 ms, or false
// where /proc or the clock can't be read.
func processUptime() (time.Duration, bool) {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0, false
	}
	start, err := startTicks(stat)
	if err != nil {
		return 0, false
	}
	var now syscall.Timespec
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockBoottime, uintptr(unsafe.Pointer(&now)), 0); errno != 0 {
		return 0, false
	}
	return age(time.Duration(now.Nano()), start)
}
