package sandbox

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"coldbench/bench/internal/backend/localenv"
	"coldbench/bench/runtimeapi"

	"golang.org/x/sys/unix"
)

// processName names this process for as long as the machine runs, by its number
// and its start: another process that gets the number later has another name.
func processName() string {
	started, _ := localenv.StartTime("self")
	return strconv.Itoa(os.Getpid()) + "-" + started
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
	started, ok := localenv.StartTime(words[0])
	return !ok || started != words[1]
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
		for _, pid := range runtimeapi.Numbers(text) {
			if pid > 1 {
				_ = unix.Kill(pid, unix.SIGKILL)
			}
		}
	}
	return node{dir: dir}.remove()
}
