//go:build unix && !solaris && !aix

package awslambda

import (
	"errors"
	"os"
	"syscall"
)

// lockFile takes a lock that ends with the process; false where another has it.
func lockFile(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

func folderNeedsNoSync(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP)
}
