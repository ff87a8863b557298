package main

import (
	"context"
	"net"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits are what the control group files say, found as a runtime finds them.
type Limits struct {
	// MemoryBytes is 0 if there is no limit.
	MemoryBytes int64 `json:"memoryBytes"`
	// CPUs is the quota over its period; 0 if there is no quota.
	CPUs float64 `json:"cpus"`
	// Missing names controllers whose files are not found.
	Missing []string `json:"missing"`
	// Writable are the folders of control groups that are not mounted read-only.
	Writable []string `json:"writable"`
}

// limits reads the limits of this process.
func limits() Limits {
	var l Limits
	groups := ownGroups()
	memory, cpu := groups["memory"], groups["cpu"]
	if v2 := groups[""]; memory == "" && cpu == "" && v2 != "" {
		memory, cpu = v2, v2
		l.MemoryBytes = int64(number(read(v2, "memory.max")))
		quota, period, _ := strings.Cut(read(v2, "cpu.max"), " ")
		l.CPUs = share(number(quota), number(period))
	} else {
		if n := number(read(memory, "memory.limit_in_bytes")); n < 1<<60 {
			l.MemoryBytes = int64(n)
		}
		l.CPUs = share(number(read(cpu, "cpu.cfs_quota_us")), number(read(cpu, "cpu.cfs_period_us")))
		// The JVM demands these two, too.
		for _, name := range []string{"cpuset", "cpuacct"} {
			if _, err := os.Stat(groups[name]); err != nil {
				l.Missing = append(l.Missing, name)
			}
		}
	}
	for name, dir := range map[string]string{"memory": memory, "cpu": cpu} {
		if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); dir == "" || err != nil {
			l.Missing = append(l.Missing, name)
			continue
		}
		// Permissions don't tell: the files may be another user's.
		if !mountedReadOnly(dir) {
			l.Writable = append(l.Writable, dir)
		}
	}
	slices.Sort(l.Missing)
	return l
}

// ownGroups returns this process's group folders by controller; "" is version 2.
func ownGroups() map[string]string {
	own, dirs := map[string]string{}, map[string]string{}
	for line := range strings.Lines(read("/proc/self", "cgroup")) {
		if f := strings.SplitN(strings.TrimSpace(line), ":", 3); len(f) == 3 {
			for _, controller := range strings.Split(f[1], ",") {
				own[controller] = f[2]
			}
		}
	}
	for line := range strings.Lines(read("/proc/self", "mountinfo")) {
		before, after, _ := strings.Cut(line, " - ")
		f, g := strings.Fields(before), strings.Fields(after)
		if len(f) < 5 || len(g) < 3 || g[0] != "cgroup" && g[0] != "cgroup2" {
			continue
		}
		controllers := strings.Split(g[2], ",")
		if g[0] == "cgroup2" {
			controllers = []string{""}
		}
		for _, controller := range controllers {
			group, ok := own[controller]
			if below, inside := strings.CutPrefix(group, strings.TrimSuffix(f[3], "/")); ok && inside {
				dirs[controller] = path.Join(f[4], below)
			}
		}
	}
	return dirs
}

// read returns a file's text, or nothing.
func read(dir, name string) string {
	text, _ := os.ReadFile(filepath.Join(dir, name))
	return string(text)
}

// number reads a number, or 0 for a word such as "max".
func number(text string) float64 {
	n, _ := strconv.ParseFloat(strings.TrimSpace(text), 64)
	return n
}

// share is quota/period, or 0 if there is no quota.
func share(quota, period float64) float64 {
	if quota <= 0 || period <= 0 {
		return 0
	}
	return quota / period
}

// resolve looks names up and returns what they resolve to, or why they don't.
func resolve(names ...string) map[string][]string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	found := map[string][]string{}
	for _, name := range names {
		addrs, err := net.DefaultResolver.LookupHost(ctx, name)
		if err != nil {
			addrs = []string{err.Error()}
		}
		found[name] = addrs
	}
	return found
}
