package localenv

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/runtimeapi"
)

// FunctionOf describes the function of a configuration; its handler is the image's CMD.
func FunctionOf(c coldstart.Config, img coldstart.Image, o coldstart.Options) runtimeapi.Function {
	f := runtimeapi.Function{Name: c.Variant, MemoryMB: c.MemoryMB, Timeout: o.Timeout}
	if len(img.Command) > 0 {
		f.Handler = img.Command[0]
	}
	return f
}

// EnvironmentOf returns the variables of an image, then those that were asked for.
func EnvironmentOf(img coldstart.Image, o coldstart.Options) []string {
	env := slices.Clone(img.Environment)
	for _, key := range slices.Sorted(maps.Keys(o.Environment)) {
		env = append(env, key+"="+o.Environment[key])
	}
	return env
}

// Lambda gives one vCPU at memoryPerCPU MiB, and initCPUs during an on-demand init.
const (
	memoryPerCPU = 1769
	initCPUs     = 2
)

// defaultPeriod is short, so that the first period's budget does not hide the limit.
const defaultPeriod = 20 * time.Millisecond

// Quota is a CPU limit in microseconds of CPU time a period. The zero value is no limit.
type Quota struct {
	Period, Init, Invoke int64
}

// QuotaOf returns Lambda's CPU limit for a memory size, or why the kernel can't set it.
func QuotaOf(memoryMB int, o coldstart.Options) (Quota, error) {
	if !o.LimitCPU {
		return Quota{}, nil
	}
	period := cmp.Or(o.CPUPeriod, defaultPeriod)
	const hint = "another --cpu-period, or --cpu none"
	if period < time.Millisecond || period > time.Second {
		return Quota{}, advice.Hint(fmt.Errorf("CPU period %v: want 1ms to 1s", period), hint)
	}
	q := Quota{Period: period.Microseconds()}
	q.Invoke = q.Period * int64(memoryMB) / memoryPerCPU
	q.Init = max(initCPUs*q.Period, q.Invoke)
	if q.Invoke < time.Millisecond.Microseconds() {
		return Quota{}, advice.Hint(
			fmt.Errorf("CPU period %v: it leaves %d MB a quota of %dµs, and the kernel takes no quota below 1 ms", period, memoryMB, q.Invoke),
			hint)
	}
	return q, nil
}
