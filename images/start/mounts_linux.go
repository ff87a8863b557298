package main

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

const (
	quiet = syscall.MS_NOSUID | syscall.MS_NODEV
	mute  = quiet | syscall.MS_NOEXEC
)

// devices are what /dev holds, beside links, with their minor numbers (the major
// one is 1). There is no /dev/shm: Lambda has none.
var devices = [...]struct {
	name  string
	minor int
}{{"null", 3}, {"zero", 5}, {"full", 7}, {"random", 8}, {"urandom", 9}}

// links are the other entries of /dev.
var links = [...][2]string{
	{"/proc/self/fd", "/dev/fd"},
	{"/proc/self/fd/0", "/dev/stdin"},
	{"/proc/self/fd/1", "/dev/stdout"},
	{"/proc/self/fd/2", "/dev/stderr"},
}

// hidden are files of /proc that tell about the machine, readOnly the folders
// that change it: what container engines mask, too.
var (
	hidden   = [...]string{"/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug", "/proc/latency_stats"}
	readOnly = [...]string{"/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/sysrq-trigger"}
)

// escape writes a path as the options of an overlay mount read it.
var escape = strings.NewReplacer(`\`, `\\`, ":", `\:`, ",", `\,`)

// root mounts the unpacked image, read-only, on its own folder. Mounts below the
// folder do not appear in it.
//
// An overlay starts with an empty directory cache, as a container engine's does;
// a bind mount shares the machine's, and paths that an earlier environment
// looked up cost less. An overlay needs a second folder: an empty one, on the same
// file system, or files and folders would have different device numbers.
func root(s *spec) (string, error) {
	if s.empty != "" {
		return "mounting an overlay of the image's root", syscall.Mount("overlay", s.root, "overlay",
			syscall.MS_RDONLY|quiet, "lowerdir="+escape.Replace(s.root)+":"+escape.Replace(s.empty))
	}
	if err := syscall.Mount(s.root, s.root, "", syscall.MS_BIND, ""); err != nil {
		return "binding the image's root", err
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(s.root, &st); err != nil {
		return "looking at the image's root", err
	}
	// A user namespace may not take off what the mount has already.
	kept := uintptr(st.Flags) & syscall.MS_NOEXEC
	return "making the image's root read-only", syscall.Mount("", s.root, "",
		syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY|quiet|kept, "")
}

// mounts makes the unpacked image the root of this process, read-only, with a
// /tmp, /dev and /proc of its own, and lets go of the machine's files.
//
// Everything below the root is mounted after the change of root, by absolute
// paths, so that a link in an image ("/tmp -> /var/tmp") is followed within
// the image. The machine's files are reached by relative paths meanwhile.
func mounts(c control, s *spec) (string, error) {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return "making mounts private", err
	}
	if what, err := root(s); err != nil {
		return what, err
	}
	if err := syscall.Chdir(s.root); err != nil {
		return "entering the image's root", err
	}
	// Both roots are now at "/": the new one is what absolute paths begin at,
	// and the old one, on top of it, is this process's folder.
	machine, err := syscall.Open("/", syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return "opening the machine's root", err
	}
	if err := syscall.PivotRoot(".", "."); err != nil {
		return "changing the root", err
	}
	if err := syscall.Fchdir(machine); err != nil {
		return "entering the machine's root", err
	}
	_ = syscall.Close(machine)
	if what, err := dev(); err != nil {
		return what, err
	}
	if what, err := tmp(s); err != nil {
		return what, err
	}
	if what, err := proc(c); err != nil {
		return what, err
	}
	if what, err := cgroups(c, s); err != nil {
		return what, err
	}
	resolver()
	if err := syscall.Unmount(".", syscall.MNT_DETACH); err != nil {
		return "letting go of the machine's files", err
	}
	return "entering the new root", syscall.Chdir("/")
}

// dev makes /dev.
func dev() (string, error) {
	if err := syscall.Mount("tmpfs", "/dev", "tmpfs", syscall.MS_NOSUID|syscall.MS_NOEXEC, "mode=755,size=64k"); err != nil {
		return "mounting /dev", err
	}
	for _, d := range devices {
		path := "/dev/" + d.name
		if syscall.Mknod(path, syscall.S_IFCHR|0o666, 1<<8|d.minor) == nil {
			// The umask took the others' right to write.
			if err := syscall.Chmod(path, 0o666); err != nil {
				return "making " + path, err
			}
			continue
		}
		// A user namespace may make no devices: there it is the machine's own,
		// bound.
		fd, err := syscall.Open(path, syscall.O_CREAT|syscall.O_WRONLY|syscall.O_CLOEXEC, 0o666)
		if err != nil {
			return "making " + path, err
		}
		_ = syscall.Close(fd)
		if err := syscall.Mount("dev/"+d.name, path, "", syscall.MS_BIND, ""); err != nil {
			return "binding " + path, err
		}
	}
	for _, l := range links {
		if err := syscall.Symlink(l[0], l[1]); err != nil {
			return "making " + l[1], err
		}
	}
	if what, err := hosts(); err != nil {
		return what, err
	}
	// In a user namespace the folder is the function's own.
	return "making /dev read-only", syscall.Mount("", "/dev", "",
		syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY|syscall.MS_NOSUID|syscall.MS_NOEXEC, "")
}

// hostNames is /etc/hosts: Lambda's name for an environment's own loopback beside
// the usual one.
const hostNames = "127.0.0.1\tlocalhost\n127.0.0.1\tsandbox.localdomain sandbox\n"

// hosts puts a read-only file over /etc/hosts. The file lies in /dev, whose file
// system it shares, and has no name there afterwards.
func hosts() (string, error) {
	const file, path = "/dev/hosts", "/etc/hosts"
	if err := os.WriteFile(file, []byte(hostNames), 0o644); err != nil {
		return "writing " + file, err
	}
	if err := bindReadOnly(file, path); err != nil {
		return "mounting " + path, err
	}
	return "removing " + file, syscall.Unlink(file)
}

// bindReadOnly mounts a file or folder at a second place, read-only, or leaves that
// place unchanged.
func bindReadOnly(what, where string) error {
	if err := syscall.Mount(what, where, "", syscall.MS_BIND, ""); err != nil {
		return err
	}
	err := syscall.Mount("", where, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY|mute, "")
	if err != nil {
		_ = syscall.Unmount(where, syscall.MNT_DETACH)
	}
	return err
}

// cgroups makes /sys, which holds the control groups of this process and nothing
// else, read-only: runtimes size heaps and thread pools by their limits. In a
// cgroup namespace /proc/self/cgroup and mountinfo name each group "/", which
// every reader of them understands; without one they name the machine's path.
func cgroups(c control, s *spec) (string, error) {
	const cloneNewCgroup = 0x02000000
	const sys, folder = "/sys", "/sys/fs/cgroup"
	if err := syscall.Mount("tmpfs", sys, "tmpfs", mute, "mode=755,size=64k"); err != nil {
		return "mounting /sys", err
	}
	for _, dir := range [...]string{"/sys/fs", folder} {
		if err := syscall.Mkdir(dir, 0o755); err != nil {
			return "making " + dir, err
		}
	}
	if len(s.cgroups) > 0 {
		_, _, _ = syscall.RawSyscall(syscall.SYS_UNSHARE, cloneNewCgroup, 0, 0)
	}
	for _, g := range s.cgroups {
		where := folder
		if g.name != "" {
			where += "/" + g.name
			if err := syscall.Mkdir(where, 0o755); err != nil {
				return "making " + where, err
			}
		}
		if err := bindReadOnly(g.dir[1:], where); err != nil { // below the machine's root
			c.send("note /sys/fs/cgroup lacks " + g.name + ", so that the function takes the machine's limits for its own: " + err.Error() + "\n")
			continue
		}
		if err := controllerLinks(folder, g.name); err != nil {
			return "linking to " + where, err
		}
	}
	return "making /sys read-only", syscall.Mount("", sys, "",
		syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY|mute, "")
}

// tmp mounts /tmp: the one that an earlier process of the environment had, or a
// new one.
func tmp(s *spec) (string, error) {
	if s.keep >= 0 {
		if err := attach(s.keep, "/tmp"); err != nil {
			return "mounting the earlier /tmp", err
		}
	} else {
		owner := ",uid=" + strconv.Itoa(s.uid) + ",gid=" + strconv.Itoa(s.gid)
		if err := syscall.Mount("tmpfs", "/tmp", "tmpfs", quiet, "mode=1777,size="+s.tmp+owner); err != nil {
			return "mounting /tmp", err
		}
	}
	s.kept = clone("/tmp")
	return "", nil
}

// clone returns a descriptor of a second mount of what is mounted at path,
// attached nowhere, or -1 on kernels before 5.2, which have none.
func clone(path string) int {
	const sysOpenTree, openTreeClone, atFDCWD = 428, 1, ^uintptr(99)
	b, err := syscall.BytePtrFromString(path)
	if err != nil {
		return -1
	}
	fd, _, errno := syscall.RawSyscall(sysOpenTree, atFDCWD, uintptr(unsafe.Pointer(b)), openTreeClone|syscall.O_CLOEXEC)
	if errno != 0 {
		return -1
	}
	return int(fd)
}

// attach mounts what clone returned.
func attach(fd int, path string) error {
	const sysMoveMount, fromEmptyPath, atFDCWD = 429, 4, ^uintptr(99)
	var empty byte
	b, err := syscall.BytePtrFromString(path)
	if err != nil {
		return err
	}
	_, _, errno := syscall.RawSyscall6(sysMoveMount, uintptr(fd), uintptr(unsafe.Pointer(&empty)), atFDCWD, uintptr(unsafe.Pointer(b)), fromEmptyPath, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// proc mounts a /proc that shows the sandbox's processes only.
func proc(c control) (string, error) {
	err := syscall.Mount("proc", "/proc", "proc", mute, "")
	if err == syscall.EPERM || err == syscall.EACCES {
		// In a container that hides parts of its own /proc the kernel refuses
		// a whole one to a user namespace.
		c.send("note /proc shows the machine's processes, because a new one was refused: " + err.Error() + "\n")
		return "binding /proc", syscall.Mount("proc", "/proc", "", syscall.MS_BIND|syscall.MS_REC, "")
	}
	if err != nil {
		return "mounting /proc", err
	}
	for _, path := range hidden {
		if err := syscall.Mount("/dev/null", path, "", syscall.MS_BIND, ""); err != nil && err != syscall.ENOENT {
			return "hiding " + path, err
		}
	}
	for _, path := range readOnly {
		if err := bindReadOnly(path, path); err != nil && err != syscall.ENOENT {
			return "making " + path + " read-only", err
		}
	}
	return "", nil
}

// controllerLinks makes a link for each controller of a hierarchy that has several
// ("cpu,cpuacct"), as systemd does.
func controllerLinks(folder, name string) error {
	if !strings.Contains(name, ",") {
		return nil
	}
	for _, one := range strings.Split(name, ",") {
		if err := syscall.Symlink(name, folder+"/"+one); err != nil {
			return err
		}
	}
	return nil
}

// resolver lets the function resolve names as this machine does, as functions
// on Lambda can, where the image has an /etc/resolv.conf to put the machine's
// over. Without one, or without success, names just don't resolve.
func resolver() {
	var st syscall.Stat_t
	if syscall.Lstat("/etc/resolv.conf", &st) != nil || st.Mode&syscall.S_IFMT != syscall.S_IFREG {
		return
	}
	_ = bindReadOnly("etc/resolv.conf", "/etc/resolv.conf")
}
