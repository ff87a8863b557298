package docker

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strconv"
	"strings"
)

// thisProcess names the calling process. Two processes have the same host only
// where they can see each other: the same boot, the same PID namespace.
func thisProcess() owner {
	pid := strconv.Itoa(os.Getpid())
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	namespace, err2 := os.Readlink("/proc/self/ns/pid")
	started, ok := startOf(pid)
	if err != nil || err2 != nil || !ok {
		return owner{pid: pid}
	}
	sum := sha256.Sum256([]byte(string(boot) + namespace))
	return owner{host: hex.EncodeToString(sum[:6]), pid: pid, started: started}
}

// lives reports whether the process that o names is running.
func (o owner) lives() bool {
	started, ok := startOf(o.pid)
	return ok && started == o.started
}

// startOf returns when a process was started, in clock ticks since boot: field
// 22 of /proc/PID/stat, counted after the command, which may hold anything. A
// zombie counts as ended.
func startOf(pid string) (string, bool) {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return "", false
	}
	text := string(stat)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return "", false
	}
	return fields[19], true
}
