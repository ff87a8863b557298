package image

import (
	"archive/tar"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// The names by which a layer takes away what lies below it.
const (
	whiteoutPrefix = ".wh."
	whiteoutOpaque = ".wh..wh..opq"
)

// tree is the file system of a stage: what all its layers come to.
type tree struct {
	nodes    map[string]node
	root     entry
	accounts map[string]string
	unpacked int64 // the sum of the layers' file sizes, in bytes
}

// node is a file, and where its content is: the number of the layer and the
// name there, which a symbolic link above it may make another than its own.
type node struct {
	entry
	layer  int
	member string
	// index is the place of its entry in the layer: hard links of one file have
	// layer and index in common.
	index int
}

// rootEntry is the root folder where no layer describes it.
func rootEntry() entry { return entry{Name: ".", Type: tar.TypeDir, Mode: 0o755} }

func newTree() *tree {
	return &tree{root: rootEntry(), nodes: map[string]node{}, accounts: map[string]string{}}
}

// apply puts layer number n on top.
func (t *tree) apply(info layerInfo, n int) {
	// Whiteouts speak of the layers below, wherever they stand in the archive.
	for _, e := range info.Entries {
		dir, base := path.Split(e.Name)
		dir = strings.TrimSuffix(dir, "/")
		switch {
		case base == whiteoutOpaque:
			t.removeBelow(dir)
		case strings.HasPrefix(base, whiteoutPrefix):
			t.remove(path.Join(dir, strings.TrimPrefix(base, whiteoutPrefix)))
		}
	}
	for i, e := range info.Entries {
		if e.Name == "." && e.Type == tar.TypeDir {
			t.root = e
		}
		if e.Name == "." {
			continue
		}
		name := e.Name
		if dir, err := t.resolve(path.Dir(name)); err == nil {
			name = path.Join(dir, path.Base(name))
		}
		if strings.HasPrefix(path.Base(e.Name), whiteoutPrefix) {
			t.parents(name, n)
			continue
		}
		if old, ok := t.nodes[name]; ok && old.Type == tar.TypeDir && e.Type != tar.TypeDir {
			t.remove(name)
		}
		if e.Type == tar.TypeLink {
			// A hard link is the file that it names, which lies where it lies.
			if link, err := t.resolve(path.Dir(e.Link)); err == nil {
				if target, ok := t.nodes[path.Join(link, path.Base(e.Link))]; ok {
					t.link(name, target, e)
				}
			}
			continue
		}
		member := e.Name
		e.Name = name
		t.put(name, node{entry: e, layer: n, member: member, index: i})
	}
	maps.Copy(t.accounts, info.Accounts)
	t.unpacked += info.Unpacked
}

// link enters another name of a file, whose owner, mode and time become the link's.
func (t *tree) link(name string, target node, link entry) {
	was := target.entry
	target.UID, target.GID = link.UID, link.GID
	if target.Type == tar.TypeReg {
		target.Mode, target.ModTime = link.Mode, link.ModTime
	}
	if target.UID != was.UID || target.GID != was.GID || target.Mode != was.Mode || target.ModTime != was.ModTime {
		for other, n := range t.nodes {
			if n.layer == target.layer && n.index == target.index && n.Type == target.Type {
				target.Name = other
				t.nodes[other] = target
			}
		}
	}
	target.Name = name
	t.put(name, target)
}

// put enters a file and the folders above it that nobody described.
func (t *tree) put(name string, n node) {
	t.nodes[name] = n
	t.parents(name, n.layer)
}

// parents makes the folders above a file, in the place of files, as unpacking does.
func (t *tree) parents(name string, layer int) {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if n, ok := t.nodes[dir]; ok && n.Type == tar.TypeDir {
			return
		}
		t.nodes[dir] = node{entry: entry{Name: dir, Type: tar.TypeDir, Mode: 0o755}, layer: layer}
	}
}

// remove removes a file, or a folder with all that is in it.
func (t *tree) remove(name string) {
	isFolder := t.nodes[name].Type == tar.TypeDir
	delete(t.nodes, name)
	delete(t.accounts, name)
	if isFolder {
		t.removeBelow(name)
	}
}

func (t *tree) removeBelow(dir string) {
	for _, name := range t.below(dir) {
		delete(t.nodes, name)
		delete(t.accounts, name)
	}
}

// resolve follows every symbolic link of a path inside the tree, the last one
// too. Absolute links and ".." stay inside. What does not exist is taken for
// folders still to be made. "." is the root.
func (t *tree) resolve(name string) (string, error) {
	return followLinks(path.Clean("/"+name), func(next string, more bool) (string, bool, error) {
		n, ok := t.nodes[next]
		if ok && more && n.Type != tar.TypeDir && n.Type != tar.TypeSymlink {
			return "", false, fmt.Errorf("%s: %s is not a folder", name, next)
		}
		return n.Link, n.Type == tar.TypeSymlink, nil
	})
}

func (t *tree) clone() *tree {
	return &tree{root: t.root, nodes: maps.Clone(t.nodes), accounts: maps.Clone(t.accounts), unpacked: t.unpacked}
}

func (t *tree) isDir(name string) bool {
	return name == "." || t.nodes[name].Type == tar.TypeDir
}

func (t *tree) stat(name string) (node, error) {
	if name == "." {
		return node{entry: rootEntry(), layer: -1}, nil
	}
	n, ok := t.nodes[name]
	if !ok {
		return node{}, fs.ErrNotExist
	}
	return n, nil
}

// below lists what is in a folder, at any depth, in the order of the names.
func (t *tree) below(dir string) []string {
	var names []string
	for name := range t.nodes {
		if dir == "" || dir == "." || strings.HasPrefix(name, dir+"/") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// above lists a folder and those that it is in, from the inside out, as a layer
// has to hold them: those that exist as they are, because an engine that keeps
// layers apart takes a folder that is not described for a new one and loses its
// mode; made is how many of them, at the front, are still to be made. The
// path is resolved. It is an error where a file is in the way.
func (t *tree) above(dir string) (items []item, made int, err error) {
	for ; dir != "."; dir = path.Dir(dir) {
		n, ok := t.nodes[dir]
		if !ok {
			n.entry = entry{Name: dir, Type: tar.TypeDir, Mode: 0o755, made: true}
			made++
		} else if n.Type != tar.TypeDir {
			return nil, 0, fmt.Errorf("/%s is not a folder", dir)
		}
		items = append(items, item{entry: n.entry})
	}
	return items, made, nil
}
