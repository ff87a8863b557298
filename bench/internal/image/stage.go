package image

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// stageSource is the file system of a stage or an image.
type stageSource struct {
	store  *Store
	tree   *tree
	layers []layer
	// temp is a folder for extracted files; it is made when it is needed.
	temp string
}

func (s *stageSource) match(pattern string) ([]string, error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, err
	}
	dir := path.Dir(pattern)
	if !hasMeta(dir) {
		resolved, err := s.tree.resolve(dir)
		if err != nil {
			return nil, nil
		}
		pattern = path.Join(resolved, path.Base(pattern))
	}
	var names []string
	for _, name := range s.tree.below(".") {
		if ok, _ := path.Match(pattern, name); ok {
			names = append(names, name)
		}
	}
	return names, nil
}

func (s *stageSource) list(ctx context.Context, name string) ([]item, error) {
	resolved, err := s.tree.resolve(name)
	if err != nil {
		return nil, err
	}
	n, err := s.tree.stat(resolved)
	if err != nil {
		return nil, err
	}
	nodes := []node{n}
	nodes[0].Name = "."
	if n.Type == tar.TypeDir {
		for _, name := range s.tree.below(resolved) {
			n := s.tree.nodes[name]
			if resolved != "." {
				n.Name = strings.TrimPrefix(name, resolved+"/")
			}
			nodes = append(nodes, n)
		}
	}
	return s.extract(ctx, nodes)
}

// extract makes the content of files readable, reading each layer once.
func (s *stageSource) extract(ctx context.Context, nodes []node) ([]item, error) {
	type place struct {
		layer  int
		member string
	}
	files := map[place]string{}
	wanted := map[int]bool{}
	for _, n := range nodes {
		if n.Type == tar.TypeReg {
			files[place{n.layer, n.member}] = ""
			wanted[n.layer] = true
		}
	}
	for i, l := range s.layers {
		if !wanted[i] {
			continue
		}
		err := s.store.readLayer(ctx, l, func(h *tar.Header, r io.Reader) error {
			e, ok := entryOf(h)
			if !ok || e.Type != tar.TypeReg {
				return nil
			}
			if _, ok := files[place{i, e.Name}]; !ok {
				return nil
			}
			name, err := s.spool(r)
			files[place{i, e.Name}] = name
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	items := make([]item, 0, len(nodes))
	for _, n := range nodes {
		switch n.Type {
		case tar.TypeReg:
			name := files[place{n.layer, n.member}]
			if name == "" {
				return nil, fmt.Errorf("reading /%s: layer %s lacks it", n.Name, s.layers[n.layer].DiffID)
			}
			items = append(items, item{entry: n.entry, open: func() (io.ReadCloser, int64, error) {
				f, err := os.Open(name)
				return f, n.Size, err
			}})
		case tar.TypeDir, tar.TypeSymlink:
			items = append(items, item{entry: n.entry})
		}
	}
	for i := range items {
		items[i].UID, items[i].GID = 0, 0
	}
	return items, nil
}

// spool writes content to a new temporary file.
func (s *stageSource) spool(r io.Reader) (string, error) {
	if s.temp == "" {
		dir, err := os.MkdirTemp(s.store.path(tempDir), "stage-")
		if err != nil {
			return "", err
		}
		s.temp = dir
	}
	f, err := os.CreateTemp(s.temp, "")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(f, r)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return f.Name(), err
}

// close removes the extracted files.
func (s *stageSource) close() {
	if s.temp != "" {
		removeTree(s.temp)
	}
}
