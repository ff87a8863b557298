package image

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
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
	// uid and gid are the new owner's; mode replaces the files' own where it
	// is not negative.
	uid, gid int
	mode     int64
}

// picked is a source of a COPY: a file or a folder with what is in it.
type picked struct {
	name  string
	items []item
}

// items returns what a COPY puts into the layer on top of a file system, with
// Docker's rules: a folder's content is copied, not the folder; a file goes
// into the destination where that ends with a slash or is a folder already, and
// is else the destination itself; folders on the way are made.
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
	l := laying{copying: c, tree: t, made: map[string]int{}}
	for _, src := range sources {
		if err := l.source(dest, slash, src); err != nil {
			return nil, fmt.Errorf("copying %s: %w", src.name, err)
		}
	}
	return l.items, nil
}

// pick finds the sources.
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
					err = errors.New("no such file or folder")
				}
				return nil, fmt.Errorf("%s %s: %w", c.name, name, err)
			}
			if len(items) == 0 {
				return nil, fmt.Errorf("%s %s: it is neither a file nor a folder nor a symbolic link", c.name, name)
			}
			sources = append(sources, picked{name, items})
		}
	}
	for _, h := range c.contents {
		it := item{entry: entry{Name: ".", Type: tar.TypeReg, Mode: 0o644, Size: int64(len(h.Data))}, open: text(h.Data)}
		sources = append(sources, picked{h.Path, []item{it}})
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("%s %s: no file matches", c.name, strings.Join(c.patterns, " "))
	}
	return sources, nil
}

// laying collects the files of a layer.
type laying struct {
	copying
	tree  *tree
	items []item
	made  map[string]int // index in items by name
}

// source lays a source and all that is in it.
func (l *laying) source(dest string, slash bool, src picked) error {
	if src.items[0].Type != tar.TypeDir {
		if resolved, err := l.tree.resolve(dest); slash || err == nil && l.tree.isDir(resolved) {
			dest = path.Join(dest, path.Base(src.name))
		}
		return l.lay(dest, src.items[0], l.uid, l.gid)
	}
	// The folder itself is not copied, only made; the way to it is root's.
	top := src.items[0]
	top.Mode = 0o755
	if err := l.lay(dest, top, 0, 0); err != nil {
		return err
	}
	for _, it := range src.items[1:] {
		if err := l.lay(path.Join(dest, it.Name), it, l.uid, l.gid); err != nil {
			return err
		}
	}
	return nil
}

// lay puts one file at an absolute path; uid and gid are for folders that have
// to be made on the way.
func (l *laying) lay(to string, it item, uid, gid int) error {
	top := it.Name == "." && it.Type == tar.TypeDir
	name, err := l.tree.resolve(to)
	if err != nil {
		return err
	}
	if it.Type == tar.TypeSymlink {
		// A link replaces what is there; it is not written through.
		if name, err = l.tree.resolve(path.Dir(to)); err != nil {
			return err
		}
		name = path.Join(name, path.Base(to))
	}
	if name == "." {
		if it.Type != tar.TypeDir {
			return errors.New("the destination / is a folder")
		}
		return nil
	}
	if err := l.parents(path.Dir(name), uid, gid); err != nil {
		return err
	}
	it.Name, it.UID, it.GID = name, l.uid, l.gid
	if l.mode >= 0 && it.Type != tar.TypeSymlink {
		it.Mode = l.mode
	}
	old, exists := l.tree.nodes[name]
	if i, ok := l.made[name]; ok {
		old, exists = node{entry: l.items[i].entry}, true
	}
	if exists && (old.Type == tar.TypeDir) != (it.Type == tar.TypeDir) {
		if it.Type == tar.TypeDir {
			return fmt.Errorf("/%s is not a folder", name)
		}
		return fmt.Errorf("/%s is a folder", name)
	}
	if exists && top {
		it.Mode, it.UID, it.GID = old.Mode, old.UID, old.GID
	}
	l.put(it)
	return nil
}

// parents puts the folders on the way.
func (l *laying) parents(dir string, uid, gid int) error {
	items, made, err := l.tree.above(dir)
	if err != nil {
		return err
	}
	for n, it := range items {
		if i, ok := l.made[it.Name]; ok {
			if l.items[i].Type != tar.TypeDir {
				return fmt.Errorf("/%s is not a folder", it.Name)
			}
			continue
		}
		if n < made {
			it.UID, it.GID = uid, gid
		}
		l.put(it)
	}
	return nil
}

func (l *laying) put(it item) {
	if i, ok := l.made[it.Name]; ok {
		l.items[i] = it
		return
	}
	l.made[it.Name] = len(l.items)
	l.items = append(l.items, it)
}
