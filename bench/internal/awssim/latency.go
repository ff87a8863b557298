package awssim

import (
	"math"
	"strings"
	"time"
)

// quantileRow is a row of the table that was made from measurements: the
// quantiles at quantileLevels of the Init Durations in ms, linear between the
// order statistics (type 7 of Hyndman and Fan).
type quantileRow struct {
	// base is "al2" or "al2023", arch as Lambda writes it.
	base, arch string
	zip        bool
	memoryMB   int
	ms         []float64
}

// platformInit draws what the platform adds to a cold start: an Init Duration of
// a Go hello world on AWS, of the same packaging and architecture and the nearest
// memory size, by the inverse of the distribution, linear between its quantiles.
// It holds that function's own init too, some milliseconds of some tens: what a
// rehearsal prints is an upper end of what the numbers support.
func platformInit(r rng, c configuration) time.Duration {
	p, i := r.Float64(), 1
	for i < len(quantileLevels)-1 && p > quantileLevels[i] {
		i++
	}
	from, to := quantileLevels[i-1], quantileLevels[i]
	return between(rowOf(c).ms[i-1:], (p-from)/(to-from))
}

// between interpolates the first two of some times in ms.
func between(ms []float64, share float64) time.Duration {
	return time.Duration((ms[0] + (ms[1]-ms[0])*share) * float64(time.Millisecond))
}

// firstInits are the Init Durations in ms of the first cold starts after a
// deployment of images with a custom runtime on Amazon Linux 2023, of 117 to 157
// MB: the last of five in each group that has one, of which the other four are 38
// to 110 ms. Those of runtimes of AWS's own have no such first one, nor has any zip.
// Source: rutkowski-tomasz/lambda-benchmark, data/benchmark.json at commit 19cd06b,
// https://github.com/rutkowski-tomasz/lambda-benchmark. Nobody has published any
// of an image without a base.
var firstInits = []float64{853.71, 974.04, 1031.12, 1033.22, 1171.51, 1239.75, 1245.26, 1268.29, 1288.91, 1292.66}

// firstInit draws what the platform adds to the first cold start of an image.
func firstInit(r rng) time.Duration {
	at := r.Float64() * float64(len(firstInits)-1)
	i := int(at)
	return between(firstInits[i:], at-float64(i))
}

// rowOf finds the row of a configuration. Any other base counts as Amazon Linux 2023.
func rowOf(c configuration) quantileRow {
	base := "al2023"
	if name := c.image.Base; strings.Contains(name, "al2") && !strings.Contains(name, "al2023") || c.zip && c.runtime == "provided.al2" {
		base = "al2"
	}
	best, distance := quantileRow{}, math.Inf(1)
	for _, r := range quantileTable {
		if r.base != base || r.zip != c.zip || r.arch != c.arch() {
			continue
		}
		if d := math.Abs(math.Log(float64(c.memoryMB) / float64(r.memoryMB))); d < distance {
			best, distance = r, d
		}
	}
	return best
}
