package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"coldbench/bench/runtimeapi"
)

// world is everything that an environment could leave behind.
type world struct {
	mounts, groups, processes, files, temporary []string
	goroutines                                  int
}

// look takes a picture of the world.
func look(t testing.TB) world {
	t.Helper()
	w := world{goroutines: runtime.NumGoroutine()}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(mounts), "\n") {
		// Others may mount meanwhile: only what has our names counts, and not
		// what a container engine keeps its images in.
		if strings.Contains(line, "/overlay") {
			continue
		}
		if strings.Contains(line, "coldbench") || strings.Contains(line, os.TempDir()+"/Test") {
			w.mounts = append(w.mounts, line)
		}
	}
	cpu, memory := findHierarchies(hierarchies())
	for _, h := range []hierarchy{cpu, memory} {
		for _, c := range h.candidates() {
			dirs, _ := filepath.Glob(filepath.Join(c, parentName, fmt.Sprintf("coldbench-%d-*", os.Getpid())))
			w.groups = append(w.groups, dirs...)
		}
	}
	for _, pid := range runtimeapi.Descendants(os.Getpid())[1:] {
		name, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
		w.processes = append(w.processes, strconv.Itoa(pid)+" "+strings.TrimSpace(string(name)))
	}
	fds, _ := filepath.Glob("/proc/self/fd/*")
	for _, fd := range fds {
		to, err := os.Readlink(fd)
		if err == nil && !strings.HasPrefix(to, "anon_inode:") && !strings.Contains(to, "/proc/") {
			w.files = append(w.files, filepath.Base(fd)+" "+to)
		}
	}
	w.temporary, _ = filepath.Glob(filepath.Join(os.TempDir(), probeName+processName()+"-*"))
	return w
}

// unchanged demands that the world is as it was. What the kernel and the Go
// runtime take a moment for is waited for.
func (w world) unchanged(t testing.TB) {
	t.Helper()
	var now world
	for end := time.Now().Add(3 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		now = look(t)
		if now.goroutines <= w.goroutines && slices.Equal(now.files, w.files) || time.Now().After(end) {
			break
		}
	}
	for _, c := range []struct {
		what        string
		before, now []string
	}{
		{"mounts", w.mounts, now.mounts}, {"control groups", w.groups, now.groups}, {"processes", w.processes, now.processes},
		{"open files", w.files, now.files}, {"temporary files", w.temporary, now.temporary},
	} {
		if !slices.Equal(c.before, c.now) {
			t.Errorf("%s before: %q, now: %q", c.what, c.before, c.now)
		}
	}
	if now.goroutines > w.goroutines {
		buf := make([]byte, 1<<16)
		t.Errorf("%d goroutines before, %d now:\n%s", w.goroutines, now.goroutines, buf[:runtime.Stack(buf, true)])
	}
}
