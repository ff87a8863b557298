package cli

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"coldbench/bench/internal/runfile"
)

// describeHost says what machine this is without naming it.
func describeHost(e *Engine) runfile.Host {
	h := runfile.Host{
		OS:            osName(),
		Kernel:        firstLine("/proc/sys/kernel/osrelease"),
		CPU:           field("/proc/cpuinfo", "model name"),
		CPUs:          runtime.NumCPU(),
		MemoryMB:      memoryMB(),
		EngineVersion: e.Version(),
		Cgroup:        e.Cgroup(),
	}
	if h.CPU == "" {
		h.CPU = runtime.GOARCH
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{h.OS, h.Kernel, h.CPU, strconv.Itoa(h.CPUs), strconv.Itoa(h.MemoryMB / 256), h.Cgroup}, "\n")))
	h.Fingerprint = fmt.Sprintf("%x", sum[:8])
	return h
}

func osName() string {
	for _, path := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		if name := field(path, "PRETTY_NAME"); name != "" {
			return strings.Trim(name, `"`)
		}
	}
	return runtime.GOOS
}

func memoryMB() int {
	kb, _ := strconv.Atoi(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB"))
	return kb / 1024
}

// field returns the value of the first line of the form "key: value" or
// "key=value", or "" where there is none.
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

func firstLine(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimSpace(line)
}
