package runtimeapi

import (
	"bytes"
	"os"
	"slices"
	"strconv"
)

// HighWater returns the sum of the processes' VmHWM in bytes: the most memory that each
// program has had resident, shared memory counted for each. It is false if none lives.
func HighWater(pids []int) (int64, bool) {
	var sum int64
	found := false
	for _, pid := range pids {
		// One that ends meanwhile has had its time.
		if n, ok := vmHWM(pid); ok {
			sum += n
			found = true
		}
	}
	return sum, found
}

// vmHWM reads the high-water mark of one process in bytes.
func vmHWM(pid int) (int64, bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, false
	}
	_, rest, ok := bytes.Cut(text, []byte("\nVmHWM:"))
	if !ok {
		return 0, false // a zombie has no memory any more
	}
	line, _, _ := bytes.Cut(rest, []byte(" kB\n"))
	kb, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 10, 64)
	return kb << 10, err == nil
}

// Descendants lists processes and all that they have started. In a PID namespace those
// of process 1 are everything: orphans become its own.
func Descendants(pids ...int) []int {
	found := slices.Clone(pids)
	for i := 0; i < len(found); i++ {
		tasks := "/proc/" + strconv.Itoa(found[i]) + "/task"
		threads, err := os.ReadDir(tasks)
		if err != nil {
			continue
		}
		for _, t := range threads {
			if text, err := os.ReadFile(tasks + "/" + t.Name() + "/children"); err == nil {
				found = append(found, Numbers(text)...)
			}
		}
	}
	return found
}

// Counter reads the number after key in "KEY NUMBER" lines, as in control groups.
func Counter(text []byte, key string) (int64, bool) {
	for line := range bytes.Lines(text) {
		name, value, ok := bytes.Cut(line, []byte(" "))
		if ok && string(name) == key {
			n, err := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}

// Numbers reads numbers with spaces or newlines between.
func Numbers(text []byte) []int {
	var found []int
	for _, word := range bytes.Fields(text) {
		if n, err := strconv.Atoi(string(word)); err == nil {
			found = append(found, n)
		}
	}
	return found
}
