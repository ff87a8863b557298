package main

import "syscall"

// mountedReadOnly reports whether the mount that a folder is on is read-only.
func mountedReadOnly(dir string) bool {
	const readOnly = 1 // ST_RDONLY
	var st syscall.Statfs_t
	return syscall.Statfs(dir, &st) == nil && st.Flags&readOnly != 0
}
