//go:build linux || darwin || freebsd || netbsd || openbsd

package runfile

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lock takes the file for this process until it is closed. Readers are not
// held up by it.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return ErrLocked
	case errors.Is(err, syscall.ENOLCK), errors.Is(err, syscall.ENOTSUP), errors.Is(err, syscall.ENOSYS):
		// A file system without locks (some network mounts): a run there goes
		// without, rather than not at all.
		return nil
	case err != nil:
		return fmt.Errorf("locking run file: %w", err)
	}
	return nil
}
