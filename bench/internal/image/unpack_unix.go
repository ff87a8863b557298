//go:build unix

package image

import "syscall"

// errNotEmpty is what renaming a folder onto one that has something in it gives.
const errNotEmpty = syscall.ENOTEMPTY
