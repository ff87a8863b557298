// Package host describes this machine without naming it, and measures what other
// programs use of it while a run is under way.
package host

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Facts describe a machine. What is unknown is empty or 0.
type Facts struct {
	OS, Kernel string
	// CPU is the model; the architecture if the model is unknown.
	CPU            string
	CPUs, MemoryMB int
}

// Describe returns the facts of this machine.
func Describe() Facts {
	kb, _ := strconv.Atoi(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB"))
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return Facts{
		OS:       osName(),
		Kernel:   strings.TrimSpace(string(kernel)),
		CPU:      cmp.Or(field("/proc/cpuinfo", "model name"), runtime.GOARCH),
		CPUs:     runtime.NumCPU(),
		MemoryMB: kb / 1024,
	}
}

// Fingerprint is equal for equal machines whose engines use the same cgroup version.
func (f Facts) Fingerprint(cgroup string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{f.OS, f.Kernel, f.CPU, strconv.Itoa(f.CPUs), strconv.Itoa(f.MemoryMB / 256), cgroup}, "\n")))
	return fmt.Sprintf("%x", sum[:8])
}

func osName() string {
	for _, path := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		if name := field(path, "PRETTY_NAME"); name != "" {
			return strings.Trim(name, `"`)
		}
	}
	return runtime.GOOS
}

// field returns the value of the first line of the form "key: value" or
// "key=value", or "" if there is none.
func field(path, key string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		k, v, ok := strings.Cut(lines.Text(), ":")
		if !ok {
			k, v, ok = strings.Cut(lines.Text(), "=")
		}
		if ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
