package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// parentName is the folder, in each hierarchy, that holds the groups.
const parentName = "coldbench"

// groupName and probeName begin the names of what could be left behind: control
// groups, and the folder of the sandbox that New makes to see whether it can.
// The name of the process that made them follows.
const (
	groupName = "coldbench-"
	probeName = "coldbench-probe-"
)

// groups makes the control groups of environments.
//
// It writes the files itself. containerd/cgroups would do for one hierarchy
// what these few lines do, but it brings D-Bus, protobuf and eBPF into every
// start of bench, creates all controllers where two are wanted, and has no word
// for a quota that changes while its period stays.
type groups struct {
	cpu, memory folder
	// shown are the hierarchies that a function sees.
	shown []view
	// prefix names this process: the groups are prefix-1, prefix-2, …
	prefix string
	count  atomic.Int64
}

// folder is where the groups of one controller are made.
type folder struct {
	version int
	// dir is the parent; empty where the controller can't be used, and then
	// reason says why.
	dir, reason string
}

// newGroups finds out which limits can be set here, by setting them once.
func newGroups() *groups {
	g := &groups{prefix: groupName + processName()}
	all := hierarchies()
	g.shown = shown(all)
	cpu, memory := findHierarchies(all)
	g.cpu = g.choose(cpu, "cpu", func(n node) error { return n.setCPU(1_000_000, 2_000_000) })
	g.memory = g.choose(memory, "memory", func(n node) error { return n.setMemory(128 << 20) })
	return g
}

// hierarchies lists what is mounted on this machine; nothing if that is unknown.
func hierarchies() []mounted {
	mountinfo, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	cgroup, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil
	}
	return mountedHierarchies(string(mountinfo), string(cgroup))
}

// candidates are the folders in which a parent may be made: the top of what can
// be seen, where a later run finds what this one leaves behind, and this
// process's own group, which may have been delegated to its user.
func (h hierarchy) candidates() []string {
	if h.version == 0 {
		return nil
	}
	if h.own == h.mount {
		return []string{h.mount}
	}
	return []string{h.mount, h.own}
}

// choose returns the first candidate in which a group can be made and limited.
func (g *groups) choose(h hierarchy, controller string, limit func(node) error) folder {
	if h.version == 0 {
		return folder{reason: "no cgroup hierarchy has the " + controller + " controller"}
	}
	var failure error
	for _, dir := range h.candidates() {
		f := folder{version: h.version, dir: filepath.Join(dir, parentName)}
		err := f.prepare(controller)
		if err == nil {
			var n node
			if n, err = f.make(g.name(), controller); err == nil {
				err = errors.Join(limit(n), n.remove())
			}
		}
		if err == nil {
			return f
		}
		f.discard()
		if failure == nil {
			failure = err
		}
	}
	return folder{reason: reasonOf(failure)}
}

// reasonOf puts an error into a header's words.
func reasonOf(err error) string {
	var p *fs.PathError
	switch {
	case errors.As(err, &p) && (errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EROFS)):
		return "no permission to write " + anyGroup(p.Path)
	case errors.As(err, &p):
		return anyGroup(p.Path) + ": " + p.Err.Error()
	case err != nil:
		return err.Error()
	}
	return "unknown"
}

// anyGroup takes the name of one group out of a path: it is another one in each
// run, and runs whose limits are told apart are no sessions of one another.
func anyGroup(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if strings.HasPrefix(part, groupName) {
			parts[i] = "*"
		}
	}
	return strings.TrimSuffix(strings.Join(parts, "/"), "/*")
}

// name returns a name that no other group has.
func (g *groups) name() string {
	return g.prefix + "-" + strconv.FormatInt(g.count.Add(1), 10)
}

// prepare makes the parent. In version 2 a controller is handed down from
// folder to folder.
func (f folder) prepare(controller string) error {
	if f.version == 2 {
		if err := enable(filepath.Dir(f.dir), controller); err != nil {
			return err
		}
	}
	if err := os.Mkdir(f.dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if f.version == 2 {
		return enable(f.dir, controller)
	}
	return nil
}

// enable hands a controller of version 2 down to what is below dir.
func enable(dir, controller string) error {
	path := filepath.Join(dir, "cgroup.subtree_control")
	now, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if slices.Contains(strings.Fields(string(now)), controller) {
		return nil
	}
	err = write(path, "+"+controller)
	if errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("%s holds processes of its own, so cgroup v2 hands no controller down", dir)
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("%s has no %s controller", dir, controller)
	}
	return err
}

// make makes a group. Another bench that ends may remove the empty parent
// between two steps, so it is tried again.
func (f folder) make(name, controller string) (node, error) {
	n := node{version: f.version, dir: filepath.Join(f.dir, name)}
	for try := 0; ; try++ {
		err := os.Mkdir(n.dir, 0o755)
		if err == nil {
			return n, nil
		}
		if !errors.Is(err, fs.ErrNotExist) || try == 3 {
			return node{}, err
		}
		if err := f.prepare(controller); err != nil {
			return node{}, err
		}
	}
}

// discard removes the parent if it is empty.
func (f folder) discard() {
	if f.dir != "" {
		_ = unix.Rmdir(f.dir)
	}
}

// make makes the group of one environment with its limits. Without any
// controller it is a group that limits nothing.
func (g *groups) make(limits limits) (*group, error) {
	name := g.name()
	made := &group{}
	for _, c := range []struct {
		f          folder
		controller string
		into       *node
		limit      func(node) error
	}{
		{g.memory, "memory", &made.memory, func(n node) error { return n.setMemory(limits.memoryBytes) }},
		{g.cpu, "cpu", &made.cpu, func(n node) error { return n.setCPU(limits.cpu.Period, limits.cpu.Init) }},
	} {
		if c.f.dir == "" || c.controller == "cpu" && limits.cpu.Period == 0 {
			continue
		}
		var err error
		if c.f.version == 2 && made.memory.dir != "" && filepath.Dir(made.memory.dir) == c.f.dir {
			*c.into = made.memory
		} else if *c.into, err = c.f.make(name, c.controller); err != nil {
			_ = made.remove()
			return nil, fmt.Errorf("making a cgroup: %w", err)
		}
		if err := c.limit(*c.into); err != nil {
			_ = made.remove()
			return nil, fmt.Errorf("limiting the %s: %w", c.controller, err)
		}
	}
	return made, nil
}

// views returns what the processes of a group see of it: a hierarchy in which it
// has no folder shows the group of this process, which they are in then.
func (g *groups) views(of *group) []view {
	views := slices.Clone(g.shown)
	for i, v := range views {
		for _, n := range of.nodes() {
			if strings.HasPrefix(n.dir, v.mount+"/") {
				views[i].dir = n.dir
			}
		}
	}
	return views
}

// close removes the parents if no other bench uses them.
func (g *groups) close() {
	g.cpu.discard()
	g.memory.discard()
}

// version is "v1", "v2", "v1 and v2" or "".
func (g *groups) version() string {
	var versions []string
	for _, f := range []folder{g.cpu, g.memory} {
		if f.dir != "" {
			versions = append(versions, "v"+strconv.Itoa(f.version))
		}
	}
	slices.Sort(versions)
	return strings.Join(slices.Compact(versions), " and ")
}
