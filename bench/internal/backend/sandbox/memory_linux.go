package sandbox

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

// highWater returns the sum, over processes, of the most memory that each has
// had resident, in bytes. It is the kernel's VmHWM: of the program that runs
// now, not of images/start before it. Memory that processes share counts for
// each of them. It is false where none of them lives any more.
func highWater(pids []int) (int64, bool) {
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
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(string(line)), " kB"), 10, 64)
	if err != nil {
		return 0, false
	}
	return kb << 10, true
}

// descendants lists a process and what it and its threads have started. In a
// PID namespace that is everything there: orphans become process 1's.
func descendants(pid int) []int {
	found := []int{pid}
	for i := 0; i < len(found); i++ {
		tasks := "/proc/" + strconv.Itoa(found[i]) + "/task"
		threads, err := os.ReadDir(tasks)
		if err != nil {
			continue
		}
		for _, t := range threads {
			if text, err := os.ReadFile(tasks + "/" + t.Name() + "/children"); err == nil {
				found = append(found, numbers(text)...)
			}
		}
	}
	return found
}

// numbers reads numbers with spaces or newlines between.
func numbers(text []byte) []int {
	var found []int
	for _, word := range bytes.Fields(text) {
		if n, err := strconv.Atoi(string(word)); err == nil {
			found = append(found, n)
		}
	}
	return found
}
