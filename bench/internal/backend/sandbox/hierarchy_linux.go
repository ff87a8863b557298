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

// mounted is a hierarchy and what it is mounted with.
type mounted struct {
	hierarchy
	// options are the mount's: a hierarchy of version 1 lists its controllers
	// there, beside others.
	options []string
}

// mountedHierarchies reads /proc/self/mountinfo and /proc/self/cgroup, and
// returns hierarchies in mountinfo's order.
func mountedHierarchies(mountinfo, cgroup string) []mounted {
	own := ownGroups(cgroup)
	var all []mounted
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
			options := strings.Split(g[2], ",")
			i := slices.IndexFunc(options, func(o string) bool { return own[o] != "" })
			all = append(all, mounted{hierarchy{1, mount, below(mount, root, own[options[max(i, 0)]])}, options})
		case "cgroup2":
			all = append(all, mounted{hierarchy{2, mount, below(mount, root, own[""])}, nil})
		}
	}
	return all
}

// findHierarchies returns where the cpu and the memory controller are: each in a
// hierarchy of version 1, or in the one of version 2, as on hybrid systems.
// Whether version 2 has the controller is for its cgroup.controllers to say.
func findHierarchies(all []mounted) (cpu, memory hierarchy) {
	for _, m := range all {
		for name, h := range map[string]*hierarchy{"cpu": &cpu, "memory": &memory} {
			if m.version == 1 && h.version != 1 && slices.Contains(m.options, name) || m.version == 2 && h.version == 0 {
				*h = m.hierarchy
			}
		}
	}
	return cpu, memory
}

// shownControllers are those that tell a program its limits. The JVM demands all
// of them before it believes any (JDK 17, cgroupSubsystem_linux.cpp).
var shownControllers = []string{"cpu", "cpuacct", "cpuset", "memory"}

// view is a control group as the function sees it: dir, a folder of the hierarchy
// at mount, as /sys/fs/cgroup/NAME, or as /sys/fs/cgroup if name is empty.
type view struct{ name, mount, dir string }

// shown returns the hierarchies that a function sees, with their controllers as
// the names: those of version 1 if there are any, else the one of version 2.
func shown(all []mounted) []view {
	var views []view
	seen := make(map[string]bool)
	for _, m := range all {
		var controllers []string
		for _, o := range m.options {
			if slices.Contains(shownControllers, o) && !seen[o] {
				controllers = append(controllers, o)
				seen[o] = true
			}
		}
		if len(controllers) > 0 {
			views = append(views, view{strings.Join(controllers, ","), m.mount, m.own})
		}
	}
	if len(views) > 0 {
		return views
	}
	for _, m := range all {
		if m.version == 2 {
			return []view{{"", m.mount, m.own}}
		}
	}
	return nil
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
