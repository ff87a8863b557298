package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/runner"
	"coldbench/bench/runtimeapi"
)

// measureFlags are the flags that every measuring command has, as typed.
type measureFlags struct {
	runs, warmRuns      int
	cold, warm          bool
	file                string
	memory              []string
	arch                []string
	payload             string
	env                 []string
	timeout, pause      time.Duration
	cpu                 string
	cpuPeriod           time.Duration
	seed                uint64
	baseline            string
	precision           string
	maxRuns             int
	retries             int
	strict, dryRun      bool
	out                 string
	json, quiet, verbal bool
	resume              string
	pricing             pricing

	given func(name string) bool
}

func (f *measureFlags) register(cmd *cobra.Command) {
	s := cmd.Flags()
	s.SortFlags = false
	s.IntVar(&f.runs, "runs", 50, "cold starts of each config")
	s.IntVar(&f.warmRuns, "warm-runs", 5, "warm invocations after each cold start")
	s.BoolVar(&f.cold, "cold", false, "cold starts only, no warm invocations")
	s.BoolVar(&f.warm, "warm", false, "show warm invocations only; the cold starts are made and recorded all the same")
	s.StringVar(&f.file, "file", "", "compose file that lists the variants (default docker-compose.yml)")
	s.StringSliceVar(&f.memory, "memory", nil, "memory sizes in MB, 128 to 10240 (default the service's x-bench memory, else 512)")
	s.StringSliceVar(&f.arch, "arch", nil, "architecture, amd64 or arm64 (default this machine's)")
	s.StringVar(&f.payload, "payload", `{"name":"bench"}`, "the event: a JSON document or a file that holds one")
	s.StringArrayVar(&f.env, "env", nil, "KEY=VALUE to add to the function's environment; may be repeated")
	s.DurationVar(&f.pause, "pause", 40*time.Millisecond, "idle time of an environment before it is invoked again")
	s.Uint64Var(&f.seed, "seed", 1, "seed of the random order")
	s.StringVar(&f.baseline, "baseline", "", "variant the others are compared with (default the first)")
	s.StringVar(&f.precision, "precision", "", "go on until the cold interval's half width is this, 5% or p90:10%")
	s.IntVar(&f.maxRuns, "max-runs", 200, "most cold starts of each config with --precision")
	s.IntVar(&f.retries, "retries", 3, "how often a sample that was not proved is taken again")
	s.BoolVar(&f.strict, "strict", false, "exit 3 when a variant of the compose file could not be measured")
	s.BoolVar(&f.dryRun, "dry-run", false, "print the plan, its minutes and cents, and which differences it can show; create nothing, invoke nothing")
	s.StringVar(&f.out, "out", "results", "folder for runs/*.jsonl and the tables")
	s.BoolVar(&f.json, "json", false, "print the report as JSON")
	s.BoolVar(&f.quiet, "quiet", false, "no progress and no notes")
	s.BoolVar(&f.verbal, "verbose", false, "the function's output on stderr")
	s.StringVar(&f.resume, "resume", "", "go on with an interrupted `RUN`, its file or ID")
	f.pricing.register(s)
	f.given = func(name string) bool { return given(s, name) }
	f.timeout, f.cpu, f.cpuPeriod = 3*time.Second, "lambda", 20*time.Millisecond
}

// registerLimits adds the flags of what is the function's own on AWS.
func (f *measureFlags) registerLimits(cmd *cobra.Command) {
	s := cmd.Flags()
	s.DurationVar(&f.timeout, "timeout", f.timeout, "the function's timeout, 1s to 15m")
	s.StringVar(&f.cpu, "cpu", f.cpu, "lambda: CPU by memory size as Lambda limits it; none: no limit")
	s.DurationVar(&f.cpuPeriod, "cpu-period", f.cpuPeriod, "period of the CPU quota, 1ms to 1s")
}

func given(s *pflag.FlagSet, name string) bool {
	flag := s.Lookup(name)
	return flag != nil && flag.Changed
}

// measure is what the flags ask for, checked.
type measure struct {
	measureFlags
	memoryMB []int // empty: each variant's own
	archs    []string
	event    []byte
	vars     map[string]string
	rule     runner.Rule // nil for none
	before   earlier     // of --against
}

// check turns the flags into values, or into the usage error that says which
// is wrong.
func (f measureFlags) check(dir string) (measure, error) {
	m := measure{measureFlags: f, vars: map[string]string{}}
	switch {
	case f.runs < 1:
		return m, usagef("--runs %d: must be at least 1", f.runs)
	case f.runs > 1_000_000:
		return m, usagef("--runs %d: must be at most 1000000", f.runs)
	case f.warmRuns < 0 || f.warmRuns > 1_000_000:
		return m, usagef("--warm-runs %d: must be 0 to 1000000", f.warmRuns)
	case f.cold && f.warm:
		return m, usagef("--cold and --warm can't be combined")
	case f.warm && f.warmRuns == 0:
		return m, usagef("--warm with --warm-runs 0 measures nothing")
	case f.cpu != "lambda" && f.cpu != "none":
		return m, usagef("--cpu %q: must be lambda or none", f.cpu)
	case f.cpuPeriod < time.Millisecond || f.cpuPeriod > time.Second:
		return m, usagef("--cpu-period %s: must be 1ms to 1s", f.cpuPeriod)
	case f.timeout < time.Second || f.timeout > 15*time.Minute:
		return m, usagef("--timeout %s: must be 1s to 15m", f.timeout)
	case f.pause < 0 || f.pause > time.Minute:
		return m, usagef("--pause %s: must be 0 to 1m", f.pause)
	case f.retries < 0 || f.retries > 100:
		return m, usagef("--retries %d: must be 0 to 100", f.retries)
	case f.out == "":
		return m, usagef("--out must not be empty")
	case f.json && f.dryRun:
		return m, usagef("--json and --dry-run can't be combined")
	}
	if err := m.pricing.check(dir); err != nil {
		return m, err
	}
	if f.cold {
		m.warmRuns = 0
	}
	if err := m.readPrecision(); err != nil {
		return m, err
	}
	for _, list := range []struct {
		flag  string
		words []string
	}{{"memory", f.memory}, {"arch", f.arch}} {
		if len(list.words) == 0 && f.given(list.flag) {
			return m, usagef("--%s must not be empty", list.flag)
		}
	}
	var err error
	if m.memoryMB, err = memorySizes(f.memory); err != nil {
		return m, err
	}
	if m.archs, err = architectures(f.arch); err != nil {
		return m, err
	}
	if m.event, err = event(dir, f.payload); err != nil {
		return m, err
	}
	for _, pair := range f.env {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return m, usagef("--env %q: must be KEY=VALUE", pair)
		}
		if runtimeapi.Reserved(key) {
			return m, usagef("--env %q: Lambda sets or withholds %s itself", pair, key)
		}
		m.vars[key] = value
	}
	return m, nil
}

func memorySizes(words []string) ([]int, error) {
	var sizes []int
	for _, word := range words {
		size, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil {
			return nil, usagef("--memory %q: not a whole number of MB", word)
		}
		if err := checkMemory(size); err != nil {
			return nil, err
		}
		if slices.Contains(sizes, size) {
			return nil, usagef("--memory: %d twice", size)
		}
		sizes = append(sizes, size)
	}
	return sizes, nil
}

// checkMemory holds a memory size against Lambda's limits.
func checkMemory(size int) error {
	if size < 128 || size > 10240 {
		return usagef("--memory %d: must be 128 to 10240 MB, as on Lambda", size)
	}
	return nil
}

func architectures(words []string) ([]string, error) {
	if len(words) == 0 {
		return []string{runtime.GOARCH}, nil
	}
	var archs []string
	for _, word := range words {
		switch word {
		case "x86_64":
			word = "amd64"
		case "aarch64":
			word = "arm64"
		}
		if word != "amd64" && word != "arm64" {
			return nil, usagef("--arch %q: must be amd64 or arm64", word)
		}
		if !slices.Contains(archs, word) {
			archs = append(archs, word)
		}
	}
	return archs, nil
}

// event reads the event: JSON as it stands, or a file that holds JSON.
func event(dir, text string) ([]byte, error) {
	if json.Valid([]byte(text)) {
		return []byte(text), nil
	}
	path := text
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, advice.Hint(usagef("--payload %q is neither JSON nor a file", text), `--payload '{"name":"bench"}'`)
	}
	if !json.Valid(data) {
		return nil, usagef("--payload %s: not a JSON document", text)
	}
	const limit = 6*1024*1024 + 100 // Lambda's limit for a synchronous event
	if len(data) > limit {
		return nil, usagef("--payload %s: %d bytes, at most %d", text, len(data), limit)
	}
	return data, nil
}

// absolute returns a path of the command line as an absolute one.
func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// workload spells what a plan makes: how many of what, in how many rounds.
func workload(colds, warms, rounds, configs int) (invocations, order string) {
	invocations = plural(colds, "cold start")
	if warms > 0 {
		invocations += " and " + plural(warms, "warm invocation")
	}
	return invocations, plural(rounds, "round") + " of " + plural(configs, "config") + " in random order"
}

// plural spells a count with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
