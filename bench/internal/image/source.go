package image

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// source is what COPY reads from: the build context, or a stage or image.
// Names are clean, relative and separated by slashes; "." is its root.
type source interface {
	// match lists the files that a pattern names, sorted; none is no error.
	match(pattern string) ([]string, error)
	// list returns a file or, sorted, a folder and all that is in it; the first one with the
	// name "." and the rest with names relative to it. Modes, times and hard links are the
	// source's. A symbolic link as the name is followed. A name that is not there is an
	// error that wraps fs.ErrNotExist.
	list(ctx context.Context, name string) ([]item, error)
}

// errIgnored says that a file is left out by a .dockerignore file.
var errIgnored = fmt.Errorf("it is left out by the .dockerignore file: %w", fs.ErrNotExist)

// contextSource is a folder on this machine; links never lead out of it.
type contextSource struct {
	root    *os.Root
	ignored *patternmatcher.PatternMatcher
}

// openContext opens a build context. DOCKERFILE.dockerignore wins over .dockerignore, as
// in BuildKit; a named context, without a Dockerfile, has the latter only.
func openContext(dir, dockerfile string) (*contextSource, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening build context: %w", err)
	}
	names := []string{path.Join(dir, ".dockerignore")}
	if dockerfile != "" {
		names = []string{dockerfile + ".dockerignore", names[0]}
	}
	patterns, err := ignorePatterns(names...)
	if err != nil {
		root.Close()
		return nil, err
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		root.Close()
		return nil, fmt.Errorf("reading .dockerignore: %w", err)
	}
	return &contextSource{root, matcher}, nil
}

// ignorePatterns reads the first file that exists.
func ignorePatterns(names ...string) ([]string, error) {
	for _, name := range names {
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		defer f.Close()
		patterns, err := ignorefile.ReadAll(f)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		return patterns, nil
	}
	return nil, nil
}

func (c *contextSource) match(pattern string) ([]string, error) {
	names, err := fs.Glob(c.root.FS(), pattern)
	if err != nil {
		return nil, err
	}
	kept := names[:0]
	for _, name := range names {
		ignored, _, err := c.ignores(name)
		if err != nil {
			return nil, err
		}
		if (!ignored || c.ignored.Exclusions() && c.isDir(name)) && !c.throughLink(pattern, name) {
			kept = append(kept, name)
		}
	}
	return kept, nil
}

// throughLink reports whether a name that matches a pattern lies behind a symbolic
// link that a wildcard matched. Docker's builders walk the folders below the first
// wildcard, and a walk follows no links; fs.Glob does.
func (c *contextSource) throughLink(pattern, name string) bool {
	wild := false
	for i, r := range name {
		if r != '/' {
			continue
		}
		part, rest, _ := strings.Cut(pattern, "/")
		pattern = rest
		wild = wild || hasMeta(part)
		if info, err := c.root.Lstat(name[:i]); wild && err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return true
		}
	}
	return false
}

func (c *contextSource) isDir(name string) bool {
	info, err := c.root.Stat(name)
	return err == nil && info.IsDir()
}

// ignores reports whether the .dockerignore file leaves a name out, and how its
// patterns match it, for what is below. Both of Docker's builders go down from
// the top like this, which now and then differs from matching the path as a
// whole: "d/f*" with "!d" leaves d/f out.
func (c *contextSource) ignores(name string) (ignored bool, info patternmatcher.MatchInfo, err error) {
	if name == "." {
		return false, info, nil
	}
	for i := range len(name) + 1 {
		if i < len(name) && name[i] != '/' {
			continue
		}
		if ignored, info, err = c.ignored.MatchesUsingParentResults(name[:i], info); err != nil {
			return false, info, err
		}
	}
	return ignored, info, nil
}

// resolve follows links with the context as root, as Docker does; ignored ones fail.
func (c *contextSource) resolve(name string) (string, error) {
	out := "" // a link that leads out of the context
	resolved, err := followLinks(name, func(name string, _ bool) (string, bool, error) {
		info, err := c.root.Lstat(name)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			return "", false, nil
		}
		if ignored, _, err := c.ignores(name); ignored || err != nil {
			return "", false, errors.Join(err, errIgnored)
		}
		target, err := c.root.Readlink(name)
		target = filepath.ToSlash(target)
		if path.IsAbs(target) || !filepath.IsLocal(path.Join(path.Dir(name), target)) {
			out = name
		}
		return target, true, err
	})
	if err != nil {
		return "", err
	}
	if _, err := c.root.Lstat(resolved); out != "" && errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s is a symbolic link that leads out of the build context", out)
	}
	return resolved, nil
}

func (c *contextSource) list(ctx context.Context, name string) ([]item, error) {
	name, err := c.resolve(name)
	if err != nil {
		return nil, err
	}
	info, err := c.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	ignored, match, err := c.ignores(name)
	if err != nil {
		return nil, err
	}
	if ignored && !info.IsDir() {
		return nil, errIgnored
	}
	it, err := c.item(name, ".", info)
	items := []item{it}
	if err != nil || !info.IsDir() {
		return items, err
	}
	if err := c.walk(ctx, name, ".", match, &items); err != nil {
		return nil, err
	}
	if ignored && len(items) == 1 {
		return nil, errIgnored
	}
	return items, nil
}

// walk adds what is in a folder. An ignored one is looked into for what a "!" pattern
// brings back, and is there only if something was.
func (c *contextSource) walk(ctx context.Context, dir, rel string, above patternmatcher.MatchInfo, items *[]item) error {
	entries, err := fs.ReadDir(c.root.FS(), dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		name, relName := path.Join(dir, e.Name()), path.Join(rel, e.Name())
		ignored, match, err := c.ignored.MatchesUsingParentResults(name, above)
		if err != nil {
			return err
		}
		if ignored && !(e.IsDir() && c.ignored.Exclusions()) {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		// A socket can't be in an image, and Docker leaves it out as well.
		if info.Mode()&fs.ModeSocket != 0 {
			continue
		}
		it, err := c.item(name, relName, info)
		if err != nil {
			return err
		}
		before := len(*items)
		*items = append(*items, it)
		if e.IsDir() {
			if err := c.walk(ctx, name, relName, match, items); err != nil {
				return err
			}
			if ignored && len(*items) == before+1 {
				*items = (*items)[:before]
			}
		}
	}
	return nil
}

// tarMode returns a file's permission, set-ID and sticky bits as tar has them.
// Windows has no executable bit to go by: as in Docker, all files have it there.
func tarMode(info fs.FileInfo) int64 {
	if runtime.GOOS == "windows" {
		return 0o755
	}
	return modeBits(info.Mode())
}

func modeBits(mode fs.FileMode) int64 {
	bits := int64(mode.Perm())
	if mode&fs.ModeSetuid != 0 {
		bits |= 0o4000
	}
	if mode&fs.ModeSetgid != 0 {
		bits |= 0o2000
	}
	if mode&fs.ModeSticky != 0 {
		bits |= 0o1000
	}
	return bits
}

// item describes a file or folder of the context.
func (c *contextSource) item(name, rel string, info fs.FileInfo) (it item, err error) {
	it.entry = entry{Name: rel, Type: tar.TypeReg, Mode: tarMode(info), ModTime: info.ModTime().Unix()}
	switch {
	case info.IsDir():
		it.Type = tar.TypeDir
	case info.Mode()&fs.ModeSymlink != 0:
		it.Type, it.Mode = tar.TypeSymlink, 0o777
		it.Link, err = c.root.Readlink(name)
	case !info.Mode().IsRegular():
		return item{}, fmt.Errorf("%s is neither a file nor a folder nor a symbolic link", name)
	default:
		it.Size, it.inode = info.Size(), inodeOf(info)
		it.open = func() (io.ReadCloser, int64, error) { return sized(c.root.Open(name)) }
	}
	return it, err
}

// hasMeta reports whether a pattern is more than a name.
func hasMeta(pattern string) bool { return strings.ContainsAny(pattern, `*?[\`) }
