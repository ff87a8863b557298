package image

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"path"
	"strings"
)

// stageSource is the file system of a stage or an image.
type stageSource struct {
	store  *Store
	tree   *tree
	layers []layer
	temp   *spooler
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
	n.Name = "."
	nodes := []node{n}
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

// place is where the content of a file is, the same for its hard links.
type place struct {
	layer  int
	member string
}

// extract makes the content of files readable, reading each layer once.
func (s *stageSource) extract(ctx context.Context, nodes []node) ([]item, error) {
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
			name, err := s.temp.spool(r)
			files[place{i, e.Name}] = name
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	items := make([]item, 0, len(nodes))
	for _, n := range nodes {
		n.made = false
		switch n.Type {
		case tar.TypeReg:
			name := files[place{n.layer, n.member}]
			if name == "" {
				return nil, fmt.Errorf("reading /%s: layer %s lacks it", n.Name, s.layers[n.layer].DiffID)
			}
			items = append(items, item{entry: n.entry, inode: place{n.layer, n.member}, open: fileOf(name)})
		case tar.TypeDir, tar.TypeSymlink:
			items = append(items, item{entry: n.entry})
		}
	}
	return items, nil
}
