package sandbox

import (
	"path"
	"slices"
	"strings"
)

// hierarchy is where a cgroup controller lives on this machine.
type hierarchy struct {
	// version is 1 or 2; 0 where there is no such controller.
	version int
	// mount is where the hierarchy is mounted, own the folder in it that this
	// process is in.
	mount, own string
}

// findHierarchies reads /proc/self/mountinfo and /proc/self/cgroup and says
// where the cpu and the memory controller are: each in a hierarchy of version
// 1, or in the one of version 2, as on hybrid systems. Whether version 2 has
// the controller is for its cgroup.controllers to say.
func findHierarchies(mountinfo, cgroup string) (cpu, memory hierarchy) {
	own := ownGroups(cgroup)
	for _, line := range strings.Split(mountinfo, "\n") {
		// 31 25 0:29 ROOT MOUNT OPTIONS [optional]... - TYPE SOURCE SUPER
		before, after, ok := strings.Cut(line, " - ")
		f, g := strings.Fields(before), strings.Fields(after)
		if !ok || len(f) < 6 || len(g) < 3 {
			continue
		}
		root, mount := unescape(f[3]), unescape(f[4])
		switch g[0] {
		case "cgroup":
			for name, h := range map[string]*hierarchy{"cpu": &cpu, "memory": &memory} {
				if h.version != 1 && slices.Contains(strings.Split(g[2], ","), name) {
					*h = hierarchy{1, mount, below(mount, root, own[name])}
				}
			}
		case "cgroup2":
			for _, h := range []*hierarchy{&cpu, &memory} {
				if h.version == 0 {
					*h = hierarchy{2, mount, below(mount, root, own[""])}
				}
			}
		}
	}
	return cpu, memory
}

// ownGroups reads /proc/self/cgroup: lines of NUMBER:CONTROLLERS:PATH. The
// group of version 2 has the name "".
func ownGroups(cgroup string) map[string]string {
	own := make(map[string]string)
	for _, line := range strings.Split(cgroup, "\n") {
		f := strings.SplitN(line, ":", 3)
		if len(f) != 3 {
			continue
		}
		for _, name := range strings.Split(f[1], ",") {
			own[name] = f[2]
		}
	}
	return own
}

// below translates the group's path, which begins at the top of the hierarchy,
// into the file system, where only root and what is below it is mounted. A
// group that is not below root can't be seen: then it is the mount itself.
func below(mount, root, group string) string {
	if root == "/" {
		return path.Join(mount, group)
	}
	if rest, ok := strings.CutPrefix(group+"/", root+"/"); ok {
		return path.Join(mount, rest)
	}
	return mount
}

// unescape undoes mountinfo's octal escapes.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
