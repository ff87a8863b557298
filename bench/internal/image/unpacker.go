package image

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"
)

// unpacker puts layers on top of each other in a folder. It never leaves the
// folder: every name is resolved inside it first, symbolic links included, and
// every operation goes through os.Root, which refuses to leave it as well.
type unpacker struct {
	root  *os.Root
	chown bool
	dirs  map[string]folder // set at the end
	meter *Meter
	fresh map[string]bool // what the current layer made, or made something in
	// The folder of the last entry, until something is removed: most entries lie in
	// the same one as the entry before, and os.Root opens every folder on the way.
	lastName, lastDir string // in the archive, and resolved
	last              *os.Root
}

// folder holds what a folder gets when its content is complete.
type folder struct {
	mode    fs.FileMode
	modTime time.Time
}

// madeFolder is a folder that no layer describes. Engines give it the time of
// unpacking, which would differ from one machine to the next.
func madeFolder() folder { return folder{0o755, time.Unix(0, 0)} }

func newUnpacker(root *os.Root) *unpacker {
	return &unpacker{root: root, chown: os.Geteuid() == 0, dirs: map[string]folder{".": madeFolder()}, fresh: map[string]bool{}}
}

// layer unpacks one layer.
func (u *unpacker) layer(ctx context.Context, s *Store, l layer) error {
	u.fresh = map[string]bool{}
	return s.readLayer(ctx, l, u.member)
}

// member unpacks one entry of a layer.
func (u *unpacker) member(h *tar.Header, r io.Reader) error {
	name, ok := cleanName(h.Name)
	if !ok {
		return fmt.Errorf("entry %q leads out of the image", h.Name)
	}
	if err := u.entry(name, h, r); err != nil {
		return fmt.Errorf("entry %q: %w", h.Name, err)
	}
	return nil
}

// entry unpacks one file.
func (u *unpacker) entry(name string, h *tar.Header, r io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	if name == "." {
		if h.Typeflag == tar.TypeDir {
			u.dirs["."] = folder{modeOf(h), h.ModTime}
			return u.own(".", h)
		}
		return errors.New("the root is not a folder")
	}
	dir, err := u.enter(path.Dir(name))
	if err != nil {
		return err
	}
	base := path.Base(name)
	if base == whiteoutOpaque {
		return u.opaque(dir)
	}
	if hidden, ok := strings.CutPrefix(base, whiteoutPrefix); ok {
		return u.whiteout(path.Join(dir, hidden))
	}
	name = path.Join(dir, base)
	old, err := u.last.Lstat(base)
	exists := err == nil
	if exists && !(old.IsDir() && h.Typeflag == tar.TypeDir) {
		if err := u.remove(name); err != nil {
			return err
		}
		exists = false
		if _, err := u.enter(dir); err != nil {
			return err
		}
	}
	u.mark(name)
	switch h.Typeflag {
	case tar.TypeDir:
		if !exists {
			if err := u.root.Mkdir(name, 0o755); err != nil {
				return err
			}
		}
		u.dirs[name] = folder{modeOf(h), h.ModTime}
		return u.own(name, h)
	case tar.TypeReg, '\x00':
		return u.file(base, h, r)
	case tar.TypeSymlink:
		if err := u.root.Symlink(h.Linkname, name); err != nil {
			return err
		}
		if err := u.own(name, h); err != nil {
			return err
		}
		return setModTime(u.root, name, h.ModTime)
	case tar.TypeLink:
		return u.link(name, h)
	}
	// Devices, pipes: an unpacked image has none, and the engines bring their
	// own /dev.
	return nil
}

// mark notes that the current layer made a file.
func (u *unpacker) mark(name string) {
	for ; name != "." && !u.fresh[name]; name = path.Dir(name) {
		u.fresh[name] = true
	}
}

// enter makes a folder the last one and returns its resolved path.
func (u *unpacker) enter(name string) (string, error) {
	if u.last != nil && u.lastName == name {
		return u.lastDir, nil
	}
	dir, err := u.folder(name)
	if err != nil {
		return "", err
	}
	root, err := u.root.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	u.leave()
	u.lastName, u.lastDir, u.last = name, dir, root
	return dir, nil
}

// leave closes the last folder.
func (u *unpacker) leave() {
	if u.last != nil {
		u.last.Close()
		u.last = nil
	}
}

// file writes a regular file to the last folder.
func (u *unpacker) file(name string, h *tar.Header, r io.Reader) error {
	f, err := u.last.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.MultiWriter(f, u.meter), r)
	// The owner first: changing it takes bits of the mode away.
	if err == nil && u.chown {
		err = f.Chown(h.Uid, h.Gid)
	}
	if err == nil {
		err = f.Chmod(modeOf(h))
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return setModTime(u.last, name, h.ModTime)
}

// link makes a hard link to a file that an earlier entry made. As in Docker,
// the link's own owner, mode and time win, for all names of the file.
func (u *unpacker) link(name string, h *tar.Header) error {
	clean, ok := cleanName(h.Linkname)
	if !ok {
		return fmt.Errorf("hard link to %q leads out of the image", h.Linkname)
	}
	dir, err := u.resolve(path.Dir(clean))
	if err != nil {
		return err
	}
	if err := u.root.Link(path.Join(dir, path.Base(clean)), name); err != nil {
		return err
	}
	if err := u.own(name, h); err != nil {
		return err
	}
	info, err := u.root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	if err := u.root.Chmod(name, modeOf(h)); err != nil {
		return err
	}
	return setModTime(u.root, name, h.ModTime)
}

// own gives a file to its owner, where that is possible.
func (u *unpacker) own(name string, h *tar.Header) error {
	if !u.chown {
		return nil
	}
	return u.root.Lchown(name, h.Uid, h.Gid)
}

// modeOf returns the permission bits of an entry. Set-ID bits would be a danger
// to this machine, where the folder is an ordinary one.
func modeOf(h *tar.Header) fs.FileMode { return fs.FileMode(h.Mode&0o777) | stickyOf(h) }

func stickyOf(h *tar.Header) fs.FileMode {
	if h.Mode&0o1000 != 0 {
		return fs.ModeSticky
	}
	return 0
}

// opaque hides what lower layers put into a folder.
func (u *unpacker) opaque(dir string) error {
	entries, err := fs.ReadDir(u.root.FS(), dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if u.fresh[name] {
			if e.IsDir() {
				if err := u.opaque(name); err != nil {
					return err
				}
			}
			continue
		}
		if err := u.remove(name); err != nil {
			return err
		}
	}
	return nil
}

// whiteout hides one file of a lower layer.
func (u *unpacker) whiteout(name string) error {
	if base := path.Base(name); base == "." || base == ".." || name == "." {
		return errors.New("it hides no file")
	}
	if !u.fresh[name] {
		return u.remove(name)
	}
	if info, err := u.root.Lstat(name); err != nil || !info.IsDir() {
		return err
	}
	return u.opaque(name)
}

// remove removes a file or a folder and forgets the modes of what was in it. A
// layer may replace every file of the one below: only folders cost a search.
func (u *unpacker) remove(name string) error {
	u.leave() // its name may lead elsewhere from now on
	if info, err := u.root.Lstat(name); err == nil && !info.IsDir() {
		delete(u.fresh, name)
		return u.root.Remove(name)
	}
	for dir := range u.dirs {
		if dir == name || strings.HasPrefix(dir, name+"/") {
			delete(u.dirs, dir)
		}
	}
	for made := range u.fresh {
		if made == name || strings.HasPrefix(made, name+"/") {
			delete(u.fresh, made)
		}
	}
	return u.root.RemoveAll(name)
}

// folder returns the resolved path of a folder and makes it where it does not
// exist; a file in its place is replaced, because the layer says that it is a
// folder.
func (u *unpacker) folder(name string) (string, error) {
	dir, err := u.resolve(name)
	if err != nil || dir == "." {
		return dir, err
	}
	info, err := u.root.Lstat(dir)
	if err == nil && info.IsDir() {
		return dir, nil
	}
	if err == nil {
		if err := u.remove(dir); err != nil {
			return "", err
		}
	}
	if _, err := u.folder(path.Dir(dir)); err != nil {
		return "", err
	}
	if err := u.root.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	u.dirs[dir] = madeFolder()
	u.mark(dir)
	return dir, nil
}

// resolve follows every symbolic link of a path, the last one too, with the
// unpacked image as the root of everything.
func (u *unpacker) resolve(name string) (string, error) { return followLinks(name, u.readLink) }

// readLink returns what a symbolic link names; false for anything else.
func (u *unpacker) readLink(name string, _ bool) (string, bool, error) {
	info, err := u.root.Lstat(name)
	if err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return "", false, nil
	}
	target, err := u.root.Readlink(name)
	return filepath.ToSlash(target), true, err
}

// maxLinks is how many symbolic links a path may go through, as Linux.
const maxLinks = 40

// followLinks follows every symbolic link of a path, the last one too. Absolute
// links and ".." stay below the root, which is ".". readLink returns what a link
// names, and false for anything else or nothing; more is true if the path goes on.
func followLinks(name string, readLink func(name string, more bool) (target string, ok bool, err error)) (string, error) {
	links := 0
	done, rest := ".", strings.Split(name, "/")
	for len(rest) > 0 {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			done = path.Dir(done)
			continue
		}
		next := path.Join(done, part)
		target, ok, err := readLink(next, len(rest) > 0)
		if err != nil {
			return "", err
		}
		if !ok {
			done = next
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("%s: too many symbolic links", name)
		}
		if strings.HasPrefix(target, "/") {
			done = "."
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return done, nil
}

// finish makes the mount points and sets the folders' modes and times, the
// deepest first: a folder that can't be written to any more is done with.
func (u *unpacker) finish() error {
	for _, name := range mountPoints {
		info, err := u.root.Lstat(name)
		if err == nil && info.IsDir() {
			continue
		}
		if err == nil {
			if err := u.remove(name); err != nil {
				return err
			}
		}
		if err := u.root.Mkdir(name, 0o755); err != nil {
			return err
		}
		u.dirs[name] = madeFolder()
	}
	if err := u.hosts(); err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(u.dirs))
	sort.Slice(names, func(i, j int) bool { return strings.Count(names[i], "/") > strings.Count(names[j], "/") })
	for _, name := range names {
		mode := u.dirs[name].mode
		if name == "." {
			// Who may read the image at all is not the image's to say here.
			mode |= 0o755
		}
		if !u.chown {
			// Whoever unpacked it must be able to remove it by ordinary means.
			mode |= 0o700
		}
		if err := u.root.Chmod(name, mode); err != nil {
			return err
		}
		if err := setModTime(u.root, name, u.dirs[name].modTime); err != nil {
			return err
		}
	}
	return nil
}

// hosts makes hostsFile, or what it is a link to, unless it is a file.
func (u *unpacker) hosts() error {
	name, err := u.resolve(hostsFile)
	if err != nil {
		return err
	}
	info, err := u.root.Lstat(name)
	if err == nil && info.Mode().IsRegular() {
		return nil
	}
	if err == nil {
		if err := u.remove(name); err != nil {
			return err
		}
	}
	dir, err := u.folder(path.Dir(name))
	if err != nil {
		return err
	}
	name = path.Join(dir, path.Base(name))
	if err := u.root.WriteFile(name, nil, 0o644); err != nil {
		return err
	}
	return setModTime(u.root, name, madeFolder().modTime)
}
