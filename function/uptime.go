package main

import (
	"bytes"
	"fmt"
	"strconv"
	"time"
)

// tick is the unit of times in /proc: one hundredth of a second (USER_HZ is
// 100 on every architecture that Lambda has).
const tick = 10 * time.Millisecond

// startTicks reads the start time of a process, in ticks since boot, from the
// text of /proc/PID/stat: field 22 of proc_pid_stat(5). The name in field 2 may
// hold blanks and parentheses, so fields are counted from its last ")".
func startTicks(stat []byte) (int64, error) {
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return 0, fmt.Errorf("reading /proc/self/stat: no name in it")
	}
	const field = 22 - 3 // the first one after the name is field 3
	fields := bytes.Fields(stat[end+1:])
	if len(fields) <= field {
		return 0, fmt.Errorf("reading /proc/self/stat: %d fields after the name, want more than %d", len(fields), field)
	}
	n, err := strconv.ParseInt(string(fields[field]), 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("reading /proc/self/stat: start time %q is no count of ticks", fields[field])
	}
	return n, nil
}

// age returns how long ago a start time in ticks was at a time since boot, in
// whole ticks: the start time is no more precise, and the result must not look
// as if it were. It is false where the start lies in the future.
func age(sinceBoot time.Duration, start int64) (time.Duration, bool) {
	ticks := int64(sinceBoot/tick) - start
	if ticks < 0 {
		return 0, false
	}
	return time.Duration(ticks) * tick, true
}
