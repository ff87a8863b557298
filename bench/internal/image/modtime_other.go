//go:build !linux

package image

import (
	"io/fs"
	"os"
	"time"
)

// setModTime sets the modification time of a file or folder, not of a symbolic link: only
// the sandbox, which is for Linux, would show that.
func setModTime(root *os.Root, name string, t time.Time) error {
	info, err := root.Lstat(name)
	if err != nil || info.Mode()&fs.ModeSymlink != 0 {
		return err
	}
	return root.Chtimes(name, time.Time{}, t)
}
