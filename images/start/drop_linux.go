package main

import (
	"syscall"
	"unsafe"
)

// Numbers of <linux/prctl.h>, <linux/capability.h> that syscall lacks.
const (
	prSetNoNewPrivs    = 38
	prCapAmbient       = 47
	prCapAmbientClear  = 4
	capabilityVersion3 = 0x20080522
	lastCapability     = 63
)

// drop gives up everything that the function is not to have, on this thread,
// and asks the kernel to end this process with the emulator.
func drop(_ control, s *spec) (string, error) {
	if errno := prctl(prCapAmbient, prCapAmbientClear, 0); errno != 0 && errno != syscall.EINVAL {
		return "clearing ambient capabilities", errno
	}
	for c := uintptr(0); c <= lastCapability; c++ {
		errno := prctl(syscall.PR_CAPBSET_DROP, c, 0)
		if errno == syscall.EINVAL {
			break // the kernel knows no more of them
		}
		if errno != 0 {
			return "dropping capabilities for good", errno
		}
	}
	if what, err := become(s.uid, s.gid); err != nil {
		return what, err
	}
	header := struct {
		version uint32
		pid     int32
	}{version: capabilityVersion3}
	var none [2]struct{ effective, permitted, inheritable uint32 }
	_, _, errno := syscall.RawSyscall(syscall.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&none)), 0)
	if errno != 0 {
		return "dropping capabilities", errno
	}
	if errno := prctl(prSetNoNewPrivs, 1, 0); errno != 0 {
		return "forbidding new privileges", errno
	}
	// The change of user has cleared the signal that the emulator had asked
	// for. If the emulator has ended before this line, the control connection
	// has, too, and the word to go never comes: within a PID namespace, where
	// getppid knows no parent, that is the check that remains.
	if errno := prctl(syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0); errno != 0 {
		return "asking for the end with the emulator", errno
	}
	return "", nil
}

// become takes on user and group, and no other groups. Nothing is to be done
// in a user namespace that knows only this user.
func become(uid, gid int) (string, error) {
	if syscall.Getgid() != gid || syscall.Getuid() != uid {
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETGROUPS, 0, 0, 0); errno != 0 {
			return "leaving groups", errno
		}
		g := uintptr(gid)
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESGID, g, g, g); errno != 0 {
			return "changing the group", errno
		}
		u := uintptr(uid)
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, u, u, u); errno != 0 {
			return "changing the user", errno
		}
	}
	return "", nil
}

// prctl is for this thread only.
func prctl(option, a, b uintptr) syscall.Errno {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, option, a, b, 0, 0, 0)
	return errno
}
