package plan

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/stats"
)

// Flags are a plan as it is typed.
type Flags struct {
	// Typed holds the settings whose flags have a field's own type, with the
	// defaults of those that were not given.
	Typed Plan
	// Memory and Arch are words of lists; Cold and Warm set Only; MaxRuns takes
	// the place of Runs with Precision. Control asks for the baseline once more,
	// whose name Plan.Control will be.
	Memory, Arch        []string
	Cold, Warm, Control bool
	MaxRuns             int
	// Resume is true if the plan of an earlier run will follow.
	Resume bool
	// Given reports whether a flag was given.
	Given func(flag string) bool
}

// Make returns the plan of bench local or bench aws, named by backend, or the
// error that says which flag is wrong. from is the plan of the run that is
// resumed: it sets what was not given. Before that run is read it is nil.
func (f Flags) Make(backend string, from *Plan) (Plan, error) {
	p, err := f.typed()
	if err != nil {
		return p, err
	}
	if from != nil {
		p.Resume(*from, f.Given)
	}
	if err := f.check(&p, backend, from != nil); err != nil {
		return p, err
	}
	p.clear()
	return p, nil
}

// clear removes what does not apply: it is not recorded, whatever its default.
func (p *Plan) clear() {
	if p.CPU != "lambda" {
		p.CPUPeriod = Millis{}
	}
	if p.Strategy != coldstart.StrategyBurst {
		p.Burst = 0
	}
	if p.Strategy != coldstart.StrategyIdle {
		p.Idle = Seconds{}
	}
	if p.Only == "cold" {
		p.WarmRuns = 0
	}
}

func (f Flags) typed() (p Plan, err error) {
	p = f.Typed
	switch {
	case f.Cold && f.Warm:
		return p, errors.New("--cold and --warm can't be combined")
	case f.Cold:
		p.Only = "cold"
	case f.Warm:
		p.Only = "warm"
	}
	if p.Precision != "" && !f.Resume {
		p.Runs = f.MaxRuns
	}
	switch {
	case len(f.Memory) == 0 && f.Given("memory"):
		return p, errors.New("--memory must not be empty")
	case len(f.Arch) == 0 && f.Given("arch"):
		return p, errors.New("--arch must not be empty")
	}
	if p.MemoryMB, err = memorySizes(f.Memory); err == nil {
		p.Arch, err = Architectures(f.Arch)
	}
	return p, err
}

func (f Flags) check(p *Plan, backend string, resumed bool) error {
	const million = 1_000_000
	switch {
	case p.Runs < 1 && p.Precision == "":
		return fmt.Errorf("--runs %d: must be at least 1", p.Runs)
	case p.Runs > million && p.Precision == "":
		return fmt.Errorf("--runs %d: must be at most %d", p.Runs, million)
	case p.WarmRuns < 0 || p.WarmRuns > million:
		return fmt.Errorf("--warm-runs %d: must be 0 to %d", p.WarmRuns, million)
	case p.Only == "warm" && p.WarmRuns == 0:
		return errors.New("--warm with --warm-runs 0 measures nothing")
	case p.Pause.Duration < 0 || p.Pause.Duration > time.Minute:
		return fmt.Errorf("--pause %s: must be 0 to 1m", p.Pause)
	case p.Retries < 0 || p.Retries > 100:
		return fmt.Errorf("--retries %d: must be 0 to 100", p.Retries)
	}
	if err := f.checkPrecision(p); err != nil {
		return err
	}
	if backend == "local" {
		return checkLocal(p)
	}
	return f.checkAWS(p, resumed)
}

func (f Flags) checkPrecision(p *Plan) error {
	if p.Precision == "" {
		if f.Given("max-runs") {
			return errors.New("--max-runs goes with --precision")
		}
		return nil
	}
	_, err := p.Rule()
	switch {
	case err != nil:
		return err
	case f.Given("runs") && !f.Resume:
		return errors.New("--runs and --precision can't be combined: --max-runs is the most there may be")
	case f.MaxRuns < 20 || f.MaxRuns > 1_000_000:
		return fmt.Errorf("--max-runs %d: 20 to 1000000", f.MaxRuns)
	}
	return nil
}

func checkLocal(p *Plan) error {
	switch {
	case p.CPU != "lambda" && p.CPU != "none":
		return fmt.Errorf("--cpu %q: must be lambda or none", p.CPU)
	case p.CPU == "lambda" && (p.CPUPeriod.Duration < time.Millisecond || p.CPUPeriod.Duration > time.Second):
		return fmt.Errorf("--cpu-period %s: must be 1ms to 1s", p.CPUPeriod)
	case p.Timeout.Duration < time.Second || p.Timeout.Duration > 15*time.Minute:
		return fmt.Errorf("--timeout %s: must be 1s to 15m", p.Timeout)
	case p.Network != "bridge" && p.Network != "none":
		return fmt.Errorf("--network %q: must be bridge or none", p.Network)
	}
	return nil
}

func (f Flags) checkAWS(p *Plan, resumed bool) error {
	strategies := coldstart.Strategies()
	switch {
	case !slices.Contains(strategies, p.Strategy):
		return fmt.Errorf("--strategy %q: %s", p.Strategy, strings.Join(strategies, ", "))
	case p.Parallel < 1 || p.Parallel > 100:
		return fmt.Errorf("--parallel %d: 1 to 100", p.Parallel)
	case p.Burst < 1 || p.Burst > 1000:
		return fmt.Errorf("--burst %d: 1 to 1000, what Lambda starts of a function in ten seconds", p.Burst)
	case p.Idle.Duration < 0 || p.Idle.Duration > 24*time.Hour:
		return fmt.Errorf("--idle %s: 0 to 24h", p.Idle)
	}
	if p.Strategy == coldstart.StrategyBurst {
		if p.Only == "warm" || f.Given("warm-runs") && p.WarmRuns > 0 {
			return errors.New("--strategy burst measures cold starts only: which environment a warm invocation reaches can't be told")
		}
		p.Only = "cold"
	}
	if f.Resume && !resumed {
		return nil // the run decides
	}
	return f.checkRedeploy(p)
}

// checkRedeploy checks --redeploy: it is a strategy, whose first cold starts are
// one for each image.
func (f Flags) checkRedeploy(p *Plan) error {
	const code = coldstart.StrategyCodeUpdate
	switch {
	case p.Redeploy < 0 || p.Redeploy > 1000:
		return fmt.Errorf("--redeploy %d: 0 to 1000", p.Redeploy)
	case p.Redeploy > 0 && f.Given("strategy") && p.Strategy != code:
		return fmt.Errorf("--redeploy is strategy %s, not %s", code, p.Strategy)
	case p.Redeploy == 0 && p.Strategy == code:
		return fmt.Errorf("--strategy %s deploys images: --redeploy K says how many", code)
	case p.Redeploy == 0 && f.Given("tfvars"):
		return errors.New("--tfvars is of --redeploy")
	case p.Redeploy == 0:
		return nil
	case p.Redeploy > p.Runs:
		return fmt.Errorf("--redeploy %d: at most --runs, %d, which are spread over the deployments", p.Redeploy, p.Runs)
	case p.Precision != "":
		return errors.New("--redeploy and --precision can't be combined: the cold starts after each deployment are counted beforehand")
	case f.Control || p.Control != "":
		return errors.New("--redeploy and --control can't be combined: a deployment has one first cold start")
	case p.Only == "warm":
		return errors.New("--redeploy and --warm can't be combined: it is the cold starts that a deployment changes")
	case len(p.MemoryMB) > 1:
		return errors.New("--redeploy takes one memory size: a deployment has one first cold start")
	}
	p.Strategy = code
	return nil
}

func memorySizes(words []string) ([]int, error) {
	var sizes []int
	for _, word := range words {
		size, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil {
			return nil, fmt.Errorf("--memory %q: not a whole number of MB", word)
		}
		if err := CheckMemory(size); err != nil {
			return nil, err
		}
		if slices.Contains(sizes, size) {
			return nil, fmt.Errorf("--memory: %d twice", size)
		}
		sizes = append(sizes, size)
	}
	return sizes, nil
}

// CheckMemory returns an error for a memory size that Lambda does not have.
func CheckMemory(size int) error {
	if size < 128 || size > 10240 {
		return fmt.Errorf("--memory %d: must be 128 to 10240 MB, as on Lambda", size)
	}
	return nil
}

// Architectures reads words of --arch, and lists each architecture once, as
// "amd64" or "arm64".
func Architectures(words []string) ([]string, error) {
	names := map[string]string{"amd64": "amd64", "x86_64": "amd64", "arm64": "arm64", "aarch64": "arm64"}
	var archs []string
	for _, word := range words {
		arch, ok := names[word]
		if !ok {
			return nil, fmt.Errorf("--arch %q: must be amd64 or arm64", word)
		}
		if !slices.Contains(archs, arch) {
			archs = append(archs, arch)
		}
	}
	return archs, nil
}

// WithControl adds the baseline once more under another name, and returns that.
// variant is where a configuration says which variant it is of; without a baseline
// that is the first one's.
func WithControl[C any](configs []C, baseline string, variant func(*C) *string) ([]C, string, error) {
	if baseline == "" {
		baseline = *variant(&configs[0])
	}
	name := baseline + "-control"
	for _, c := range configs {
		switch *variant(&c) {
		case name:
			return nil, "", fmt.Errorf("--control: there is a variant %q already", name)
		case baseline:
			*variant(&c) = name
			configs = append(configs, c)
		}
	}
	return configs, name, nil
}

// Rule returns the rule of Precision that ends the run before Runs; nil for none.
func (p Plan) Rule() (*stats.Precision, error) {
	if p.Precision == "" {
		return nil, nil
	}
	rule := &stats.Precision{Quantile: 0.5}
	width := p.Precision
	if at, rest, ok := strings.Cut(width, ":"); ok {
		quantiles := map[string]float64{"p50": 0.5, "median": 0.5, "p90": 0.9, "p99": 0.99}
		if rule.Quantile, ok = quantiles[at]; !ok {
			return nil, fmt.Errorf("--precision %q: median, p90 or p99 before the colon", p.Precision)
		}
		width = rest
	}
	var err error
	if rule.HalfWidth, err = Share(width); err != nil {
		return nil, fmt.Errorf("--precision %q: %w", p.Precision, err)
	}
	if rule.HalfWidth <= 0 {
		return nil, fmt.Errorf("--precision %q: more than 0%%", p.Precision)
	}
	return rule, nil
}

// Share reads a percentage, "5%" or "5", as a share: 0.05.
func Share(s string) (float64, error) {
	v, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(s, "%")), 64)
	switch {
	case err != nil:
		return 0, errors.New("a percentage, 5% say")
	case math.IsNaN(v) || v < 0 || v > 1e4:
		return 0, errors.New("a percentage from 0% to 10000%")
	}
	return v / 100, nil
}
