package main

import (
	"os"
	"strings"
	"syscall"
	"unsafe"
)

// extensionsDir is where Lambda looks for external extensions.
const extensionsDir = "/opt/extensions"

// defaultPath is searched where the environment has no PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// now reads CLOCK_MONOTONIC in nanoseconds.
func now() int64 {
	const clockMonotonic = 1
	var t syscall.Timespec
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&t)), 0)
	return t.Nano()
}

// closeOnExec marks every descriptor but 0, 1 and 2, so that the function
// inherits no other one.
func closeOnExec() {
	const sysCloseRange, closeRangeCloexec = 436, 4
	_, _, errno := syscall.RawSyscall(sysCloseRange, 3, uintptr(^uint32(0)), closeRangeCloexec)
	if errno == 0 {
		return
	}
	// Kernels before 5.11: one by one, as far as the limit goes.
	var lim syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim) != nil || lim.Cur > 1<<16 {
		lim.Cur = 1 << 16
	}
	for fd := uintptr(3); fd < uintptr(lim.Cur); fd++ {
		_, _, _ = syscall.RawSyscall(syscall.SYS_FCNTL, fd, syscall.F_SETFD, syscall.FD_CLOEXEC)
	}
}

// extensions lists /opt/extensions, sorted; nothing where there is no such
// folder. As on Lambda every entry that is no folder counts, also one that
// can't be executed. Names with a newline, which no extension could give in a
// header either, are left out.
func extensions() []string {
	entries, err := os.ReadDir(extensionsDir)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && !strings.Contains(e.Name(), "\n") {
			names = append(names, e.Name())
		}
	}
	return names
}

// lookPath finds the program as execvp does. Its error is that of the first
// candidate that exists but can't be executed, else ENOENT.
func lookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") || name == "" {
		return name, nil // execve says what is wrong with it
	}
	path := defaultPath
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, "PATH="); ok {
			path = v
		}
	}
	var found error = syscall.ENOENT
	for _, dir := range strings.Split(path, ":") {
		if dir == "" {
			dir = "."
		}
		candidate := dir + "/" + name
		if executable(candidate) {
			return candidate, nil
		}
		var st syscall.Stat_t
		if syscall.Stat(candidate, &st) == nil {
			found = syscall.EACCES
		}
	}
	return "", found
}

// executable is true for a regular file that this process may execute.
func executable(path string) bool {
	const executeOK = 1
	var st syscall.Stat_t
	return syscall.Stat(path, &st) == nil && st.Mode&syscall.S_IFMT == syscall.S_IFREG &&
		syscall.Access(path, executeOK) == nil
}
