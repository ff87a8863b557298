package plan

import (
	"cmp"
	"fmt"
	"math"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/price"
)

// Function is a config of a plan on AWS, on the function that was found there.
type Function struct {
	coldstart.Config
	// Name is the function's, Timeout its own.
	Name    string
	Timeout time.Duration
	// Capacity is how many of its environments may run at once.
	Capacity int
	// Updated is true if the function itself is changed.
	Updated bool
}

// Effort is what forcing cold starts takes on AWS.
type Effort struct {
	// Updates are made to that many Functions; 0 if nothing is changed.
	Updates, Functions int
	// Time is how long it takes, about.
	Time time.Duration
}

// What an update and its wait take on AWS, and what that of an image's does,
// which Lambda prepares.
const (
	perUpdate     = 5 * time.Second
	perDeployment = 30 * time.Second
)

// Effort returns what the plan takes.
func (p Plan) Effort(configs []Function) Effort {
	names := map[string]bool{}
	atOnce := 1
	if p.Strategy == coldstart.StrategyBurst {
		atOnce = p.Burst
	}
	for _, c := range configs {
		if c.Updated {
			names[c.Name] = true
		}
		atOnce = min(atOnce, c.Capacity)
	}
	e := Effort{Functions: len(names)}
	bursts := (p.Runs + atOnce - 1) / atOnce
	perStart := perUpdate
	switch p.Strategy {
	case coldstart.StrategyCodeUpdate:
		// The variables are set before the first deployment, and both are restored.
		e.Updates = p.Runs*len(configs) + len(names)*(p.Redeploy+3)
	case coldstart.StrategyConfigUpdate, coldstart.StrategyVersion:
		e.Updates = p.Runs*len(configs) + len(names)
	case coldstart.StrategyBurst:
		if len(names) > 0 {
			e.Updates = bursts*len(configs) + len(names)
		}
	case coldstart.StrategyIdle:
		perStart = p.Idle.Duration
	}
	parallel := min(p.Parallel, max(len(names), 1))
	turns := (len(configs) + parallel - 1) / parallel
	e.Time = (perStart*time.Duration(bursts) + perDeployment*time.Duration(p.Redeploy)) * time.Duration(turns)
	return e
}

// What an invocation is taken to last if no earlier run knows, in milliseconds:
// more than a small function takes, so that the cost is rather overestimated.
const (
	coldGuessMs = 2000
	warmGuessMs = 200
)

// Cost returns what the invocations of a plan are expected to cost in dollars. x
// is of an earlier run on AWS. The error says why the price is unknown.
func (p Plan) Cost(configs []Function, prices *price.Table, region string, x *Experience) (float64, error) {
	total := 0.0
	for _, c := range configs {
		rates, err := prices.Rates(c.Arch, region)
		if err != nil {
			return math.NaN(), err
		}
		one := func(ms float64) float64 {
			return rates.Cost(min(ms, c.Timeout.Seconds()*1000+10_000), c.MemoryMB)
		}
		cold := cmp.Or(x.billed[invocation{c.Variant, true}], coldGuessMs)
		warm := cmp.Or(x.billed[invocation{c.Variant, false}], warmGuessMs)
		// A first cold start may be a long one: none of an earlier run says how long.
		total += float64(p.Runs)*(one(cold)+float64(p.WarmRuns)*one(warm)) + float64(p.Redeploy)*one(max(cold, coldGuessMs))
	}
	return total, nil
}

// Listing returns a line for each config, with a note of its own.
func Listing(configs []coldstart.Config, note func(i int) string) string {
	width, text := 12, ""
	for _, c := range configs {
		width = max(width, len(c.Variant))
	}
	for i, c := range configs {
		text += fmt.Sprintf("  %-*s %5d MB  %s  %s\n", width, c.Variant, c.MemoryMB, c.Arch, note(i))
	}
	return text
}

// Forcing returns lines that say what is done to functions on AWS to force their
// cold starts.
func (p Plan) Forcing(e Effort) string {
	text := ""
	if p.Control != "" {
		text += fmt.Sprintf("%s is the baseline's own function, sampled once more each round: it shows the noise of sampling, not that of a second deployment\n", p.Control)
	}
	if p.Redeploy > 0 {
		after := fmt.Sprint(p.Runs / p.Redeploy)
		if p.Runs%p.Redeploy > 0 {
			after += fmt.Sprintf(" or %d", p.Runs/p.Redeploy+1)
		}
		text += fmt.Sprintf("%s to each function, of images that it never had: 1 first cold start after each, then %s of the %d\n", Plural(p.Redeploy, "deployment"), after, p.Runs)
	}
	if e.Updates == 0 {
		return text + fmt.Sprintf("strategy %s, which changes nothing\n", p.Strategy)
	}
	return text + fmt.Sprintf("%s of %s by strategy %s, restored at the end\n", Plural(e.Updates, "update"), Plural(e.Functions, "function"), p.Strategy)
}

// Dollars prints an amount.
func Dollars(v float64) string {
	if v > 0 && v < 0.01 {
		return fmt.Sprintf("%.4f USD", v)
	}
	return fmt.Sprintf("%.2f USD", v)
}
