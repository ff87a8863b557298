//go:build !linux

package image

import (
	"io/fs"
	"os"
	"time"
)

// setModTime sets the modification time of a file or folder. A symbolic link
// keeps the time at which it was made: the sandbox, which would show it to a
// function, is for Linux only.
func setModTime(root *os.Root, name string, t time.Time) error {
	info, err := root.Lstat(name)
	if err != nil || info.Mode()&fs.ModeSymlink != 0 {
		return err
	}
	return root.Chtimes(name, time.Time{}, t)
}
