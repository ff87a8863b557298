package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Probe is what a function sees of its execution environment.
type Probe struct {
	// Environment holds the variables, KEY=VALUE.
	Environment []string `json:"environment"`
	UID         int      `json:"uid"`
	// Files holds the targets of the open file descriptors from 3 on.
	Files []string `json:"files"`
	// Status holds the lines of /proc/self/status by name.
	Status map[string]string `json:"status"`
	// These say why no file could be made in /, /var/task and /tmp; empty if it could.
	WriteRoot string `json:"writeRoot"`
	WriteTask string `json:"writeTask"`
	WriteTmp  string `json:"writeTmp"`
	// Children are the process's own, Mark what /tmp/mark held when main began.
	Children []string `json:"children"`
	Mark     string   `json:"mark"`
	// Processes are the names of the processes that can be seen.
	Processes []string `json:"processes"`
	// InitLimits are those during init, Limits those of the invocation.
	InitLimits Limits `json:"initLimits"`
	Limits     Limits `json:"limits"`
	// Names are what localhost and Lambda's name for it resolve to.
	Names map[string][]string `json:"names"`
	// Shm is true if there is a /dev/shm.
	Shm bool `json:"shm"`
	// Deadline is the time to the invocation's deadline in ms; 0 for none.
	Deadline int64 `json:"deadline"`
}

// probe looks around.
func probe() Probe {
	p := Probe{
		Environment: os.Environ(), UID: os.Getuid(),
		Files: []string{}, Status: map[string]string{}, InitLimits: limits(),
	}
	_, err := os.Stat("/dev/shm")
	p.Shm = err == nil
	mark, _ := os.ReadFile("/tmp/mark")
	p.Mark = string(mark)
	tasks, _ := filepath.Glob("/proc/self/task/*/children")
	for _, task := range tasks {
		children, _ := os.ReadFile(task)
		p.Children = append(p.Children, strings.Fields(string(children))...)
	}
	fds, _ := filepath.Glob("/proc/self/fd/*")
	for _, fd := range fds {
		switch filepath.Base(fd) {
		case "0", "1", "2":
			continue
		}
		// What Go itself opens to look is gone or anonymous by now.
		if to, err := os.Readlink(fd); err == nil && !strings.HasPrefix(to, "anon_inode:") {
			p.Files = append(p.Files, to)
		}
	}
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if k, v, ok := strings.Cut(line, ":"); ok {
			p.Status[k] = strings.TrimSpace(v)
		}
	}
	for dir, why := range map[string]*string{"/": &p.WriteRoot, "/var/task": &p.WriteTask, "/tmp": &p.WriteTmp} {
		path := filepath.Join(dir, "probe")
		if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
			*why = err.Error()
			continue
		}
		os.Remove(path)
	}
	names, _ := filepath.Glob("/proc/[0-9]*/comm")
	for _, name := range names {
		comm, _ := os.ReadFile(name)
		p.Processes = append(p.Processes, strings.TrimSpace(string(comm)))
	}
	return p
}

// deadline returns how far the deadline is away, in milliseconds.
func deadline(ctx context.Context) int64 {
	at, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return time.Until(at).Milliseconds()
}
