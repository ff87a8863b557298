package image

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// copying is one COPY or ADD with everything expanded.
type copying struct {
	name     string // "COPY" or "ADD", for errors
	from     source
	patterns []string
	contents []instructions.SourceContent // here-documents
	dest     string
	workdir  string
	// uid and gid are the new owner's, also of folders that are made on the way.
	uid, gid int
	// keepOwner leaves files their owners.
	keepOwner bool
	// chmod changes permission bits; nil keeps them.
	chmod func(e entry) int64
	// unpack returns what an archive holds, or false if the file is not one;
	// nil copies archives as they are.
	unpack func(ctx context.Context, it item) ([]item, bool, error)
}

// picked is a source of a COPY with what is in it.
type picked struct {
	name    string
	items   []item
	archive bool
}

// items returns what a COPY puts into the layer on top of a file system, sorted
// by name, with Docker's rules: a folder's content is copied, not the folder; a
// file goes into the destination if that ends with a slash or is a folder
// already, and is otherwise the destination itself; folders on the way are made.
func (c copying) items(ctx context.Context, t *tree) ([]item, error) {
	sources, err := c.pick(ctx)
	if err != nil {
		return nil, err
	}
	slash := strings.HasSuffix(c.dest, "/") || path.Base(c.dest) == "."
	if len(sources) > 1 && !slash {
		return nil, fmt.Errorf("%s of more than one file needs a destination that ends with /, not %s", c.name, c.dest)
	}
	dest := c.dest
	if !path.IsAbs(dest) {
		dest = path.Join("/", c.workdir, dest)
	}
	l := laying{copying: c, tree: t.clone(), items: map[string]item{}}
	for n, src := range sources {
		// Names of one file stay links within a source, as in Docker.
		for i := range src.items {
			src.items[i].source = n
		}
		if err := l.source(dest, slash, src); err != nil {
			return nil, fmt.Errorf("copying %s: %w", src.name, err)
		}
	}
	return l.sorted(), nil
}

func (c copying) pick(ctx context.Context) ([]picked, error) {
	var sources []picked
	for _, pattern := range c.patterns {
		clean := path.Clean(strings.TrimLeft(pattern, "/"))
		if clean == ".." || strings.HasPrefix(clean, "../") {
			return nil, fmt.Errorf("%s %s: the path leads out of the build context", c.name, pattern)
		}
		names := []string{clean}
		if hasMeta(clean) {
			var err error
			if names, err = c.from.match(clean); err != nil {
				return nil, fmt.Errorf("%s %s: %w", c.name, pattern, err)
			}
		}
		for _, name := range names {
			items, err := c.from.list(ctx, name)
			if errors.Is(err, errIgnored) && len(names) > 1 {
				continue
			}
			if err != nil {
				if errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errIgnored) {
					err = ErrNoSource
				}
				return nil, fmt.Errorf("%s %s: %w", c.name, name, err)
			}
			if len(items) == 0 {
				return nil, fmt.Errorf("%s %s: it is neither a file nor a folder nor a symbolic link", c.name, name)
			}
			src := picked{name: name, items: items}
			if c.unpack != nil && items[0].Type == tar.TypeReg {
				held, ok, err := c.unpack(ctx, items[0])
				if err != nil {
					return nil, fmt.Errorf("%s %s: %w", c.name, name, err)
				}
				if ok {
					src.items, src.archive = held, true
				}
			}
			sources = append(sources, src)
		}
	}
	for _, h := range c.contents {
		it := item{entry: entry{Name: ".", Type: tar.TypeReg, Mode: 0o644, Size: int64(len(h.Data)), made: true}, open: text(h.Data)}
		sources = append(sources, picked{name: h.Path, items: []item{it}})
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("%s %s: no file matches", c.name, strings.Join(c.patterns, " "))
	}
	return sources, nil
}

// laying collects the files of a layer.
type laying struct {
	copying
	tree  *tree // what is below, and what is laid so far
	items map[string]item
}

func (l *laying) source(dest string, slash bool, src picked) error {
	if src.archive {
		return l.archive(dest, src.items)
	}
	if src.items[0].Type == tar.TypeDir {
		return l.folder(dest, src.items)
	}
	// A link at the destination is followed; one in that folder is replaced.
	name, err := l.tree.resolve(dest)
	if err != nil {
		return err
	}
	if slash || l.tree.isDir(name) {
		name = path.Join(name, path.Base(src.name))
	}
	if name == "." {
		return errors.New("the destination / is a folder")
	}
	if err := l.parents(path.Dir(name), l.uid, l.gid); err != nil {
		return err
	}
	return l.lay(name, src.items[0])
}

// folder lays what is in a folder, which is only made; the way to it is root's.
func (l *laying) folder(dest string, items []item) error {
	name, err := l.tree.resolve(dest)
	if err != nil {
		return err
	}
	if err := l.top(name, l.uid, l.gid); err != nil {
		return err
	}
	for _, it := range items[1:] {
		if err := l.lay(path.Join(name, it.Name), it); err != nil {
			return err
		}
	}
	return nil
}

// top makes the folder that files are laid into; one that exists stays as it is.
func (l *laying) top(name string, uid, gid int) error {
	if name == "." {
		return nil
	}
	if old, ok := l.tree.nodes[name]; ok {
		if old.Type != tar.TypeDir {
			return fmt.Errorf("/%s is not a folder", name)
		}
		return l.parents(name, 0, 0)
	}
	if err := l.parents(path.Dir(name), 0, 0); err != nil {
		return err
	}
	it := item{entry: entry{Type: tar.TypeDir, Mode: 0o755, UID: uid, GID: gid, made: true}}
	if l.chmod != nil {
		it.Mode = l.chmod(it.entry)
	}
	l.put(name, it)
	return nil
}

// lay puts one file at a resolved path.
func (l *laying) lay(name string, it item) error {
	old, exists := l.tree.nodes[name]
	if exists && (old.Type == tar.TypeDir) != (it.Type == tar.TypeDir) {
		if it.Type == tar.TypeDir {
			return fmt.Errorf("/%s is not a folder", name)
		}
		return fmt.Errorf("/%s is a folder", name)
	}
	if !l.keepOwner {
		it.UID, it.GID = l.uid, l.gid
	}
	if l.chmod != nil && it.Type != tar.TypeSymlink {
		it.Mode = l.chmod(it.entry)
	}
	l.put(name, it)
	return nil
}

// archive lays what is in an archive with its owners and modes, which --chown
// and --chmod do not change. Unlike a copied file, one of an archive may replace
// a folder, and is written through links.
func (l *laying) archive(dest string, items []item) error {
	chmod := l.chmod
	l.chmod = nil
	defer func() { l.chmod = chmod }()
	top, err := l.tree.resolve(dest)
	if err != nil {
		return err
	}
	if err := l.top(top, 0, 0); err != nil {
		return err
	}
	for _, it := range items {
		name, err := l.within(top, it.Name)
		if err != nil {
			return err
		}
		if err := l.parents(path.Dir(name), 0, 0); err != nil {
			return err
		}
		if it.Type == tar.TypeLink {
			if it, err = l.linked(top, it); err != nil {
				return err
			}
		}
		l.put(name, it)
	}
	return nil
}

// within returns where a file of an archive lies, links in the image followed.
func (l *laying) within(top, name string) (string, error) {
	dir, err := l.tree.resolve(path.Join(top, path.Dir(name)))
	return path.Join(dir, path.Base(name)), err
}

// linked returns the file that a hard link of an archive is another name of.
func (l *laying) linked(top string, link item) (item, error) {
	name, err := l.within(top, link.Link)
	if err != nil {
		return item{}, err
	}
	target, ok := l.items[name]
	if !ok || target.Type != tar.TypeReg {
		return item{}, fmt.Errorf("%s is a hard link to %s, which is not a file of the archive", link.Name, link.Link)
	}
	return target, nil
}

// parents puts the folders on the way to a file.
func (l *laying) parents(dir string, uid, gid int) error {
	items, made, err := l.tree.above(dir)
	if err != nil {
		return err
	}
	for n, it := range items {
		if _, ok := l.items[it.Name]; ok {
			continue
		}
		if n < made {
			it.UID, it.GID = uid, gid
			if l.chmod != nil {
				it.Mode = l.chmod(it.entry)
			}
		}
		l.put(it.Name, it)
	}
	return nil
}

// put enters a file in the layer, in place of what was there.
func (l *laying) put(name string, it item) {
	if l.tree.nodes[name].Type == tar.TypeDir && it.Type != tar.TypeDir {
		l.tree.remove(name)
		maps.DeleteFunc(l.items, func(other string, _ item) bool { return strings.HasPrefix(other, name+"/") })
	}
	it.Name = name
	l.items[name] = it
	l.tree.nodes[name] = node{entry: it.entry, layer: -1}
}

// sorted returns the files by name. The first name of a file holds it, others are links.
func (l *laying) sorted() []item {
	items := slices.SortedFunc(maps.Values(l.items), byName)
	type file struct {
		source int
		inode  any
	}
	first := map[file]string{}
	for i := range items {
		it := &items[i]
		if it.Type != tar.TypeReg || it.inode == nil {
			continue
		}
		key := file{it.source, it.inode}
		if name, ok := first[key]; ok {
			it.Type, it.Link, it.Size, it.open = tar.TypeLink, name, 0, nil
			continue
		}
		first[key] = it.Name
	}
	return items
}
