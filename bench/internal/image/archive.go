package image

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
)

// unpackArchive returns what ADD unpacks from a file; false if it is no tar archive.
func (b *builder) unpackArchive(ctx context.Context, it item) ([]item, bool, error) {
	f, _, err := it.open()
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	r, head, err := peek(contextReader{ctx, f})
	if err != nil {
		return nil, false, err
	}
	if isXZ(head) {
		return nil, false, refusal("ADD of an archive compressed with xz")
	}
	if plain, err := uncompress(head, r); err == nil && plain != nil {
		defer plain.Close()
		r = plain
	}
	tr := tar.NewReader(r)
	h, err := tr.Next()
	if err != nil {
		// Docker, too, goes by the first header.
		return nil, false, ctx.Err()
	}
	var items []item
	var size int64
	for ; err == nil; h, err = tr.Next() {
		if size += h.Size; size > maxUnpacked || size < 0 {
			return nil, false, fmt.Errorf("the archive unpacks to more than %d GB, the most that an image may have on Lambda", maxUnpacked>>30)
		}
		if items, err = b.member(items, h, tr); err != nil {
			return nil, false, err
		}
	}
	if err != io.EOF {
		return nil, false, fmt.Errorf("reading the archive: %w", err)
	}
	return items, true, nil
}

func (b *builder) member(items []item, h *tar.Header, r io.Reader) ([]item, error) {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return items, nil
	}
	e, ok := entryOf(h)
	if !ok {
		return nil, fmt.Errorf("%q leads out of the archive", h.Name)
	}
	if e.Name == "." {
		return items, nil
	}
	switch e.Type {
	case tar.TypeDir, tar.TypeSymlink, tar.TypeLink:
		return append(items, item{entry: e}), nil
	case tar.TypeReg:
		name, err := b.temp.spool(r)
		if err != nil {
			return nil, fmt.Errorf("reading %s in the archive: %w", e.Name, err)
		}
		return append(items, item{entry: e, inode: name, open: fileOf(name)}), nil
	}
	return nil, refusal("ADD of an archive with a device or a pipe, " + e.Name + ",")
}
