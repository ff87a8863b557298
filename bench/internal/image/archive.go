package image

import (
	"archive/tar"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"io"
)

// isArchive reports whether ADD would unpack a file rather than copy it. One
// that only might be unpacked counts, because copying it would be wrong.
func isArchive(it item) (bool, error) {
	if it.Type != tar.TypeReg {
		return false, nil
	}
	f, _, err := it.open()
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, 512)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return false, err
	}
	head = head[:n]
	rest := io.MultiReader(bytes.NewReader(head), f)
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		zip, err := gzip.NewReader(rest)
		return err == nil && startsTar(zip), nil
	case bytes.HasPrefix(head, []byte("BZh")):
		return startsTar(bzip2.NewReader(rest)), nil
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")), bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		return true, nil
	}
	return len(head) == 512 && startsTar(rest), nil
}

func startsTar(r io.Reader) bool {
	_, err := tar.NewReader(r).Next()
	return err == nil
}
