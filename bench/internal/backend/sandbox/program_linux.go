package sandbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"coldbench/bench/internal/atomicfile"

	"golang.org/x/sys/unix"
)

// program is images/start in a form that can be executed.
type program struct {
	// path is where it is found, also by a process that has just been cloned.
	path string
	// digest is short and names the content.
	digest string
	memory *os.File
}

// newProgram puts images/start into a file of dir, which starts a tenth of a
// millisecond sooner than one in memory; and into a file in memory, which no
// kill can leave behind and no mount option forbids to execute, where dir is
// empty or can't be used.
func newProgram(start []byte, dir string) (*program, error) {
	sum := sha256.Sum256(start)
	p := &program{digest: hex.EncodeToString(sum[:6])}
	var err error
	if dir != "" {
		p.path, err = stateFile(start, dir, "start-"+p.digest)
		if err == nil {
			return p, nil
		}
	}
	memory, merr := memoryFile(start)
	if merr != nil {
		return nil, fmt.Errorf("making start executable: %w", errors.Join(err, merr))
	}
	p.memory = memory
	p.path = fmt.Sprintf("/proc/self/fd/%d", memory.Fd())
	return p, nil
}

// memoryFile returns an executable file that exists in memory only.
func memoryFile(content []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("start", unix.MFD_CLOEXEC|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) { // kernels before 6.3 know no MFD_EXEC and need none
		fd, err = unix.MemfdCreate("start", unix.MFD_CLOEXEC)
	}
	if err != nil {
		return nil, fmt.Errorf("making a file in memory: %w", err)
	}
	w := os.NewFile(uintptr(fd), "start")
	defer func() { _ = w.Close() }()
	if _, err := w.Write(content); err != nil {
		return nil, fmt.Errorf("filling a file in memory: %w", err)
	}
	// A file that is open for writing can't be executed: it is opened again for
	// reading, and the first descriptor is closed before anything is cloned.
	path := fmt.Sprintf("/proc/self/fd/%d", fd)
	r, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening a file in memory: %w", err)
	}
	if err := unix.Access(path, unix.X_OK); err != nil {
		_ = r.Close()
		return nil, fmt.Errorf("executing a file in memory: %w", err)
	}
	return r, nil
}

// stateFile writes content to dir/name unless it is there already, and returns
// its absolute path. The name tells the content, so the file stays for the next
// run. It is an error if files there can't be executed.
func stateFile(content []byte, dir, name string) (string, error) {
	path, err := filepath.Abs(filepath.Join(dir, name))
	if err != nil {
		return "", err
	}
	if old, err := os.ReadFile(path); err != nil || !bytes.Equal(old, content) {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return "", err
		}
		err := atomicfile.Write(path, 0o755, func(w io.Writer) error {
			_, err := w.Write(content)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	if err := unix.Access(path, unix.X_OK); err != nil {
		return "", fmt.Errorf("executing %s: %w", path, err)
	}
	return path, nil
}

// Close gives the memory back.
func (p *program) Close() error {
	if p.memory == nil {
		return nil
	}
	return p.memory.Close()
}
