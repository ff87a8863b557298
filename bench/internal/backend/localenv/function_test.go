package localenv

import (
	"strings"
	"testing"
	"time"

	"coldbench/bench/internal/coldstart"
)

func TestQuota(t *testing.T) {
	for _, c := range []struct {
		memoryMB int
		period   time.Duration
		want     Quota
	}{
		{128, 0, Quota{20_000, 40_000, 1_447}},
		{512, 0, Quota{20_000, 40_000, 5_788}},
		{1769, 100 * time.Millisecond, Quota{100_000, 200_000, 100_000}},
		{10240, 0, Quota{20_000, 115_771, 115_771}}, // more than two vCPUs: init is not slower
	} {
		got, err := QuotaOf(c.memoryMB, coldstart.Options{LimitCPU: true, CPUPeriod: c.period})
		if err != nil || got != c.want {
			t.Errorf("%d MB, %v: %+v, %v, want %+v", c.memoryMB, c.period, got, err, c.want)
		}
	}
	if q, err := QuotaOf(512, coldstart.Options{}); err != nil || q != (Quota{}) {
		t.Errorf("no limit: %+v, %v", q, err)
	}
	for period, want := range map[time.Duration]string{
		time.Microsecond: "want 1ms to 1s", 2 * time.Second: "want 1ms to 1s", 5 * time.Millisecond: "takes no quota below 1 ms",
	} {
		if q, err := QuotaOf(128, coldstart.Options{LimitCPU: true, CPUPeriod: period}); err == nil || q != (Quota{}) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %+v, %v", period, q, err)
		}
	}
}
