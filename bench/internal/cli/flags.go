package cli

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"coldbench/bench/internal/advice"
	"coldbench/bench/internal/coldstart"
	"coldbench/bench/internal/plan"
	"coldbench/bench/internal/results"
	"coldbench/bench/internal/runfile"
	"coldbench/bench/internal/variant"
	"coldbench/bench/runtimeapi"
)

// measure is a run that is asked for: the flags that every measuring command has,
// as typed, and what check makes of them.
type measure struct {
	plan.Flags
	file, payload        string
	env                  []string
	strict, dryRun       bool
	out                  string
	json, quiet, verbose bool
	resume               string
	pricing              pricing

	plan  plan.Plan
	event []byte
	vars  map[string]string
	// resumed is the run that goes on; nil for a new one.
	resumed *runfile.Run
	// reference is the run of --against.
	reference runfile.Reference
}

func (m *measure) register(cmd *cobra.Command) {
	s, p := cmd.Flags(), &m.Typed
	s.SortFlags = false
	s.IntVar(&p.Runs, "runs", 50, "cold starts of each config")
	s.IntVar(&p.WarmRuns, "warm-runs", 5, "warm invocations after each cold start")
	s.BoolVar(&m.Cold, "cold", false, "cold starts only, no warm invocations")
	s.BoolVar(&m.Warm, "warm", false, "show warm invocations only; cold starts are still made and recorded")
	s.StringVar(&m.file, "file", "", "compose file that lists the variants (default docker-compose.yml)")
	s.StringSliceVar(&m.Memory, "memory", nil, "memory sizes in MB, 128 to 10240 (default the service's x-bench memory, else 512)")
	s.StringSliceVar(&m.Arch, "arch", nil, "architecture, amd64 or arm64 (default this machine's)")
	s.StringVar(&m.payload, "payload", `{"name":"bench"}`, "the event: a JSON document or a file that holds one")
	s.StringArrayVar(&m.env, "env", nil, "KEY=VALUE to add to the function's environment; may be repeated")
	s.DurationVar(&p.Pause.Duration, "pause", 40*time.Millisecond, "idle time of an environment before it is invoked again")
	s.Uint64Var(&p.Seed, "seed", 1, "seed of the random order")
	s.StringVar(&p.Baseline, "baseline", "", "variant the others are compared with (default the first)")
	s.StringVar(&p.Precision, "precision", "", "go on until the cold interval's half width is this, 5% or p90:10%")
	s.IntVar(&m.MaxRuns, "max-runs", 200, "most cold starts of each config with --precision")
	s.IntVar(&p.Retries, "retries", 3, "how often a sample that was not proved is taken again")
	s.BoolVar(&m.strict, "strict", false, "exit 3 when a variant of the compose file could not be measured")
	s.BoolVar(&m.dryRun, "dry-run", false, "print the plan, its minutes and cents, and which differences it can show; create nothing, invoke nothing")
	s.StringVar(&m.out, "out", "results", "folder for runs/*.jsonl and the tables")
	s.BoolVar(&m.json, "json", false, "print the report as JSON")
	s.BoolVar(&m.quiet, "quiet", false, "no progress and no notes")
	s.BoolVar(&m.verbose, "verbose", false, "the function's output on stderr")
	s.StringVar(&m.resume, "resume", "", "go on with an interrupted `RUN`, its file or ID")
	m.pricing.register(s)
	m.Given = func(name string) bool {
		flag := s.Lookup(name)
		return flag != nil && flag.Changed
	}
}

func (m *measure) check(dir, backend string) (err error) {
	m.Resume = m.resume != ""
	if m.event, err = event(dir, m.payload); err != nil {
		return err
	}
	if err := m.makePlan(backend, nil); err != nil {
		return err
	}
	switch {
	case m.out == "":
		return usagef("--out must not be empty")
	case m.json && m.dryRun:
		return usagef("--json and --dry-run can't be combined")
	}
	if err := m.pricing.check(dir); err != nil {
		return err
	}
	m.vars = map[string]string{}
	for _, pair := range m.env {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return usagef("--env %q: must be KEY=VALUE", pair)
		}
		if runtimeapi.Reserved(key) {
			return usagef("--env %q: Lambda sets or withholds %s itself", pair, key)
		}
		m.vars[key] = value
	}
	return nil
}

// makePlan makes the plan of the flags; omitted flags keep the value of the run
// that is resumed.
func (m *measure) makePlan(backend string, from *plan.Plan) error {
	p, err := m.Make(backend, from)
	if err != nil {
		return advice.Usage(err)
	}
	p.PayloadSha256 = fmt.Sprintf("%x", sha256.Sum256(m.event))
	m.plan = p
	return nil
}

func (m *measure) checkBaseline(found bool) error {
	if m.plan.Baseline != "" && !found {
		return usagef("--baseline %q is not among the variants that are measured", m.plan.Baseline)
	}
	return nil
}

func (a *app) compose(file, arch string) variant.Options {
	return variant.Options{File: file, Dir: a.Dir, Env: a.Environ, Arch: arch}
}

// selectVariants returns the variants that the arguments ask for, of each of some
// architectures: the arguments of a build depend on it.
func (a *app) selectVariants(ctx context.Context, file string, archs, args []string) (map[string][]coldstart.Variant, error) {
	byArch := map[string][]coldstart.Variant{}
	for _, arch := range archs {
		var err error
		if byArch[arch], err = variant.Select(ctx, a.compose(file, arch), args); err != nil {
			return nil, err
		}
	}
	return byArch, nil
}

// log returns where --verbose sends lines; nil without.
func (a *app) log(verbose bool) func(string) {
	if !verbose {
		return nil
	}
	return func(line string) { a.say("%s", line) }
}

func event(dir, text string) ([]byte, error) {
	if json.Valid([]byte(text)) {
		return []byte(text), nil
	}
	data, err := os.ReadFile(absolute(dir, text))
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

func architectures(words []string) ([]string, error) {
	if len(words) == 0 {
		return []string{runtime.GOARCH}, nil
	}
	archs, err := plan.Architectures(words)
	if err != nil {
		return nil, advice.Usage(err)
	}
	return archs, nil
}

func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// resumeRun reads the run of --resume and takes from its plan what was not given.
// What was given has to agree with it; runfile.Resume compares.
func (a *app) resumeRun(ctx context.Context, m *measure, backend string, args *[]string) error {
	typed := m.resume
	file, run, err := a.results(m.out).Load(ctx, typed, results.Want{})
	switch {
	case err != nil:
		return err
	case !file.OnDisk():
		return fmt.Errorf("--resume %s: the run is in a git revision, and only a file can be continued", typed)
	case run.Header.Backend != backend:
		return usagef("%s is a run of bench %s", typed, run.Header.Backend)
	}
	m.resume, m.resumed = file.Path, run
	h := run.Header
	if err := m.makePlan(backend, &h.Plan); err != nil {
		return err
	}
	if m.plan.PayloadSha256 != h.Plan.PayloadSha256 {
		return advice.Hint(usagef("--payload is not the one that %s was begun with", typed), "give the same --payload and --env again")
	}
	if len(*args) == 0 {
		for _, c := range h.Configs {
			if c.Variant != h.Plan.Control && c.Before == "" {
				*args = addOnce(*args, c.Variant)
			}
		}
	}
	if len(*args) == 0 {
		return fmt.Errorf("%s names no configuration", typed)
	}
	return nil
}
