package main

import (
	"strings"
	"syscall"
)

// spec is what the emulator asks a sandbox to be. It comes over the control
// connection as fields that end with a NUL each, in any order, and an empty
// field last:
//
//	root=PATH      the unpacked image, on the emulator's own file system
//	empty=PATH     mount the root as an overlay above this empty folder; absent for
//	               a bind mount
//	uid=N gid=N    who the function is
//	tmp=BYTES      size of /tmp
//	keep=N         descriptor of the /tmp to use instead of a new one
//	files=N        limit of open files; absent for no change
//	hostname=NAME  absent for no change
//	cgroup=NAME:PATH  repeated: a control group's folder, shown as NAME in
//	               /sys/fs/cgroup; the only one, of version 2, has no name
//	dir=PATH       working directory, in the image
//	env=KEY=VALUE  repeated
//	arg=WORD       repeated: the entrypoint and its arguments
//
// With ready comes, where the kernel has such a thing, a descriptor of /tmp by
// which the emulator may keep it for the environment's next process.
type spec struct {
	root, empty     string
	hostname, tmp   string
	uid, gid, files int
	cgroups         []cgroup
	// keep is -1 where /tmp is to be new, kept where it can't be kept.
	keep, kept int
	program
}

// cgroup is a control group to show: a folder of the machine, by an absolute path.
type cgroup struct{ name, dir string }

// build reads the spec and makes this process a sandbox of it. It is false
// where that failed, and then the emulator was told, if it is still there.
func (c *control) build() (program, bool) {
	text, ok := c.receive()
	if !ok {
		return program{}, false
	}
	s, bad := parse(text)
	if bad != "" {
		c.fail("reading the sandbox's description: "+bad, syscall.EINVAL)
		return program{}, false
	}
	for _, step := range [...]func(control, *spec) (string, error){
		identify, mounts, limit, drop,
	} {
		if what, err := step(*c, &s); err != nil {
			c.fail(what, err)
			return program{}, false
		}
	}
	c.kept = s.kept
	return s.program, true
}

// receive reads up to and including the empty field.
func (c control) receive() ([]byte, bool) {
	const most = 4 << 20 // an environment is a few KB
	buf := make([]byte, 0, 8192)
	for len(buf) < most {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n := c.read(buf[len(buf):cap(buf)])
		if n == 0 {
			return nil, false
		}
		buf = buf[:len(buf)+n]
		if l := len(buf); l >= 2 && buf[l-1] == 0 && buf[l-2] == 0 {
			return buf[:l-1], true
		}
	}
	return nil, false
}

// parse reads the fields of a spec.
func parse(text []byte) (s spec, bad string) {
	s.uid, s.gid, s.keep, s.kept = -1, -1, -1, -1
	for rest := string(text); rest != ""; {
		var field string
		var ok bool
		if field, rest, ok = strings.Cut(rest, "\x00"); !ok {
			return s, "no end of field"
		}
		name, value, ok := strings.Cut(field, "=")
		if !ok {
			return s, "no field: " + field
		}
		var err error
		switch name {
		case "root":
			s.root = value
		case "empty":
			s.empty = value
		case "hostname":
			s.hostname = value
		case "tmp":
			s.tmp = value
		case "uid":
			s.uid, err = natural(value)
		case "gid":
			s.gid, err = natural(value)
		case "keep":
			s.keep, err = natural(value)
		case "files":
			s.files, err = natural(value)
		case "cgroup":
			name, dir, _ := strings.Cut(value, ":")
			ok = !strings.Contains(name, "/") && strings.HasPrefix(dir, "/")
			s.cgroups = append(s.cgroups, cgroup{name, dir})
		case "dir":
			s.dir = value
		case "env":
			s.env = append(s.env, value)
		case "arg":
			s.argv = append(s.argv, value)
		default:
			ok = false
		}
		if !ok || err != nil {
			return s, "bad field: " + field
		}
	}
	if s.root == "" || s.uid < 0 || s.gid < 0 || len(s.argv) == 0 {
		return s, "root, uid, gid or arg is missing"
	}
	return s, ""
}

// identify sets what the namespaces of this process hold beside mounts.
func identify(_ control, s *spec) (string, error) {
	syscall.Umask(0o022)
	if s.hostname == "" {
		return "", nil
	}
	return "setting the host name", syscall.Sethostname([]byte(s.hostname))
}

// limit sets the resource limits that hold for one process. The limit of
// processes is not among them: the kernel counts it for a user of the whole
// machine, and other programs may run under the same number.
func limit(_ control, s *spec) (string, error) {
	core := syscall.Rlimit{}
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &core); err != nil {
		return "limiting core files", err
	}
	if s.files == 0 {
		return "", nil
	}
	files := syscall.Rlimit{Cur: uint64(s.files), Max: uint64(s.files)}
	return "limiting open files", syscall.Setrlimit(syscall.RLIMIT_NOFILE, &files)
}
