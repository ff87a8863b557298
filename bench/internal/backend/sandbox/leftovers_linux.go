package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// processName names this process for as long as the machine runs, by its number
// and its start: another process that gets the number later has another name.
func processName() string {
	return fmt.Sprintf("%d-%d", os.Getpid(), startTime("self"))
}

// ended is true for a name that begins with prefix and the name of a process,
// where that process has ended.
func ended(name, prefix string) bool {
	rest, ok := strings.CutPrefix(name, prefix)
	words := strings.Split(rest, "-")
	if !ok || len(words) != 3 {
		return false
	}
	for _, w := range words {
		if _, err := strconv.ParseUint(w, 10, 63); err != nil {
			return false
		}
	}
	started := startTime(words[0])
	return started == 0 || strconv.FormatInt(started, 10) != words[1]
}

// leftProbes lists the folders that an engine's try at a sandbox has left in
// dir because it was killed meanwhile.
func leftProbes(dir string) []string {
	if dir == "" {
		dir = os.TempDir()
	}
	return endedIn(dir, probeName)
}

// leftovers lists the groups of bench processes that have ended without
// removing them.
func leftovers() []string {
	cpu, memory := findHierarchies(hierarchies())
	var found []string
	seen := make(map[string]bool)
	for _, h := range []hierarchy{cpu, memory} {
		for _, dir := range h.candidates() {
			parent := filepath.Join(dir, parentName)
			if seen[parent] {
				continue
			}
			seen[parent] = true
			found = append(found, endedIn(parent, groupName)...)
		}
	}
	return found
}

// endedIn lists the folders in parent that processes have left behind.
func endedIn(parent, prefix string) []string {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return nil // there is no parent, so there are none
	}
	var found []string
	for _, e := range entries {
		if e.IsDir() && ended(e.Name(), prefix) {
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
