// Package atomicfile replaces a file whole or not at all.
package atomicfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Write replaces the file at path, whole or not at all, by one of that mode. It removes what a process
// that was killed while it wrote the same file left beside it; another one that is
// writing the file now starts again.
func Write(path string, mode fs.FileMode, write func(io.Writer) error) error {
	var text bytes.Buffer
	if err := write(&text); err != nil {
		return fmt.Errorf("rendering %s: %w", filepath.Base(path), err)
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("writing %s: it is a folder", path)
	}
	prefix := "." + filepath.Base(path) + ".bench-"
	beside, _ := os.ReadDir(filepath.Dir(path))
	for _, e := range beside {
		if strings.HasPrefix(e.Name(), prefix) {
			_ = os.Remove(filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
	const patience = 10
	for try := 1; ; try++ {
		_, err := Stream(filepath.Dir(path), prefix+"*", mode, func(w io.Writer) error {
			_, err := w.Write(text.Bytes())
			return err
		}, func() string { return path })
		if err == nil {
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) || try == patience {
			return fmt.Errorf("writing %s: %w", path, cause(err))
		}
	}
}

// Stream writes a file of that mode in a folder, under a name that os.CreateTemp
// makes of pattern, and moves it to place, which is called when all is written.
// It returns the file's size in bytes. An error leaves no file.
func Stream(dir, pattern string, mode fs.FileMode, write func(io.Writer) error, place func() string) (size int64, err error) {
	f, err := os.CreateTemp(dir, pattern)
	if err != nil {
		return 0, err
	}
	if err = write(f); err == nil {
		size, err = f.Seek(0, io.SeekCurrent)
	}
	if err = errors.Join(err, f.Chmod(mode), f.Close()); err == nil {
		err = os.Rename(f.Name(), place())
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return size, err
}

// cause drops the name of the temporary file from an error.
func cause(err error) error {
	var at *fs.PathError
	var between *os.LinkError
	switch {
	case errors.As(err, &at):
		return at.Err
	case errors.As(err, &between):
		return between.Err
	}
	return err
}
