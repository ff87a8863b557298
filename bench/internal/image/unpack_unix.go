//go:build unix

package image

import (
	"io/fs"
	"syscall"
)

// errNotEmpty is what renaming a folder onto one that has something in it gives.
const errNotEmpty = syscall.ENOTEMPTY

// inodeOf identifies a file that has more than one name; nil for others.
func inodeOf(info fs.FileInfo) any {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Nlink < 2 {
		return nil
	}
	return [2]uint64{uint64(st.Dev), uint64(st.Ino)}
}
