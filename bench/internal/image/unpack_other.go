//go:build !unix

package image

import (
	"errors"
	"io/fs"
)

// errNotEmpty is what renaming onto a filled folder gives, if not fs.ErrExist.
var errNotEmpty = errors.New("folder not empty")

// inodeOf identifies a file that has more than one name; here none is known to.
func inodeOf(fs.FileInfo) any { return nil }
