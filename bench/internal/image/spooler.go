package image

import (
	"io"
	"os"
)

// spooler keeps content in temporary files of a store until it is closed.
type spooler struct {
	store *Store
	dir   string // made when it is needed
}

// spool writes content to a new file and returns its name.
func (s *spooler) spool(r io.Reader) (string, error) {
	if s.dir == "" {
		dir, err := os.MkdirTemp(s.store.path(tempDir), "stage-")
		if err != nil {
			return "", err
		}
		s.dir = dir
	}
	f, err := os.CreateTemp(s.dir, "")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(f, r)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return f.Name(), err
}

func (s *spooler) close() {
	if s.dir != "" {
		removeTree(s.dir)
	}
}
