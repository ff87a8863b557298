package localenv

import (
	"os"
	"strings"
)

// StartTime returns when a process was started, in clock ticks since boot, or false if it has
// ended: with its number it names a process for as long as the machine runs.
func StartTime(pid string) (string, bool) {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return "", false
	}
	// The name, in parentheses, may hold spaces and parentheses.
	s := string(text)
	fields := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
	const state, start = 0, 19 // fields 3 and 22 of proc(5)
	if len(fields) <= start || fields[state] == "Z" || fields[state] == "X" {
		return "", false
	}
	return fields[start], true
}
