package docker

import (
	"fmt"
	"time"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
)

const (
	// memoryPerCPU is the memory size in MiB at which Lambda gives one vCPU.
	memoryPerCPU = 1769
	// initCPUs is how many vCPUs an on-demand init has, whatever the memory
	// size.
	initCPUs = 2
	// defaultPeriod is the quota's period where none was asked for: short
	// enough that the first period's budget does not hide the limit.
	defaultPeriod = 20 * time.Millisecond
	// minQuota is the smallest quota that the kernel takes.
	minQuota = time.Millisecond
)

// quota is a CPU limit as the kernel counts it, in microseconds of CPU time a
// period. The zero value is no limit.
type quota struct {
	period       int64
	init, invoke int64
}

// quotaOf returns Lambda's CPU limit for a memory size: size/1769 vCPUs, and at
// least two during init.
func quotaOf(memoryMB int, o coldstart.Options) (quota, error) {
	if !o.LimitCPU {
		return quota{}, nil
	}
	period := o.CPUPeriod
	if period == 0 {
		period = defaultPeriod
	}
	us := period.Microseconds()
	if us < 1000 || us > 1_000_000 {
		return quota{}, fmt.Errorf("CPU period %v: want 1ms to 1s", period)
	}
	q := quota{period: us, invoke: us * int64(memoryMB) / memoryPerCPU}
	if q.invoke < minQuota.Microseconds() {
		return quota{}, advice.Hint(
			fmt.Errorf("CPU period %v: the share of %d MB would be %d us, and the kernel takes no quota below 1 ms", period, memoryMB, q.invoke),
			"use a longer --cpu-period")
	}
	q.init = max(us*initCPUs, q.invoke)
	return q, nil
}
