//go:build !unix

package image

import "errors"

// errNotEmpty is what renaming a folder onto one that has something in it
// gives; here it is fs.ErrExist or an error of its own.
var errNotEmpty = errors.New("folder not empty")
