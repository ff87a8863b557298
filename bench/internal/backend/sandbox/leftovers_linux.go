package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// leftovers lists the groups of bench processes that have ended without
// removing them. The name of a group holds the number and the start time of the
// process that made it, so that another process that got the same number does
// not keep them alive.
func leftovers() []string {
	cpu, memory := hierarchies()
	var found []string
	seen := make(map[string]bool)
	for _, h := range []hierarchy{cpu, memory} {
		for _, dir := range h.candidates() {
			parent := filepath.Join(dir, parentName)
			if seen[parent] {
				continue
			}
			seen[parent] = true
			found = append(found, leftoversIn(parent)...)
		}
	}
	return found
}

// leftoversIn lists those of one parent.
func leftoversIn(parent string) []string {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return nil // there is no parent, so there are none
	}
	var found []string
	for _, e := range entries {
		var pid, start, n int64
		if !e.IsDir() {
			continue
		}
		if _, err := fmt.Sscanf(e.Name()+"\n", "coldbench-%d-%d-%d\n", &pid, &start, &n); err != nil {
			continue
		}
		if started := startTime(strconv.FormatInt(pid, 10)); started == 0 || started != start {
			found = append(found, filepath.Join(parent, e.Name()))
		}
	}
	return found
}

// removeLeftover ends what still runs in a leftover group, and removes it.
func removeLeftover(dir string) error {
	if text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs")); err == nil {
		for _, pid := range numbers(text) {
			if pid > 1 {
				_ = unix.Kill(pid, unix.SIGKILL)
			}
		}
	}
	return node{dir: dir}.remove()
}

// startTime returns when a process started, in clock ticks since boot; 0 where
// there is no such process. A process that is dead but not yet collected by its
// parent counts as none.
func startTime(pid string) int64 {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return 0
	}
	// The name, in parentheses, may hold spaces and parentheses.
	s := string(text)
	f := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
	const state, start = 0, 19 // fields 3 and 22 of proc(5)
	if len(f) <= start || f[state] == "Z" || f[state] == "X" {
		return 0
	}
	n, err := strconv.ParseInt(f[start], 10, 64)
	if err != nil {
		return 0
	}
	return n
}
