// Package plan decides what a run takes: how many samples of what, under which
// conditions, and when it stops. A Plan is made from flags, checked, printed
// with a forecast, run, stored in the run file's header, and read back for
// --resume and --against; settings.go lists which flag sets which field.
//
// It opens no files and prints nothing: cli reads flags and runs, runner takes
// the samples.
package plan

import (
	"fmt"
	"reflect"
	"strings"

	"coldbench/bench/internal/coldstart"
)

// Plan is what was asked for, as the header of a run holds it. Runs of equal
// plans may be compared.
type Plan struct {
	// Runs is the number of rounds, at least 1: the cold starts of each config.
	// With Precision it is the maximum.
	Runs int `json:"runs"`
	// WarmRuns is how often an environment is invoked after its cold start.
	WarmRuns int    `json:"warmRuns"`
	Seed     uint64 `json:"seed"`
	// MemoryMB and Arch list what was measured, each value once. Before the
	// configs are known, an empty list leaves the choice to each variant.
	MemoryMB []int    `json:"memoryMB"`
	Arch     []string `json:"arch"`
	// CPU is "lambda" for Lambda's CPU share or "none"; empty on AWS. CPUPeriod is
	// the quota's period; 0 without a limit.
	CPU       string `json:"cpu"`
	CPUPeriod Millis `json:"cpuPeriodMs,omitzero"`
	// Pause is how long an environment is idle before it is invoked again.
	Pause Millis `json:"pauseMs"`
	// PayloadSha256 is a digest of the event, in hexadecimal.
	PayloadSha256 string `json:"payloadSha256"`
	// Timeout is the function's; 0 on AWS, where it is the function's own.
	Timeout Seconds `json:"timeoutS"`
	// Strategy is how cold starts are forced.
	Strategy string `json:"strategy"`
	// Network is the function's, "bridge" or "none"; empty where the engine has
	// no choice.
	Network string `json:"network,omitempty"`
	// Only is "cold" or "warm" if the tables show only one of the two.
	Only string `json:"only,omitempty"`
	// Baseline is the variant that the others are compared with; empty for the
	// first.
	Baseline string `json:"baseline,omitempty"`
	// Retries is how often an invocation is tried again that was not proved to be
	// what was asked for.
	Retries int `json:"retries,omitempty"`
	// Precision is the half width of the interval at which the run may end before
	// Runs, "5%" or "p90:10%"; empty for none.
	Precision string `json:"precision,omitempty"`
	// Control names the variant that is the baseline once more, under another
	// name; empty for none.
	Control string `json:"control,omitempty"`
	// Parallel is how many configs are worked on at one time, Burst how many cold
	// starts of one overlap, Idle how long a function is left alone; only on AWS.
	Parallel int     `json:"parallel,omitempty"`
	Burst    int     `json:"burst,omitempty"`
	Idle     Seconds `json:"idleS,omitzero"`
	// Against is the ID of the run whose images are measured again beside the
	// present ones; empty for none.
	Against string `json:"against,omitempty"`
	// Redeploy is how many images of each config are deployed one after the other,
	// with strategy code-update; the Runs are spread over them.
	Redeploy int `json:"redeploy,omitempty"`
}

// Rounds returns how many rounds there are after round 0: one for each of the
// Runs and one for each deployment.
func (p Plan) Rounds() int { return p.Runs + p.Redeploy }

// Workload returns a line that says what is taken of so many configs: how many
// invocations, where, in how many rounds.
func (p Plan) Workload(configs int, where string) string {
	colds := p.Runs * configs
	text := Plural(colds, "cold start")
	if p.WarmRuns > 0 {
		text += " and " + Plural(colds*p.WarmRuns, "warm invocation")
	}
	return fmt.Sprintf("%s%s, %s of %s in random order (seed %d)\n", text, where, Plural(p.Rounds(), "round"), Plural(configs, "config"), p.Seed)
}

// Plural names a number of things, which may be a range: "1 sample", "2 to 5 samples".
func Plural[N int | string](n N, noun string) string {
	text := fmt.Sprint(n)
	if text != "1" {
		noun += "s"
	}
	return text + " " + noun
}

// Equal reports whether two plans are the same.
func (p Plan) Equal(q Plan) bool {
	for _, x := range []*Plan{&p, &q} {
		x.MemoryMB = append([]int{}, x.MemoryMB...)
		x.Arch = append([]string{}, x.Arch...)
	}
	return reflect.DeepEqual(p, q)
}

// Differences lists the fields in which two plans differ, by their JSON names:
// "runs 50, seed 1" for p and the same fields of q.
func (p Plan) Differences(q Plan) (ofP, ofQ string) {
	a, b := reflect.ValueOf(p), reflect.ValueOf(q)
	var listA, listB []string
	for i := range a.NumField() {
		x, y := shown(a.Field(i)), shown(b.Field(i))
		if x == y {
			continue
		}
		name, _, _ := strings.Cut(a.Type().Field(i).Tag.Get("json"), ",")
		listA, listB = append(listA, name+" "+x), append(listB, name+" "+y)
	}
	return strings.Join(listA, ", "), strings.Join(listB, ", ")
}

func shown(v reflect.Value) string {
	if d, ok := v.Interface().(interface{ Number() float64 }); ok {
		return fmt.Sprint(d.Number())
	}
	return fmt.Sprint(v)
}

// Past holds the attempts of an interrupted run, in their order. No start is repeated:
// warm invocations that an environment had not served when the run ended stay
// missing.
type Past struct {
	Samples []coldstart.Sample
	Rejects []coldstart.Attempt
	// Failures are the attempts that failed.
	Failures []coldstart.Attempt
	// Deployed are the images that were about to be started for the first time.
	Deployed []coldstart.Deployed
}
