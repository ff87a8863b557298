package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"coldbench/bench/internal/backend/localenv"
	"coldbench/bench/internal/coldstart"
)

func TestFindHierarchies(t *testing.T) {
	for _, c := range []struct {
		name, mountinfo, cgroup string
		cpu, memory             hierarchy
	}{
		{
			name: "hybrid, each controller alone",
			mountinfo: "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n" +
				"33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct\n" +
				"35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n" +
				"41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n",
			cgroup: "4:memory:/a/b\n2:cpuacct:/\n1:cpu:/\n0::/\n",
			cpu:    hierarchy{1, "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu"},
			memory: hierarchy{1, "/sys/fs/cgroup/memory", "/sys/fs/cgroup/memory/a/b"},
		},
		{
			name: "version 1 in a container: its group is what is mounted",
			mountinfo: "600 599 0:30 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro,nosuid - cgroup cgroup rw,cpu,cpuacct\n" +
				"601 599 0:31 /docker/abc /sys/fs/cgroup/memory ro,nosuid master:11 - cgroup cgroup rw,memory\n",
			cgroup: "5:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc/inner\n",
			cpu:    hierarchy{1, "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct/inner"},
			memory: hierarchy{1, "/sys/fs/cgroup/memory", "/sys/fs/cgroup/memory"},
		},
		{
			name:      "version 2 with a user's session",
			mountinfo: "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n",
			cgroup:    "0::/user.slice/user-1000.slice/session-2.scope\n",
			cpu:       hierarchy{2, "/sys/fs/cgroup", "/sys/fs/cgroup/user.slice/user-1000.slice/session-2.scope"},
			memory:    hierarchy{2, "/sys/fs/cgroup", "/sys/fs/cgroup/user.slice/user-1000.slice/session-2.scope"},
		},
		{
			name:      "a group outside of what is mounted, and a space in a path",
			mountinfo: "30 24 0:26 /pod /sys/fs/c\\040g rw - cgroup2 none rw\n",
			cgroup:    "0::/podlet/x\n",
			cpu:       hierarchy{2, "/sys/fs/c g", "/sys/fs/c g"},
			memory:    hierarchy{2, "/sys/fs/c g", "/sys/fs/c g"},
		},
		{name: "none", mountinfo: "27 1 254:0 / / rw - ext4 /dev/vda rw\n", cgroup: ""},
		{name: "garbage", mountinfo: "- - -\n\n - cgroup2\n1 2 3 - cgroup x rw,cpu\n", cgroup: "::\nx\n0\n"},
	} {
		cpu, memory := findHierarchies(mountedHierarchies(c.mountinfo, c.cgroup))
		if cpu != c.cpu || memory != c.memory {
			t.Errorf("%s: %+v, %+v", c.name, cpu, memory)
		}
	}
}

// TestViews: the function sees its own group of each hierarchy that has one, and
// this process's elsewhere.
func TestViews(t *testing.T) {
	const separate = "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n" +
		"33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct\n" +
		"34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset\n" +
		"35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n" +
		"39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids\n" +
		"41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
	const together = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n" +
		"35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" +
		"36 31 0:32 / /mnt/memory rw - cgroup cgroup rw,memory\n"
	const two = "30 24 0:26 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
	for _, c := range []struct {
		name, mountinfo, cgroup string
		group                   group
		want                    []string
	}{
		{"each controller alone", separate, "4:memory:/a\n3:cpuset:/s\n2:cpuacct:/\n1:cpu:/\n0::/\n",
			group{cpu: node{1, "/sys/fs/cgroup/cpu/coldbench/1"}, memory: node{1, "/sys/fs/cgroup/memory/a/coldbench/1"}},
			[]string{"cpu:/sys/fs/cgroup/cpu/coldbench/1", "cpuacct:/sys/fs/cgroup/cpuacct", "cpuset:/sys/fs/cgroup/cpuset/s", "memory:/sys/fs/cgroup/memory/a/coldbench/1"}},
		{"no groups", separate, "4:memory:/a\n3:cpuset:/s\n2:cpuacct:/\n1:cpu:/\n0::/\n", group{},
			[]string{"cpu:/sys/fs/cgroup/cpu", "cpuacct:/sys/fs/cgroup/cpuacct", "cpuset:/sys/fs/cgroup/cpuset/s", "memory:/sys/fs/cgroup/memory/a"}},
		{"controllers together, one mounted twice", together, "4:memory:/\n2:cpu,cpuacct:/user\n", group{memory: node{1, "/sys/fs/cgroup/memory/coldbench/1"}},
			[]string{"cpu,cpuacct:/sys/fs/cgroup/cpu,cpuacct/user", "memory:/sys/fs/cgroup/memory/coldbench/1"}},
		{"version 2", two, "0::/user.slice\n", group{cpu: node{2, "/sys/fs/cgroup/user.slice/coldbench/1"}, memory: node{2, "/sys/fs/cgroup/user.slice/coldbench/1"}},
			[]string{":/sys/fs/cgroup/user.slice/coldbench/1"}},
		{"none", "27 1 254:0 / / rw - ext4 /dev/vda rw\n", "", group{}, nil},
	} {
		g := &groups{shown: shown(mountedHierarchies(c.mountinfo, c.cgroup))}
		var got []string
		for _, v := range g.views(&c.group) {
			got = append(got, v.name+":"+v.dir)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestShownVersion2: the one group of version 2 is /sys/fs/cgroup itself, read-only,
// and "/" to the function. A hybrid mount's, which has no controllers, will do.
func TestShownVersion2(t *testing.T) {
	var two []mounted
	for _, m := range hierarchies() {
		if m.version == 2 {
			two = append(two, m)
		}
	}
	if two == nil {
		t.Skip("no cgroup hierarchy of version 2 is mounted here")
	}
	for name, user := range map[string]bool{"root": false, "user namespace": true} {
		t.Run(name, func(t *testing.T) {
			e := engine(t)
			if e.user = e.user || user; e.user != user {
				t.Skip("this user makes sandboxes in user namespaces only")
			}
			e.groups.shown = shown(two)
			var s seen
			answer(t, invoke(t, started(t, e, unpack(t, "probe"), 256, coldstart.Options{}), `{}`), &s)
			if !slices.ContainsFunc(s.Mounts, func(line string) bool {
				return strings.Contains(line, " / /sys/fs/cgroup ro,") && strings.Contains(line, " - cgroup2 ")
			}) {
				t.Errorf("the mounts are %q", s.Mounts)
			}
		})
	}
}

func FuzzFindHierarchies(f *testing.F) {
	for _, name := range []string{"/proc/self/mountinfo", "/proc/self/cgroup"} {
		if _, err := os.Stat(name); err != nil {
			f.Skip(err)
		}
	}
	mountinfo, _ := os.ReadFile("/proc/self/mountinfo")
	cgroup, _ := os.ReadFile("/proc/self/cgroup")
	f.Add(string(mountinfo), string(cgroup))
	f.Add("30 24 0:26 /a /b\\040c rw - cgroup2 none rw", "0::/a/d")
	f.Add("1 2 3:4 /.. /x rw - cgroup c rw,cpu,memory", "1:cpu,memory:/../..")
	f.Fuzz(func(t *testing.T, mountinfo, cgroup string) {
		cpu, memory := findHierarchies(mountedHierarchies(mountinfo, cgroup))
		for _, h := range []hierarchy{cpu, memory} {
			if h.version == 0 && h != (hierarchy{}) {
				t.Fatalf("no version but %+v", h)
			}
			if len(h.candidates()) > 2 || (h.version == 0) != (len(h.candidates()) == 0) {
				t.Fatalf("%+v has candidates %q", h, h.candidates())
			}
		}
	})
}

// fakeV2 makes folders that look like a cgroup hierarchy of version 2: no
// machine here has its controllers, so that only what is written, and where,
// can be tested.
func fakeV2(t *testing.T, dirs ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range append(dirs, "") {
		dir = filepath.Join(root, dir)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"cgroup.subtree_control", "cgroup.procs", "cpu.max", "memory.max", "memory.swap.max"} {
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return root
}

func TestVersion2Files(t *testing.T) {
	root := fakeV2(t, "coldbench", "group")
	f := folder{version: 2, dir: filepath.Join(root, "coldbench")}
	if err := f.prepare("memory"); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{root, f.dir} {
		if got := read(t, dir, "cgroup.subtree_control"); got != "+memory" {
			t.Errorf("%s: %q", dir, got)
		}
	}
	n := node{version: 2, dir: filepath.Join(root, "group")}
	g := &group{cpu: n, memory: n}
	if len(g.nodes()) != 1 {
		t.Errorf("%d folders of one group", len(g.nodes()))
	}
	q := localenv.Quota{Period: 20_000, Init: 40_000, Invoke: 1447}
	steps := []error{n.setMemory(128 << 20), n.setCPU(q.Period, q.Init), g.add(77)}
	if got := read(t, n.dir, "cpu.max"); got != "40000 20000" {
		t.Errorf("during init %q", got)
	}
	steps = append(steps, os.WriteFile(filepath.Join(n.dir, "cpu.max"), nil, 0o644), g.lower(q))
	for _, err := range steps {
		if err != nil {
			t.Error(err)
		}
	}
	for name, want := range map[string]string{"memory.max": "134217728", "memory.swap.max": "0", "cgroup.procs": "77", "cpu.max": "1447 20000"} {
		if got := read(t, n.dir, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for name, text := range map[string]string{
		"cpu.stat":      "usage_usec 5\nnr_periods 3\nnr_throttled 2\nthrottled_usec 1500\n",
		"memory.events": "low 0\noom 4\noom_kill 3\noom_group_kill 1\n",
	} {
		if err := os.WriteFile(filepath.Join(n.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if d, ok := g.throttled(); !ok || d != 1500*time.Microsecond {
		t.Errorf("throttled %v, %v", d, ok)
	}
	if g.kills() != 3 {
		t.Errorf("%d kills", g.kills())
	}
}

// TestNoController: a limit that can't be set is named, with the file that
// stands in the way.
func TestNoController(t *testing.T) {
	root := t.TempDir()
	g := &groups{prefix: "coldbench-0-0"}
	for _, c := range []struct {
		h    hierarchy
		want string
	}{
		{hierarchy{}, "no cgroup hierarchy has the memory controller"},
		{hierarchy{version: 1, mount: root, own: root}, "memory.limit_in_bytes: no such file or directory"},
		{hierarchy{version: 2, mount: root, own: root}, "cgroup.subtree_control: no such file or directory"},
		{hierarchy{version: 1, mount: "/proc/1/none", own: "/proc/1/none"}, "/proc/1/none/coldbench: no such file or directory"},
	} {
		f := g.choose(c.h, "memory", func(n node) error { return n.setMemory(1 << 27) })
		if f.dir != "" || !strings.HasSuffix(f.reason, c.want) {
			t.Errorf("%+v: %+v, want %q", c.h, f, c.want)
		}
	}
	if entries, err := os.ReadDir(root); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if v := g.version(); v != "" {
		t.Errorf("version %q of nothing", v)
	}
	made, err := g.make(limits{memoryBytes: 1 << 27, cpu: localenv.Quota{Period: 1_000_000}})
	if err != nil || len(made.nodes()) != 0 || made.add(1) != nil || made.remove() != nil {
		t.Errorf("a group that limits nothing: %+v, %v", made, err)
	}
	if _, ok := made.throttled(); ok {
		t.Error("throttled is measured where nothing is limited")
	}
}

// TestEndedIn: groups of processes that live stay, also those of a later
// process with the same number.
func TestEndedIn(t *testing.T) {
	parent := t.TempDir()
	started, _ := localenv.StartTime("self")
	self, start := os.Getpid(), int64(0)
	if _, err := fmt.Sscan(started, &start); err != nil {
		t.Fatalf("no start time of this process: %v", err)
	}
	for _, pid := range []string{"0", "999999999"} {
		if _, ok := localenv.StartTime(pid); ok {
			t.Error("a process that is not there has a start time")
		}
	}
	name := func(pid int, start int64) string {
		return "coldbench-" + itoa(int64(pid)) + "-" + itoa(start) + "-1"
	}
	for _, n := range []string{name(self, start), name(self, start+1), name(999999999, 5), "coldbench-1", "other", "coldbench-999999999-5-1x"} {
		if err := os.Mkdir(filepath.Join(parent, n), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(parent, "coldbench-999999999-6-1"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	found := endedIn(parent, groupName)
	want := []string{name(self, start+1), name(999999999, 5)}
	if len(found) != 2 {
		t.Fatalf("found %q, want %q", found, want)
	}
	for _, w := range want {
		if found[0] != filepath.Join(parent, w) && found[1] != filepath.Join(parent, w) {
			t.Errorf("found %q, want %q", found, w)
		}
	}
	for _, dir := range found {
		if err := removeLeftover(dir); err != nil {
			t.Error(err)
		}
	}
	if again := endedIn(parent, groupName); len(again) != 0 {
		t.Errorf("still there: %q", again)
	}
	if endedIn(filepath.Join(parent, "none"), groupName) != nil {
		t.Error("leftovers of no folder")
	}
}

// TestRemoveBusy: a folder that can't be removed is an error in the end, not a
// wait for ever.
func TestRemoveBusy(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := (node{dir: dir}).remove(); err == nil || !strings.Contains(err.Error(), unix.ENOTEMPTY.Error()) {
		t.Errorf("%v", err)
	}
}

// TestReasonsNameNoGroup: of two runs that can't limit anything for the same
// reason the headers say the same.
func TestReasonsNameNoGroup(t *testing.T) {
	for path, want := range map[string]string{
		"/sys/fs/cgroup/cpu/coldbench/coldbench-14653-764366-1":                  "no permission to write /sys/fs/cgroup/cpu/coldbench",
		"/sys/fs/cgroup/cpu/coldbench/coldbench-14653-764366-1/cpu.cfs_quota_us": "no permission to write /sys/fs/cgroup/cpu/coldbench/*/cpu.cfs_quota_us",
		"/sys/fs/cgroup/cpu/coldbench":                                           "no permission to write /sys/fs/cgroup/cpu/coldbench",
	} {
		if got := reasonOf(&os.PathError{Op: "mkdir", Path: path, Err: os.ErrPermission}); got != want {
			t.Errorf("%s: %q", path, got)
		}
	}
}
